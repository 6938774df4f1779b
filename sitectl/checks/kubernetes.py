"""Preflight's look at the cluster: it answers, serves each API that the site needs, and lets this login do the work."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from components.requirements import NeededApi, needed_apis, scales
from model import Site
from sitectl.checks import Finding
from sitectl.checks.kubectl import Kubectl, KubectlFailed
from sitectl.checks.running import running_findings
from sitectl.checks.secrets import secret_findings

AREA = "kubernetes"
OLDEST_MINOR = 30  # ValidatingAdmissionPolicy and CEL in CRDs are stable from Kubernetes 1.30 on
METRICS = "metrics.k8s.io/v1beta1"
VERBS = ("get", "create", "patch", "delete")
_RBAC, _TOKEN_REVIEW = "rbac.authorization.k8s.io", "system:auth-delegator"


def check(site: Site, context: str) -> list[Finding]:
    """Look at the cluster behind `context`; never raises for what the cluster answers."""
    kubectl = Kubectl(context)
    try:
        version = kubectl.get_raw("/version")
    except FileNotFoundError:
        return [Finding(AREA, "kubectl", "not on the PATH", "install kubectl, or open the lab's shell")]
    except KubectlFailed as failure:
        remedy = f"check KUBECONFIG and that context {context!r} names this site's cluster"
        return [Finding(AREA, "API server answers", str(failure), remedy)]
    findings = [_version_finding(version)]
    needed = needed_apis(site)
    with ThreadPoolExecutor(max_workers=6) as pool:
        apis = pool.submit(_served_findings, kubectl, needed)
        rights = pool.submit(_right_findings, kubectl, needed, site)
        places = pool.submit(_place_findings, kubectl, site)
        scaling = pool.submit(_scaling_findings, kubectl, site)
        secrets = pool.submit(secret_findings, kubectl, site)
        running = pool.submit(running_findings, kubectl, site)
        looks = (apis, rights, places, scaling, secrets, running)
        return findings + [finding for look in looks for finding in look.result()]


def _version_finding(version: Any) -> Finding:
    minor = int("".join(filter(str.isdigit, version["minor"])) or 0)
    detail = f"Kubernetes {version['gitVersion']}"
    if minor < OLDEST_MINOR:
        return Finding(
            AREA, "API server answers", detail, f"upgrade the cluster to 1.{OLDEST_MINOR} or later"
        )
    return Finding(AREA, "API server answers", detail)


def _served_findings(kubectl: Kubectl, needed: Iterable[NeededApi]) -> list[Finding]:
    by_version: dict[str, list[NeededApi]] = {}
    for api in needed:
        by_version.setdefault(api.api_version, []).append(api)
    findings = []
    for api_version, apis in by_version.items():
        path = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        try:
            served = {resource["kind"] for resource in kubectl.get_raw(path)["resources"]}
        except KubectlFailed:
            served = set()
        missing = [api for api in apis if api.kind not in served]
        kinds = ", ".join(dict.fromkeys(api.kind for api in apis))
        if missing:
            detail = f"not served: {', '.join(dict.fromkeys(api.kind for api in missing))}"
            other = _other_versions(kubectl, api_version)
            if other:
                detail += f" (this cluster has {', '.join(other)})"
            findings.append(Finding(AREA, f"{api_version} is served", detail, missing[0].remedy))
        else:
            findings.append(Finding(AREA, f"{api_version} is served", kinds))
    return findings


def _scaling_findings(kubectl: Kubectl, site: Site) -> list[Finding]:
    """Look whether what scales itself can: the cluster's metrics, and a selector of the replicants' pods."""
    metrics = [_metrics_finding(kubectl)] if scales(site) else []
    return metrics + _replicants_findings(kubectl, site)


def _metrics_finding(kubectl: Kubectl) -> Finding:
    what = f"{METRICS} is served"
    try:
        kubectl.get_raw(f"/apis/{METRICS}")
    except KubectlFailed as failure:
        remedy = "have the platform install metrics-server, without which nothing scales, or leave `autoscaling` out"
        return Finding(AREA, what, str(failure), remedy)
    return Finding(AREA, what, "autoscalers can ask how much is used")


def _replicants_findings(kubectl: Kubectl, site: Site) -> list[Finding]:
    """Look whether an autoscaler could find the replicants, where a site has some: by `/scale`'s selector of pods."""
    if site.broker.replicants is None:
        return []
    what = "an autoscaler finds the replicants"
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/emqxes.apps.emqx.io"
    try:
        versions = {entry["name"]: entry for entry in kubectl.get_raw(path)["spec"]["versions"]}
    except KubectlFailed as failure:
        return [Finding(AREA, what, str(failure), "let this login read the definition emqxes.apps.emqx.io")]
    version = site.broker.operator_api.rpartition("/")[2]
    scale = versions.get(version, {}).get("subresources", {}).get("scale", {})
    found, wanted = bool(scale.get("labelSelectorPath")), site.platform.broker_operator.scales_replicants
    detail = f"{version}'s /scale {'names' if found else 'does not name'} a selector of pods"
    if wanted and not found:
        remedy = "write `platform.broker_operator.scales_replicants: false`, and plan the replicants' number"
        return [Finding(AREA, what, detail, remedy)]
    hint = "; `platform.broker_operator.scales_replicants: true` may be said" if found and not wanted else ""
    return [Finding(AREA, what, detail + hint)]


