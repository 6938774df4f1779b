"""Asks the real servers behind simulated pods, in the place of a kubelet's readiness probe.

The pods of the policy server and of Kafka's brokers are simulated, and what they stand for runs in the lab: kwok leaves
them unready (`manifests/stages.yaml`), and here each becomes ready while its server answers.
"""

import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.operators.kubernetes import (
    NOT_FOUND,
    POD,
    Document,
    Kind,
    KubernetesClient,
    KubernetesError,
    KubernetesUnreachable,
)
from lab.operators.loop import Key, Watch, log

SELECTOR = "app.kubernetes.io/name in (opa, kafka)"
"""The pods that are looked at; kwok passes them over by the same label."""
KAFKA = Kind("kafka.strimzi.io", "v1", "kafkas", "Kafka")
SECONDS = 3.0
BROKER_LABEL = "strimzi.io/broker-role"
NUMBER_LABEL = "iot-broker-lab/broker"
MANAGER = "strimzi-cluster-operator"
CLUSTER, NAMESPACE = "core", "kafka"


@dataclass
class Servers:
    """The addresses of the servers that pods stand for: whether each answers, asked anew every few seconds."""

    policy: str
    brokers: Sequence[str]
    authority: Path
    known: dict[str, tuple[float, bool]] = field(default_factory=dict)

    def answer(self, labels: Mapping[str, str]) -> bool:
        """Say whether the server of a pod with these labels answers."""
        number = labels.get(NUMBER_LABEL)
        address = self.policy if number is None else self.brokers[int(number) - 1]
        asked, answer = self.known.get(address, (0.0, False))
        # The pods of all sites stand for one policy server.
        if not asked or time.monotonic() - asked >= SECONDS:
            answer = shakes_hands(address, self.authority)
            self.known[address] = time.monotonic(), answer
        return answer


def shakes_hands(address: str, authority: Path) -> bool:
    """Say whether the server at HOST:PORT begins a TLS connection in time: one that is stopped or hangs does not."""
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context(cafile=str(authority))
    try:
        with (
            socket.create_connection((host, int(port)), timeout=SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return True
    except OSError:
        return False


@dataclass
class ReadinessProber:
    """Keeps the condition Ready of each pod as its server is."""

    kubernetes: KubernetesClient
    watch: Watch
    servers: Servers

    def stand_for_brokers(self) -> None:
        """Make the pods of Kafka's brokers where they are missing; what fails is tried again soon."""
        try:
            pods = [broker_pod(number) for number in range(1, len(self.servers.brokers) + 1)]
            missing = [
                pod for pod in pods if not self.kubernetes.get(POD, NAMESPACE, pod["metadata"]["name"])
            ]
            owner = self.kubernetes.get(KAFKA, NAMESPACE, CLUSTER) if missing else None
            if owner:
                for pod in missing:
                    self.kubernetes.apply(POD, owned(pod, owner), MANAGER)
        except (KubernetesError, KubernetesUnreachable) as error:
            log.info("the brokers' pods: %s", error)

    def reconcile(self, key: Key) -> None:
        """Ask the server of this pod, once the pod runs."""
        pod = self.watch.objects.get(key)
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            return
        status = pod.get("status") or {}
        if status.get("phase") != "Running":
            return
        answers = self.servers.answer(pod["metadata"]["labels"])
        if answers != is_ready(status):
            self._write(key, probed(pod, answers=answers))

    def _write(self, key: Key, status: dict[str, Any]) -> None:
        try:
            self.kubernetes.merge(POD, key.namespace, key.name, {"status": status}, "status")
        except KubernetesError as error:
            if error.status != NOT_FOUND:
                raise


def owned(pod: Document, owner: Document) -> Document:
    """Return a broker's pod with its controller, without which a machine that it runs on is not drained.

    Strimzi has a set of pods between the two.
    """
    controller = {
        "apiVersion": KAFKA.api_version,
        "kind": KAFKA.name,
        "name": CLUSTER,
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    return pod | {"metadata": pod["metadata"] | {"ownerReferences": [controller]}}


def is_ready(status: Mapping[str, Any]) -> bool:
    """Say whether a pod's status says that it is ready."""
    conditions = status.get("conditions") or []
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def probed(pod: Document, *, answers: bool) -> dict[str, Any]:
    """Return what a pod's status says when the server of its containers answers, or does not."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status, names = pod["status"], [entry["name"] for entry in pod["spec"]["containers"]]
    said: dict[str, Any] = {"status": "True" if answers else "False", "lastTransitionTime": now}
    if not answers:
        said |= {
            "reason": "ContainersNotReady",
            "message": f"containers with unready status: [{' '.join(names)}]",
        }
    others = [
        entry for entry in status.get("conditions") or [] if entry["type"] not in ("Ready", "ContainersReady")
    ]
    conditions = [*others, *({"type": name, **said} for name in ("ContainersReady", "Ready"))]
    containers = [{**entry, "ready": answers} for entry in status.get("containerStatuses") or []]
    return {"conditions": conditions, "containerStatuses": containers}


def broker_pod(number: int) -> Document:
    """Return the pod that stands for a broker of the lab's Kafka, as Strimzi labels it."""
    container = {"name": "kafka", "image": "strimzi/kafka:lab"}
    labels = {
        "app.kubernetes.io/name": "kafka",
        "strimzi.io/cluster": CLUSTER,
        "strimzi.io/kind": "Kafka",
        BROKER_LABEL: "true",
        NUMBER_LABEL: str(number),
    }
    return {
        "metadata": {"namespace": NAMESPACE, "name": f"{CLUSTER}-kafka-{number}", "labels": labels},
        "spec": {"containers": [container], "automountServiceAccountToken": False},
    }
