"""The objects that the EMQX operator makes for an EMQX resource, as the lab's stand-in makes them."""

import json
from collections.abc import Iterator
from typing import Any

from lab.operators.kubernetes import CONFIG_MAP, DISRUPTION_BUDGET, SERVICE, STATEFUL_SET, Document, Kind

API_VERSION = "apps.emqx.io/v2beta1"
"""The API version in which the lab reads EMQX resources, whichever they were written in."""
LAST_CONFIGURATION = "apps.emqx.io/last-emqx-configuration"
"""Annotation in which the operator keeps what the broker took last."""
LABEL_INSTANCE = "apps.emqx.io/instance"
LABEL_MANAGER = "apps.emqx.io/managed-by"
LABEL_ROLE = "apps.emqx.io/db-role"
LABEL_TEMPLATE = "apps.emqx.io/pod-template-hash"
CORE = "core"
REPLICANT = "replicant"
ERLANG_PORTS = {"erpc": 5369, "ekka": 4370}
DATA_FOLDER = "/opt/emqx/data"
# Kubernetes' own letters of generated names: no vowel, so no word.
_HASH_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
# Fields of a template's `spec` that go into the pod, and into its broker container, as they are.
POD_FIELDS = (
    "affinity",
    "tolerations",
    "nodeSelector",
    "nodeName",
    "topologySpreadConstraints",
    "initContainers",
)
CONTAINER_FIELDS = (
    "args",
    "command",
    "env",
    "envFrom",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resources",
    "startupProbe",
)


def core_set_name(document: Document) -> str:
    """Return the name of an EMQX resource's StatefulSet of core nodes: another pod template, another StatefulSet."""
    return _set_name(document, CORE)


def replicant_set_name(document: Document) -> str:
    """Return the name of an EMQX resource's ReplicaSet of replicants: another pod template, another ReplicaSet."""
    return _set_name(document, REPLICANT)


def replicants(document: Document) -> int:
    """Return how many replicants an EMQX resource asks for; none where it has no template of them."""
    return int(_nodes(document, REPLICANT).get("replicas", 0))


def has_replicant_template(document: Document) -> bool:
    """Return whether an EMQX resource says what replicants are, be it that it asks for none."""
    return bool(document["spec"].get("replicantTemplate"))


def template_hash(template: Document) -> str:
    """Return a pod template's digest in the letters of Kubernetes' own: FNV-1a, as the operator reckons it.

    The operator hashes Go's own print of the template, so a real site's digest of the same template is another one.
    """
    digest = 0x811C9DC5
    for byte in json.dumps(template, sort_keys=True).encode():
        digest = (digest ^ byte) * 0x01000193 % 2**32
    return "".join(_HASH_LETTERS[ord(digit) % len(_HASH_LETTERS)] for digit in str(digest))


def broker_objects(document: Document) -> Iterator[tuple[Kind, Document]]:
    """Yield each object that an EMQX resource stands for from the beginning, owned by it."""
    name, spec = document["metadata"]["name"], document["spec"]
    yield CONFIG_MAP, owned(document, f"{name}-configs", data={"emqx.conf": _started_with(document)})
    yield SERVICE, owned(document, f"{name}-headless", spec=_headless(name))
    for part, role in (("listeners", REPLICANT if replicants(document) else CORE), ("dashboard", CORE)):
        template = spec.get(f"{part}ServiceTemplate") or {}
        if template.get("enabled", True) and (template.get("spec") or {}).get("ports"):
            yield SERVICE, _service(document, f"{name}-{part}", template, role)
    for role in (CORE, REPLICANT):
        nodes = _nodes(document, role)
        if "minAvailable" in nodes or "maxUnavailable" in nodes:
            yield DISRUPTION_BUDGET, owned(document, f"{name}-{role}", spec=_budget(name, role, nodes))
    yield STATEFUL_SET, _stateful_set(document)


def replica_set(document: Document) -> Document:
    """Return the ReplicaSet of an EMQX resource's replicants, owned by it; it is made once the core nodes are ready."""
    return _pods_of(document, REPLICANT, {"replicas": replicants(document)})


def _stateful_set(document: Document) -> Document:
    name, nodes = document["metadata"]["name"], _nodes(document, CORE)
    spec = {
        "replicas": nodes.get("replicas", 2),
        "serviceName": f"{name}-headless",
        "podManagementPolicy": "Parallel",
        "volumeClaimTemplates": [_claim(name, nodes)] if nodes.get("volumeClaimTemplates") else [],
    }
    return _pods_of(document, CORE, spec)


def _pods_of(document: Document, role: str, spec: dict[str, Any]) -> Document:
    """Return what holds a role's pods: its selector and its template are told apart by the template's digest."""
    template = _template(document, role)
    labels = template["metadata"]["labels"] | {LABEL_TEMPLATE: template_hash(template)}
    pods = {**template, "metadata": {**template["metadata"], "labels": labels}}
    made = owned(
        document,
        _set_name(document, role),
        spec={**spec, "selector": {"matchLabels": labels}, "template": pods},
    )
    made["metadata"]["labels"] = {**made["metadata"]["labels"], **labels}
    return made


