"""Preflight's look at whether the programs run that a rollout waits for: operators, Kafka's brokers, the site's own.

An API that is served says nothing of that: its objects are taken, and nothing comes of them. An operator that elects a
leader renews a lease; one that is stopped or hangs does not. Others are seen by their Deployment, where this login may
look. What could not be looked at is a finding, too.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from components import names
from components.requirements import needed_apis
from model import Site
from sitectl.checks import Finding
from sitectl.checks.kubectl import Kubectl, KubectlFailed

AREA = "kubernetes"
LEASES = "/apis/coordination.k8s.io/v1/leases"
LONGEST_WATCH = 15.0
"""Seconds for which a lease that looks old is watched: this machine's clock may be ahead of the cluster's."""

Document = Mapping[str, Any]
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Operator:
    """One operator of the platform: how it is found, and what waits for it.

    `lease` begins the name of its lease; `label` selects its Deployment, in `namespace` or (None) in any.
    """

    name: str
    group: str
    label: str
    waits: str
    lease: str | None = None
    namespace: str | None = None


def operators(site: Site) -> list[Operator]:
    """Return the operators without which a rollout of the site waits in vain.

    The leases are those of their publishers' own manifests; the Prometheus operator elects no leader.
    """
    kafka = site.streams.cluster
    known = (
        Operator(
            "EMQX's operator",
            "apps.emqx.io",
            "app.kubernetes.io/name=emqx-operator",
            "no change of the broker arrives",
            lease="19fd6fcc.emqx.io",
        ),
        Operator(
            "Strimzi's cluster operator",
            "kafka.strimzi.io",
            "app=strimzi",
            "no change of a Kafka bridge or of Kafka Connect arrives",
            lease="strimzi-cluster-operator",
        ),
        Operator(
            "Strimzi's topic and user operator",
            "kafka.strimzi.io",
            f"strimzi.io/name={kafka.name}-entity-operator",
            "no topic and no user is made or changed",
            namespace=kafka.namespace,
        ),
        Operator(
            "cert-manager",
            "cert-manager.io",
            "app.kubernetes.io/name=cert-manager",
            "no certificate is made or renewed",
            lease="cert-manager-controller",
        ),
        Operator(
            "External Secrets",
            "external-secrets.io",
            "app.kubernetes.io/name=external-secrets",
            "no Secret comes out of Vault",
            lease="external-secrets-controller",
        ),
        Operator(
            "Prometheus' operator",
            "monitoring.coreos.com",
            "app.kubernetes.io/name=prometheus-operator",
            "Prometheus keeps its old rules, and `up` does not notice",
            namespace=site.platform.prometheus_namespace,
        ),
    )
    groups = {api.group for api in needed_apis(site)}
    return [operator for operator in known if operator.group in groups]


def running_findings(kubectl: Kubectl, site: Site) -> list[Finding]:
    """Look at each operator, at Kafka's brokers, and at the site's own servers where they are deployed."""
    found = [_operator_finding(kubectl, operator) for operator in _watched(kubectl, operators(site))]
    return [*found, _brokers_finding(kubectl, site), _policy_server_finding(kubectl, site)]


@dataclass(frozen=True)
class Watched:
    """An operator with its lease: None where there is none, or where this login may not look."""

    operator: Operator
    lease: Document | None
    renewed: bool


def _watched(
    kubectl: Kubectl,
    wanted: Iterable[Operator],
    now: Clock = lambda: datetime.now(UTC),
    rest: Callable[[float], None] = time.sleep,
) -> list[Watched]:
    """Find each operator's lease, and see whether it is renewed.

    One that was renewed within its own duration is; an older one is watched until it moves, for its duration at most.
    """
    first = _leases(kubectl)
    found = {operator: _newest(first, operator) for operator in wanted}
    old = {
        operator: lease for operator, lease in found.items() if lease is not None and _is_old(lease, now())
    }
    end = time.monotonic() + min(
        max((_duration(lease) for lease in old.values()), default=0.0), LONGEST_WATCH
    )
    while old and time.monotonic() < end:
        rest(1.0)
        again = _leases(kubectl)
        old = {
            operator: lease
            for operator, lease in old.items()
            if (later := _newest(again, operator)) is None or _renewed(later) == _renewed(lease)
        }
    return [Watched(operator, lease, operator not in old) for operator, lease in found.items()]


def _operator_finding(kubectl: Kubectl, watched: Watched) -> Finding:
    operator, lease = watched.operator, watched.lease
    what = f"{operator.name} runs"
    if lease is not None:
        place, name = lease["metadata"]["namespace"], lease["metadata"]["name"]
        if watched.renewed:
            return Finding(AREA, what, f"it renews its lease {place}/{name}")
        detail = f"its lease {place}/{name} was renewed last at {_renewed(lease)[:19]}Z: it is away, or hangs"
        return Finding(AREA, what, detail, _remedy(operator, place))
    try:
        deployments = _deployments(kubectl, operator.namespace, operator.label)
    except KubectlFailed:
        return _not_looked_at(
            what, f"it has no lease, and this login may not look for a Deployment ({operator.label})"
        )
    if not deployments:
        return _not_looked_at(what, f"it has no lease, and no Deployment with {operator.label}")
    place = deployments[0]["metadata"]["namespace"]
    if not any(_available(entry) for entry in deployments):
        return Finding(AREA, what, f"no pod of {_named(deployments)} is available", _remedy(operator, place))
    return Finding(AREA, what, f"{_named(deployments)} is available")


def _remedy(operator: Operator, namespace: str) -> str:
    return (
        f"until it runs {operator.waits}; have the platform's team look with `kubectl -n {namespace} get pods` "
        f"and `kubectl -n {namespace} logs POD`; they restart it with "
        f"`kubectl -n {namespace} rollout restart deployment NAME`"
    )


def _brokers_finding(kubectl: Kubectl, site: Site) -> Finding:
    """Count Kafka's brokers that are ready: the Kafka resource stays Ready for minutes when all of them are gone."""
    cluster = site.streams.cluster
    what = f"brokers of Kafka cluster {cluster.namespace}/{cluster.name}"
    label = f"strimzi.io/cluster={cluster.name},strimzi.io/broker-role=true"
    path = f"/api/v1/namespaces/{cluster.namespace}/pods?labelSelector={quote(label)}"
    try:
        pods = kubectl.get_raw(path)["items"]
    except KubectlFailed as failure:
        return _not_looked_at(what, str(failure))
    away = [str(pod["metadata"]["name"]) for pod in pods if not _is_ready(pod)]
    if not pods:
        return _not_looked_at(what, f"there are no pods with {label}")
    if away:
        remedy = (
            "no topic can be made without them, and the broker's messages wait or are lost; have the platform's team "
            f"look: `kubectl -n {cluster.namespace} describe pod {away[0]}`"
        )
        return Finding(
            AREA, what, f"{len(pods) - len(away)} of {len(pods)} are ready, not {', '.join(away)}", remedy
        )
    return Finding(AREA, what, f"all {len(pods)} are ready")