def _other_versions(kubectl: Kubectl, api_version: str) -> list[str]:
    group, _, _ = api_version.rpartition("/")
    if not group:
        return []
    try:
        versions = kubectl.get_raw(f"/apis/{group}")["versions"]
    except KubectlFailed:
        return []
    return [entry["groupVersion"] for entry in versions]


def _right_findings(kubectl: Kubectl, needed: Iterable[NeededApi], site: Site) -> list[Finding]:
    """Ask what this login may do in each namespace, by one rules review each."""
    names = {"namespaces": site.namespace, "clusterrolebindings": f"{site.namespace}-token-review"}
    by_namespace: dict[str, list[NeededApi]] = {}
    for api in needed:
        by_namespace.setdefault(api.namespace or site.namespace, []).append(api)
    findings = []
    for namespace, apis in by_namespace.items():
        try:
            rules = _rules(kubectl, namespace)
        except KubectlFailed as failure:
            findings.append(
                Finding(
                    AREA,
                    f"rights in {namespace}",
                    str(failure),
                    "log in with an identity that may ask for its own rights",
                )
            )
            continue
        lacking = [
            f"{verb} {api.plural}"
            for api in apis
            for verb in VERBS
            if not _allows(rules, verb, api.group, api.plural, names.get(api.plural))
        ]
        if namespace == site.namespace and not _allows(rules, "bind", _RBAC, "clusterroles", _TOKEN_REVIEW):
            lacking.append(f"bind clusterroles/{_TOKEN_REVIEW}")
        what = f"rights in namespace {namespace}"
        detail = "may not " + ", ".join(lacking)
        if lacking and namespace == site.namespace and _is_absent(kubectl, namespace):
            detail = f"it is not there yet, and so no Role in it: {len(lacking)} rights are lacking"
        if lacking:
            remedy = (
                f"have the cluster's administrator apply `sitectl rights {site.name} kubernetes deployer`; its Roles "
                "need the namespace, which the deployer makes first (docs/rights.md)"
            )
            findings.append(Finding(AREA, what, detail, remedy))
        else:
            findings.append(Finding(AREA, what, f"{', '.join(VERBS)} on {len(apis)} kinds"))
    return findings


def _is_absent(kubectl: Kubectl, namespace: str) -> bool:
    try:
        kubectl.get_raw(f"/api/v1/namespaces/{namespace}")
    except KubectlFailed as failure:
        return "NotFound" in str(failure)
    return False


