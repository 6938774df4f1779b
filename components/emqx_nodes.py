"""The broker's nodes as the EMQX resource describes them: size, volumes, spread over zones, probes."""

from collections.abc import Mapping
from typing import Any

from components import names
from components.emqx_mounts import mounted
from components.stateless import cores
from model import Site
from model.broker import Replicants

_LEAVING_SECONDS = 5
# What EMQX's image starts when it is told nothing.
_EMQX = ("/opt/emqx/bin/emqx", "foreground")
WAIT_FOR_KAFKA = (
    """until timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null || [ "$SECONDS" -ge "$3" ]; """
    """do sleep 1; done; shift 3; exec "$@\""""
)
"""Starts the command behind host, port and seconds once the port takes a connection, or these seconds are over."""
_LOOK_SECONDS = 10
# For EMQX's own start, with a cluster to join.
_STARTED_SECONDS = 300
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
    amounts = {"cpu": cores(broker.cores), "memory": broker.memory.kubernetes()}
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
        **_environment(site),
        **_start(site),
        "extraVolumes": volumes,
        "extraVolumeMounts": mounts,
    }


def _apart(pods: Mapping[str, str], *topology_keys: str) -> dict[str, Any]:
    """Return the affinity of pods that had rather not share a host, a zone, ..., as far as there are enough."""
    terms = [{"topologyKey": key, "labelSelector": {"matchLabels": dict(pods)}} for key in topology_keys]
    wishes = [{"weight": 100, "podAffinityTerm": term} for term in terms]
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": wishes}}


def _environment(site: Site) -> dict[str, Any]:
    """Return the variables of each node, where it has some."""
    variables: list[dict[str, Any]] = []
    if not site.broker.signs_in_people:
        # The first administrator's password, for whom EMQX would take a well-known one.
        password = {"secretKeyRef": {"name": names.BROKER_ADMINISTRATOR, "key": "password"}}
        variables.append({"name": "EMQX_DASHBOARD__DEFAULT_PASSWORD", "valueFrom": password})
    if site.broker.hardened:
        # Nothing comes in before the chain of authentication is loaded, and what cannot be asked is denied. It is read
        # before the configuration is, so it cannot stand there.
        variables.append({"name": "EMQX_SECURITY_PROFILE", "value": "hardened"})
    return {"env": variables} if variables else {}


def _start(site: Site) -> dict[str, Any]:
    """Return how a node starts that writes to Kafka itself: not before Kafka answers, or the site's patience is over.

    EMQX makes no buffer for an action whose connector has not been connected since the node started: what is published
    meanwhile is acknowledged and lost.
    """
    if site.way_to_kafka != "broker":
        return {}
    host, _, port = site.streams.cluster.bootstrap.rpartition(":")
    wait = site.streams.wait_at_start.seconds
    status = {"path": "/status", "port": site.broker.dashboard_port, "scheme": "HTTPS"}
    return {
        # The image's own entry point runs these words in the place of its own.
        "args": ["/bin/bash", "-c", WAIT_FOR_KAFKA, "start", host, port, str(wait), *_EMQX],
        # Until it succeeds neither of the other probes asks.
        "startupProbe": {
            "httpGet": status,
            "periodSeconds": _LOOK_SECONDS,
            "failureThreshold": -(-(wait + _STARTED_SECONDS) // _LOOK_SECONDS),
        },
    }


def _volume_claim(site: Site) -> dict[str, Any]:
    storage = site.broker.storage
    claim: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage.size.kubernetes()}},
    }
    return claim | ({"storageClassName": storage.storage_class} if storage.storage_class else {})