def _set_name(document: Document, role: str) -> str:
    return f"{document['metadata']['name']}-{role}-{template_hash(_template(document, role))}"


def _nodes(document: Document, role: str) -> dict[str, Any]:
    """Return what the resource says of a role's nodes."""
    return ((document["spec"].get(f"{role}Template") or {}).get("spec")) or {}


def _template(document: Document, role: str) -> Document:
    """Return the pod template of a role's nodes, as the operator hashes it: without the hash."""
    name, template = document["metadata"]["name"], document["spec"].get(f"{role}Template") or {}
    own = template.get("metadata") or {}
    return {
        "metadata": {
            "labels": {**(own.get("labels") or {}), **_pod_labels(name, role)},
            "annotations": {**(own.get("annotations") or {})},
        },
        "spec": _pod(document, role),
    }


def _pod(document: Document, role: str) -> dict[str, Any]:
    name, spec, nodes = document["metadata"]["name"], document["spec"], _nodes(document, role)
    data = f"{name}-{role}-data"
    own_volumes = [{"name": "bootstrap-config", "configMap": {"name": f"{name}-configs"}}]
    if not nodes.get("volumeClaimTemplates"):
        own_volumes.append({"name": data, "emptyDir": {}})
    broker = {
        "name": "emqx",
        "image": spec["image"],
        "imagePullPolicy": spec.get("imagePullPolicy", "IfNotPresent"),
        "volumeMounts": [
            {"name": "bootstrap-config", "mountPath": "/opt/emqx/etc/emqx.conf", "subPath": "emqx.conf"},
            {"name": data, "mountPath": DATA_FOLDER},
            *(nodes.get("extraVolumeMounts") or []),
        ],
        **{field: nodes[field] for field in CONTAINER_FIELDS if nodes.get(field)},
    }
    if nodes.get("containerSecurityContext"):
        broker["securityContext"] = nodes["containerSecurityContext"]
    pod: dict[str, Any] = {
        "containers": [broker, *(nodes.get("extraContainers") or [])],
        "volumes": own_volumes + list(nodes.get("extraVolumes") or []),
        **{field: nodes[field] for field in POD_FIELDS if nodes.get(field)},
    }
    # The misspelt field is the operator's own, kept by it for old resources.
    if nodes.get("toleRations") and "tolerations" not in pod:
        pod["tolerations"] = nodes["toleRations"]
    if nodes.get("podSecurityContext"):
        pod["securityContext"] = nodes["podSecurityContext"]
    if spec.get("imagePullSecrets"):
        pod["imagePullSecrets"] = spec["imagePullSecrets"]
    if spec.get("serviceAccountName"):
        pod["serviceAccountName"] = spec["serviceAccountName"]
    return pod


def _claim(name: str, nodes: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": f"{name}-{CORE}-data"}, "spec": nodes["volumeClaimTemplates"]}


def _headless(name: str) -> dict[str, Any]:
    return {
        "type": "ClusterIP",
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": _pod_labels(name, CORE),
        "ports": [
            {"name": port, "port": number, "targetPort": number, "protocol": "TCP"}
            for port, number in ERLANG_PORTS.items()
        ],
    }


def _service(document: Document, name: str, template: dict[str, Any], role: str) -> Document:
    metadata = template.get("metadata") or {}
    spec = {**template["spec"], "selector": _pod_labels(document["metadata"]["name"], role)}
    service = owned(document, name, spec=spec)
    service["metadata"]["labels"] = {**(metadata.get("labels") or {}), **service["metadata"]["labels"]}
    service["metadata"]["annotations"] = metadata.get("annotations") or {}
    return service


def _budget(name: str, role: str, nodes: dict[str, Any]) -> dict[str, Any]:
    bounds = {
        field: nodes[field] for field in ("minAvailable", "maxUnavailable") if nodes.get(field) is not None
    }
    return {"selector": {"matchLabels": _pod_labels(name, role)}, **bounds}


def configuration_of(document: Document) -> str:
    """Return the configuration that an EMQX resource asks for."""
    return str((document["spec"].get("config") or {}).get("data") or "")


def _started_with(document: Document) -> str:
    """Return what a node would start with: not what is asked for before the broker took it."""
    taken = (document["metadata"].get("annotations") or {}).get(LAST_CONFIGURATION)
    return configuration_of(document) if taken is None else str(taken)


def _pod_labels(name: str, role: str) -> dict[str, str]:
    return {LABEL_INSTANCE: name, LABEL_MANAGER: "emqx-operator", LABEL_ROLE: role}


def owned(document: Document, name: str, **rest: Any) -> Document:
    """Return an object that goes with the EMQX resource."""
    metadata = document["metadata"]
    labels = {LABEL_INSTANCE: metadata["name"], LABEL_MANAGER: "emqx-operator"}
    owner = {
        "apiVersion": document.get("apiVersion", API_VERSION),
        "kind": "EMQX",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {**(metadata.get("labels") or {}), **labels},
            "ownerReferences": [owner],
        },
        **rest,
    }
