"""The objects that the EMQX operator makes for an EMQX resource (v2beta1), as the lab's stand-in makes them."""

import json
from collections.abc import Iterator
from typing import Any

from lab.operators.kubernetes import CONFIG_MAP, DISRUPTION_BUDGET, SERVICE, STATEFUL_SET, Document, Kind

LABEL_INSTANCE = "apps.emqx.io/instance"
LABEL_MANAGER = "apps.emqx.io/managed-by"
LABEL_ROLE = "apps.emqx.io/db-role"
LABEL_TEMPLATE = "apps.emqx.io/pod-template-hash"
ERLANG_PORTS = {"erpc": 5369, "ekka": 4370}
DATA_FOLDER = "/opt/emqx/data"
# Kubernetes' own letters of generated names: no vowel, so no word.
_HASH_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
# Fields of `coreTemplate.spec` that go into the pod, and into its broker container, as they are.
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


def core_name(document: Document) -> str:
    """Return the name that whatever belongs to an EMQX resource's core nodes begins with."""
    return f"{document['metadata']['name']}-core"


def core_set_name(document: Document) -> str:
    """Return the name of an EMQX resource's StatefulSet of core nodes: another pod template, another StatefulSet."""
    return f"{core_name(document)}-{template_hash(_core_template(document))}"


def template_hash(template: Document) -> str:
    """Return a pod template's digest in the letters of Kubernetes' own: FNV-1a, as the operator reckons it.

    The operator hashes Go's own print of the template, so a real site's digest of the same template is another one.
    """
    digest = 0x811C9DC5
    for byte in json.dumps(template, sort_keys=True).encode():
        digest = (digest ^ byte) * 0x01000193 % 2**32
    return "".join(_HASH_LETTERS[ord(digit) % len(_HASH_LETTERS)] for digit in str(digest))


def broker_objects(document: Document) -> Iterator[tuple[Kind, Document]]:
    """Yield each object that an EMQX resource stands for, owned by it."""
    name, spec = document["metadata"]["name"], document["spec"]
    core = (spec.get("coreTemplate") or {}).get("spec") or {}
    yield CONFIG_MAP, _owned(document, f"{name}-configs", data={"emqx.conf": _hocon(spec)})
    yield SERVICE, _owned(document, f"{name}-headless", spec=_headless(name))
    for part in ("listeners", "dashboard"):
        template = spec.get(f"{part}ServiceTemplate") or {}
        if template.get("enabled", True) and (template.get("spec") or {}).get("ports"):
            yield SERVICE, _service(document, f"{name}-{part}", template)
    if "minAvailable" in core or "maxUnavailable" in core:
        yield DISRUPTION_BUDGET, _owned(document, core_name(document), spec=_budget(name, core))
    yield STATEFUL_SET, _stateful_set(document, core)


def _stateful_set(document: Document, core: dict[str, Any]) -> Document:
    name = document["metadata"]["name"]
    template = _core_template(document)
    digest = {LABEL_TEMPLATE: template_hash(template)}
    labels = template["metadata"]["labels"] | digest
    spec = {
        "replicas": core.get("replicas", 2),
        "serviceName": f"{name}-headless",
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": labels},
        "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
        "volumeClaimTemplates": [_claim(name, core)] if core.get("volumeClaimTemplates") else [],
    }
    made = _owned(document, core_set_name(document), spec=spec)
    made["metadata"]["labels"] = {**made["metadata"]["labels"], **labels}
    return made


def _core_template(document: Document) -> Document:
    """Return the pod template of the core nodes, as the operator hashes it: without the hash."""
    name, core_template = document["metadata"]["name"], document["spec"].get("coreTemplate") or {}
    own = core_template.get("metadata") or {}
    return {
        "metadata": {
            "labels": {**(own.get("labels") or {}), **_core_labels(name)},
            "annotations": {**(own.get("annotations") or {})},
        },
        "spec": _pod(document, core_template.get("spec") or {}),
    }


def _pod(document: Document, core: dict[str, Any]) -> dict[str, Any]:
    name, spec = document["metadata"]["name"], document["spec"]
    data = f"{name}-core-data"
    own_volumes = [{"name": "bootstrap-config", "configMap": {"name": f"{name}-configs"}}]
    if not core.get("volumeClaimTemplates"):
        own_volumes.append({"name": data, "emptyDir": {}})
    broker = {
        "name": "emqx",
        "image": spec["image"],
        "imagePullPolicy": spec.get("imagePullPolicy", "IfNotPresent"),
        "volumeMounts": [
            {"name": "bootstrap-config", "mountPath": "/opt/emqx/etc/emqx.conf", "subPath": "emqx.conf"},
            {"name": data, "mountPath": DATA_FOLDER},
            *(core.get("extraVolumeMounts") or []),
        ],
        **{field: core[field] for field in CONTAINER_FIELDS if core.get(field)},
    }
    if core.get("containerSecurityContext"):
        broker["securityContext"] = core["containerSecurityContext"]
    pod: dict[str, Any] = {
        "containers": [broker, *(core.get("extraContainers") or [])],
        "volumes": own_volumes + list(core.get("extraVolumes") or []),
        **{field: core[field] for field in POD_FIELDS if core.get(field)},
    }
    # The misspelt field is the operator's own, kept by it for old resources.
    if core.get("toleRations") and "tolerations" not in pod:
        pod["tolerations"] = core["toleRations"]
    if core.get("podSecurityContext"):
        pod["securityContext"] = core["podSecurityContext"]
    if spec.get("imagePullSecrets"):
        pod["imagePullSecrets"] = spec["imagePullSecrets"]
    if spec.get("serviceAccountName"):
        pod["serviceAccountName"] = spec["serviceAccountName"]
    return pod


def _claim(name: str, core: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": f"{name}-core-data"}, "spec": core["volumeClaimTemplates"]}


def _headless(name: str) -> dict[str, Any]:
    return {
        "type": "ClusterIP",
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": _core_labels(name),
        "ports": [
            {"name": port, "port": number, "targetPort": number, "protocol": "TCP"}
            for port, number in ERLANG_PORTS.items()
        ],
    }


def _service(document: Document, name: str, template: dict[str, Any]) -> Document:
    metadata = template.get("metadata") or {}
    spec = {**template["spec"], "selector": _core_labels(document["metadata"]["name"])}
    service = _owned(document, name, spec=spec)
    service["metadata"]["labels"] = {**(metadata.get("labels") or {}), **service["metadata"]["labels"]}
    service["metadata"]["annotations"] = metadata.get("annotations") or {}
    return service


def _budget(name: str, core: dict[str, Any]) -> dict[str, Any]:
    bounds = {
        field: core[field] for field in ("minAvailable", "maxUnavailable") if core.get(field) is not None
    }
    return {"selector": {"matchLabels": _core_labels(name)}, **bounds}


def _hocon(spec: dict[str, Any]) -> str:
    return str((spec.get("config") or {}).get("data") or "")


def _core_labels(name: str) -> dict[str, str]:
    return {LABEL_INSTANCE: name, LABEL_MANAGER: "emqx-operator", LABEL_ROLE: "core"}


def _owned(document: Document, name: str, **rest: Any) -> Document:
    metadata = document["metadata"]
    labels = {LABEL_INSTANCE: metadata["name"], LABEL_MANAGER: "emqx-operator"}
    owner = {
        "apiVersion": document.get("apiVersion", "apps.emqx.io/v2beta1"),
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
