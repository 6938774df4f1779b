"""Stands in for the EMQX operator: an EMQX resource becomes a StatefulSet with its Services, and has a status.

As the operator does it: another pod template is another StatefulSet beside the old one, which is emptied node by node
once the new one is ready. What the stand-in leaves out: evacuation, replicants, and the removal of emptied StatefulSets
(the operator keeps the last three, and deletes older ones together with their claims).
"""

from dataclasses import dataclass
from typing import Any

from lab.operators.conditions import Condition
from lab.operators.emqx_objects import LABEL_INSTANCE, broker_objects, core_set_name
from lab.operators.kubernetes import (
    NOT_FOUND,
    STATEFUL_SET,
    Document,
    Kind,
    KubernetesClient,
    KubernetesError,
)
from lab.operators.loop import Key, Queue, Watch
from lab.operators.strimzi import conclude

EMQX = Kind("apps.emqx.io", "v2beta1", "emqxes", "EMQX")
MANAGER = "emqx-operator"


@dataclass
class EmqxReconciler:
    """Puts one EMQX resource right at a time."""

    kubernetes: KubernetesClient
    watch: Watch
    stateful_sets: Watch

    def reconcile(self, key: Key) -> None:
        """Bring the objects of the EMQX resource of this key in line with it, and write its status.

        What a resource owned goes with it: the objects carry an owner reference for the garbage collector.
        """
        document = self.watch.objects.get(key)
        if document is None or document["metadata"].get("deletionTimestamp"):
            return
        try:
            for kind, wanted in broker_objects(document):
                self.kubernetes.apply(kind, wanted, MANAGER)
        except KubernetesError as refusal:
            if refusal.status == NOT_FOUND:
                raise
            # Changed volumes of an unchanged template among it: the operator tries for ever, and says so in an event
            # alone. Here the resource is not Ready, so that nobody waits for what does not come.
            conclude(self.kubernetes, EMQX, document, refused(refusal))
            raise
        core = self.stateful_sets.objects.get(Key(key.namespace, core_set_name(document)))
        conclude(self.kubernetes, EMQX, document, conditions(document, core), core_status(core))
        if core is not None and rolled_out(core):
            self._empty_the_others(key, core)

    def _empty_the_others(self, key: Key, core: Document) -> None:
        """Take one node from each StatefulSet of an earlier template, the highest number first."""
        for found, other in self.stateful_sets.objects.items():
            labels, replicas = other["metadata"].get("labels") or {}, other["spec"]["replicas"]
            if found.namespace != key.namespace or labels.get(LABEL_INSTANCE) != key.name:
                continue
            arrived = (other.get("status") or {}).get("replicas", 0) <= replicas
            if found.name != core["metadata"]["name"] and replicas and arrived:
                patch = {"spec": {"replicas": replicas - 1}}
                self.kubernetes.merge(STATEFUL_SET, found.namespace, found.name, patch)


def owner_of(stateful_set: Document, queue: Queue) -> None:
    """Ask for the EMQX resource that a changed StatefulSet belongs to."""
    labels = stateful_set["metadata"].get("labels") or {}
    if LABEL_INSTANCE in labels:
        queue.add(Key(stateful_set["metadata"]["namespace"], labels[LABEL_INSTANCE]))


def conditions(document: Document, core: Document | None) -> list[Condition]:
    """Return the conditions of an EMQX resource whose core StatefulSet is as given."""
    ready = (
        core is not None
        and rolled_out(core)
        and int((document["spec"]["coreTemplate"]["spec"])["replicas"]) == (core["spec"]["replicas"])
    )
    progress = Condition(
        "CoreNodesProgressing",
        _word(not ready),
        "CoreNodesProgressing",
        "Core nodes are being brought in line",
    )
    return [
        Condition("Initialized", "True", "Initialized", "The resource is initialised"),
        progress,
        Condition("CoreNodesReady", _word(ready), "CoreNodesReady", "All core nodes run the wanted version"),
        Condition("Available", _word(ready), "Available", "The listeners' endpoints are served"),
        Condition("Ready", _word(ready), "Ready", "The cluster is as the resource asks"),
    ]


def refused(error: KubernetesError) -> list[Condition]:
    """Return the conditions of an EMQX resource some object of which the API server refused."""
    message = f"{error.reason or error.status}: {error.message}"
    return [
        Condition("Initialized", "True", "Initialized", "The resource is initialised"),
        Condition("CoreNodesProgressing", "True", "CoreNodesProgressing", message),
        Condition("CoreNodesReady", "False", "CoreNodesReady", message),
        Condition("Available", "False", "Available", message),
        Condition("Ready", "False", "Ready", message),
    ]


def rolled_out(core: Document) -> bool:
    """Return whether every pod of a StatefulSet runs its newest template and is ready."""
    status, replicas = core.get("status") or {}, core["spec"]["replicas"]
    return bool(
        status.get("observedGeneration") == core["metadata"]["generation"]
        and status.get("readyReplicas", 0) == replicas
        and status.get("updatedReplicas", 0) == replicas
        and status.get("currentRevision") == status.get("updateRevision")
    )


def core_status(core: Document | None) -> dict[str, Any]:
    """Return the part of an EMQX status that counts core nodes."""
    status = (core or {}).get("status") or {}
    counts = {
        "replicas": status.get("replicas", 0),
        "readyReplicas": status.get("readyReplicas", 0),
        "currentReplicas": status.get("currentReplicas", 0),
        "updateReplicas": status.get("updatedReplicas", 0),
        "currentRevision": status.get("currentRevision", ""),
        "updateRevision": status.get("updateRevision", ""),
    }
    return {"coreNodesStatus": counts}


def _word(truth: bool) -> str:
    return "True" if truth else "False"
