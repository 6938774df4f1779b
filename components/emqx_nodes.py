"""The broker's nodes as the EMQX resource describes them: size, volumes, spread over zones, probes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from components import names
from components.emqx_mounts import mounted
from model import Site
from model.broker import Replicants

_LEAVING_SECONDS = 5
# Labels that the operator gives to the pods of all nodes, of core nodes, of replicants.
BROKER_PODS = {"apps.emqx.io/instance": names.BROKER}
CORE_PODS = BROKER_PODS | {"apps.emqx.io/db-role": "core"}
REPLICANT_PODS = BROKER_PODS | {"apps.emqx.io/db-role": "replicant"}


def core_nodes(site: Site) -> dict[str, Any]:
    """Return the core nodes' specification: size, volumes, spread, probes and rights."""
    return {
        "replicas": site.broker.replicas,
        "volumeClaimTemplates": _volume_claim(site),
        **_nodes(site, CORE_PODS),
    }


def replicant_nodes(site: Site, replicants: Replicants) -> dict[str, Any]:
    """Return the replicants' specification: as core nodes, without a volume.

    Where they scale themselves their number is the autoscaler's alone.
    """
    number = {} if replicants.autoscaling else {"replicas": replicants.replicas}
    # The last of operator 2.2 puts the core nodes' constraint in this place, which counts no replicant: so their own
    # affinity asks for other zones, too.
    apart = _apart(REPLICANT_PODS, "kubernetes.io/hostname", "topology.kubernetes.io/zone")
    return number | _nodes(site, REPLICANT_PODS) | {"affinity": apart}


def _nodes(site: Site, pods: Mapping[str, str]) -> dict[str, Any]:
    broker = site.broker
    amounts = {"cpu": _cores(broker.cores), "memory": broker.memory.kubernetes()}
    status = {"path": "/status", "port": broker.dashboard_port, "scheme": "HTTPS"}
    volumes, mounts = mounted(site)
    return {
        # Of this the operator makes the disruption budget.
        "maxUnavailable": broker.max_unavailable,
        "resources": {"requests": amounts, "limits": amounts},
        "topologySpreadConstraints": [
            {
                "topologyKey": "topology.kubernetes.io/zone",
                "maxSkew": 1,
                # One zone alone cannot be spread over; then it is a wish.
                "whenUnsatisfiable": "DoNotSchedule" if len(site.platform.zones) > 1 else "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(pods)},
            }
        ],
        "affinity": _apart(pods, "kubernetes.io/hostname"),
        "podSecurityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "fsGroup": 1000,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        # The operator's own probes ask the plain dashboard, which is off.
        "readinessProbe": {
            "httpGet": status,
            "initialDelaySeconds": 10,
            "periodSeconds": 5,
            # Ready means ready for a while: EMQX says that it runs some seconds before it can sign anybody in.
            "successThreshold": 3,
            "failureThreshold": 12,
        },
        "livenessProbe": {
            "httpGet": status,
            "initialDelaySeconds": 60,
            "periodSeconds": 30,
            "failureThreshold": 3,
        },
        # Load balancers hear of a node that goes when the node does: it waits until they send nobody. That must fit
        # into Kubernetes' own 30 s, for the resource cannot say another time (docs/adr/0027). At replicants the
        # operator puts its own in this place, by which they leave the cluster.
        "lifecycle": {"preStop": {"sleep": {"seconds": _LEAVING_SECONDS}}},
        **_first_administrator(site),
        "extraVolumes": volumes,
        "extraVolumeMounts": mounts,
    }


def _apart(pods: Mapping[str, str], *topology_keys: str) -> dict[str, Any]:
    """Return the affinity of pods that had rather not share a host, a zone, ..., as far as there are enough."""
    terms = [{"topologyKey": key, "labelSelector": {"matchLabels": dict(pods)}} for key in topology_keys]
    wishes = [{"weight": 100, "podAffinityTerm": term} for term in terms]
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": wishes}}


def _first_administrator(site: Site) -> dict[str, Any]:
    """Return the password of the first administrator, for whom EMQX would take a well-known one.

    There is none where Keycloak signs people in.
    """
    if site.broker.signs_in_people:
        return {}
    password = {"secretKeyRef": {"name": names.BROKER_ADMINISTRATOR, "key": "password"}}
    return {"env": [{"name": "EMQX_DASHBOARD__DEFAULT_PASSWORD", "valueFrom": password}]}


def _volume_claim(site: Site) -> dict[str, Any]:
    storage = site.broker.storage
    claim: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage.size.kubernetes()}},
    }
    return claim | ({"storageClassName": storage.storage_class} if storage.storage_class else {})


def _cores(cores: Decimal) -> str:
    """Return Kubernetes' own form of a number of cores (`2`, `1500m`), so that no preview shows a change."""
    return str(int(cores)) if cores == int(cores) else f"{int(cores * 1000)}m"
