"""Turns by hand what a site has in Kubernetes: of each kind the fields that the kit states."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.shell import Shell

Inputs = Mapping[str, Any]
_ANY_ONE = [{"kind": "Group", "name": "system:authenticated", "apiGroup": "rbac.authorization.k8s.io"}]
_ANYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


def _deployment(inputs: Inputs) -> dict[str, Any]:
    pod = inputs["spec"]["template"]["spec"]
    turned = [container | {"image": "turned.example/image:1"} for container in pod["containers"]]
    spec: dict[str, Any] = {
        "template": {"spec": {"containers": turned, "automountServiceAccountToken": True}}
    }
    return {"spec": spec | ({"replicas": 7} if "replicas" in inputs["spec"] else {})}


def _issuer(inputs: Inputs) -> dict[str, Any]:
    if "vault" in inputs["spec"]:
        return {"spec": {"vault": {"server": "https://turned.example", "path": "turned"}}}
    return {}


def _budget(inputs: Inputs) -> dict[str, Any]:
    return {"spec": {name: 7 for name in ("minAvailable", "maxUnavailable") if name in inputs["spec"]}}


def _spec(**changed: Any) -> Callable[[Inputs], dict[str, Any]]:
    return lambda _: {"spec": changed}


# Whatever a hand can change of a kind; what another controller decides (docs/adr/0029) is not among it.
TURNS: dict[str, Callable[[Inputs], dict[str, Any]]] = {
    "Certificate": _spec(duration="99h0m0s", dnsNames=["turned.example"]),
    "ClusterRoleBinding": lambda _: {"subjects": _ANY_ONE},
    "ConfigMap": lambda inputs: {"data": dict.fromkeys(inputs["data"], "turned")},
    "Deployment": _deployment,
    "EMQX": _spec(image="turned.example/emqx:1", coreTemplate={"spec": {"replicas": 1}}),
    "ExternalSecret": _spec(refreshInterval="99h0m0s"),
    "Issuer": _issuer,
    # Its template cannot be changed: its labels can.
    "Job": lambda _: {},
    "KafkaBridge": _spec(bootstrapServers="turned.example:9093"),
    "KafkaConnect": _spec(groupId="turned"),
    "KafkaConnector": _spec(tasksMax=7),
    "KafkaTopic": _spec(config={"retention.ms": "1"}),
    "KafkaUser": _spec(quotas={"producerByteRate": 1}),
    "Namespace": lambda _: {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
    "NetworkPolicy": _spec(ingress=[{}], egress=[{}]),
    "PodDisruptionBudget": _budget,
    "PodMonitor": _spec(podMetricsEndpoints=[]),
    "PrometheusRule": _spec(groups=[]),
    "Role": lambda _: {"rules": _ANYTHING},
    "RoleBinding": lambda _: {"subjects": _ANY_ONE},
    "Secret": lambda inputs: {"data": dict.fromkeys(inputs["data"], "dHVybmVk")},
    "Service": _spec(ports=[{"name": "turned", "port": 9, "targetPort": 9}]),
    "ServiceAccount": lambda _: {"automountServiceAccountToken": True},
}


def objects(shell: Shell, site: str) -> list[dict[str, Any]]:
    """Return what the stack has in Kubernetes: the kind and the inputs of each."""
    return [
        {"kind": found["inputs"]["kind"], "inputs": found["inputs"]}
        for found in shell.state(site)
        if found["type"].startswith("kubernetes:")
    ]


def read_objects(shell: Shell, found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what each object has now of what the kit states, by kind, namespace and name."""
    return {_name(one): _stated(one["inputs"], _live(shell, one)) for one in found}


def turn_objects(shell: Shell, found: list[dict[str, Any]]) -> None:
    """Turn each of them."""
    for one in found:
        patch = TURNS[one["kind"]](one["inputs"])
        labels = {"app.kubernetes.io/part-of": "turned"}
        labels |= patch.get("metadata", {}).get("labels", {})
        patch = patch | {"metadata": {"labels": labels}}
        shell.kubectl("patch", *_where(one), "--type=merge", f"--patch={json.dumps(patch)}", "--output=name")


def _live(shell: Shell, one: Mapping[str, Any]) -> Any:
    return json.loads(shell.kubectl("get", *_where(one), "--output=json").out)


def _where(one: Mapping[str, Any]) -> tuple[str, ...]:
    group, _, _ = one["inputs"]["apiVersion"].rpartition("/")
    kind = f"{one['kind']}.{group}".rstrip(".").lower()
    metadata = one["inputs"]["metadata"]
    place = (f"--namespace={metadata['namespace']}",) if "namespace" in metadata else ()
    return (kind, metadata["name"], *place)


def _name(one: Mapping[str, Any]) -> str:
    metadata = one["inputs"]["metadata"]
    return f"{one['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def _stated(said: Any, live: Any) -> Any:
    """Return the part of a live object that the kit states."""
    if isinstance(said, Mapping) and isinstance(live, Mapping):
        return {name: _stated(value, live.get(name)) for name, value in said.items()}
    if isinstance(said, list) and isinstance(live, list) and len(said) == len(live):
        return [_stated(one, other) for one, other in zip(said, live, strict=True)]
    return live