def _rules(kubectl: Kubectl, namespace: str) -> list[dict[str, list[str]]]:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    answer = kubectl.create_raw("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review)
    rules: list[dict[str, list[str]]] = answer["status"]["resourceRules"]
    return rules


def _allows(
    rules: Iterable[dict[str, list[str]]], verb: str, group: str, plural: str, name: str | None = None
) -> bool:
    """Say whether a rule allows it; one that lists names does for the object of the name, but not to make it."""
    return any(
        _matches(rule.get("verbs"), verb)
        and _matches(rule.get("apiGroups"), group)
        and _matches(rule.get("resources"), plural)
        and (not rule.get("resourceNames") or (name in rule["resourceNames"] and verb != "create"))
        for rule in rules
    )


def _matches(allowed: list[str] | None, wanted: str) -> bool:
    return bool(allowed) and ("*" in (allowed or []) or wanted in (allowed or []))


def _place_findings(kubectl: Kubectl, site: Site) -> list[Finding]:
    return [_zone_finding(kubectl, site), _kafka_finding(kubectl, site), _storage_finding(kubectl, site)]


def _zone_finding(kubectl: Kubectl, site: Site) -> Finding:
    what = f"nodes in zones {', '.join(site.platform.zones)}"
    try:
        nodes = kubectl.get_raw("/api/v1/nodes")["items"]
    except KubectlFailed as failure:
        return Finding(AREA, what, str(failure), "grant this login to list nodes")
    zones = {node["metadata"].get("labels", {}).get("topology.kubernetes.io/zone") for node in nodes}
    missing = [zone for zone in site.platform.zones if zone not in zones]
    if missing:
        seen = ", ".join(sorted(zone for zone in zones if zone)) or "none"
        remedy = f"label nodes with topology.kubernetes.io/zone, or set platform.zones in the site file (seen: {seen})"
        return Finding(AREA, what, f"no node in {', '.join(missing)}", remedy)
    return Finding(AREA, what, f"{len(nodes)} nodes")


def _kafka_finding(kubectl: Kubectl, site: Site) -> Finding:
    cluster = site.streams.cluster
    what = f"Kafka cluster {cluster.namespace}/{cluster.name}"
    path = f"/apis/kafka.strimzi.io/v1/namespaces/{cluster.namespace}/kafkas/{cluster.name}"
    try:
        kafka = kubectl.get_raw(path)
    except KubectlFailed as failure:
        return Finding(
            AREA,
            what,
            str(failure),
            "have the platform make it, or correct streams.cluster in the site's data",
        )
    conditions = {entry["type"]: entry for entry in kafka.get("status", {}).get("conditions", [])}
    ready = conditions.get("Ready", {})
    if ready.get("status") != "True":
        detail = ready.get("message") or "its Ready condition is not True"
        return Finding(AREA, what, detail, f"kubectl -n {cluster.namespace} describe kafka {cluster.name}")
    return Finding(AREA, what, "Ready")


def _storage_finding(kubectl: Kubectl, site: Site) -> Finding:
    wanted = site.broker.storage.storage_class
    what = f"storage class {wanted}" if wanted else "a default storage class"
    try:
        classes = kubectl.get_raw("/apis/storage.k8s.io/v1/storageclasses")["items"]
    except KubectlFailed as failure:
        return Finding(AREA, what, str(failure), "grant this login to list storage classes")
    default = "storageclass.kubernetes.io/is-default-class"
    names = [entry["metadata"]["name"] for entry in classes]
    chosen = [
        entry["metadata"]["name"]
        for entry in classes
        if entry["metadata"]["name"] == wanted
        or (wanted is None and entry["metadata"].get("annotations", {}).get(default) == "true")
    ]
    if not chosen:
        return Finding(
            AREA,
            what,
            f"not there (there is {', '.join(names) or 'none'})",
            "set broker.storage.storage_class in the site file",
        )
    return Finding(AREA, what, chosen[0])