def _policy_server_finding(kubectl: Kubectl, site: Site) -> Finding:
    """Look at the policy server of a site that is deployed: what does not change it does not wait for it."""
    what = "the policy server (OPA) answers"
    path = f"/apis/apps/v1/namespaces/{site.namespace}/deployments?fieldSelector=metadata.name%3D{names.POLICY_SERVER}"
    try:
        found = kubectl.get_raw(path)["items"]
    except KubectlFailed as failure:
        return _not_looked_at(what, str(failure))
    if not found:
        return Finding(AREA, what, "not deployed yet")
    if not _available(found[0]):
        remedy = (
            "the broker lets no client do anything: follow runbooks/PolicyServerDown.md; "
            f"`kubectl -n {site.namespace} describe deployment {names.POLICY_SERVER}`"
        )
        return Finding(AREA, what, "none of its pods is ready", remedy)
    return Finding(AREA, what, f"{_available(found[0])} pods are ready")


def _not_looked_at(what: str, why: str) -> Finding:
    return Finding(AREA, what, f"not looked at: {why}", looked=False)


def _leases(kubectl: Kubectl) -> list[Document]:
    try:
        items: list[Document] = kubectl.get_raw(LEASES)["items"]
    except KubectlFailed:
        return []
    return items


def _newest(leases: Iterable[Document], operator: Operator) -> Document | None:
    """Return the operator's lease; of several releases side by side, the one that was renewed last."""
    if operator.lease is None:
        return None
    found = [entry for entry in leases if str(entry["metadata"]["name"]).startswith(operator.lease)]
    return max(found, key=_renewed, default=None)


def _renewed(lease: Document) -> str:
    return str(lease["spec"].get("renewTime") or "")


def _duration(lease: Document) -> float:
    return float(lease["spec"].get("leaseDurationSeconds") or LONGEST_WATCH)


def _is_old(lease: Document, now: datetime) -> bool:
    """Say whether the lease was not renewed within its duration; this clock cannot judge one of the future."""
    try:
        age = (now - datetime.fromisoformat(_renewed(lease).replace("Z", "+00:00"))).total_seconds()
    except ValueError:
        return True
    return not -1.0 <= age <= _duration(lease)


def _deployments(kubectl: Kubectl, namespace: str | None, label: str) -> list[Document]:
    place = f"namespaces/{namespace}/" if namespace else ""
    items: list[Document] = kubectl.get_raw(f"/apis/apps/v1/{place}deployments?labelSelector={quote(label)}")[
        "items"
    ]
    return items


def _available(deployment: Document) -> int:
    return int((deployment.get("status") or {}).get("availableReplicas") or 0)


def _named(deployments: Iterable[Document]) -> str:
    return ", ".join(
        f"Deployment {entry['metadata']['namespace']}/{entry['metadata']['name']}" for entry in deployments
    )


def _is_ready(pod: Document) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)
