"""Stands in for the EMQX operator: an EMQX resource becomes its nodes' sets with their Services, and has a status.

As the operator does it: core nodes are a StatefulSet, replicants a ReplicaSet that is made once the core nodes are
ready. Another pod template is another set beside the old one, which is emptied node by node once the new one is ready.
Replicants whose template is taken out of the resource stay. A changed configuration goes to the running broker
(`emqx_synchronization.py`); while that is refused, the status stays as it was. What the stand-in leaves out:
evacuation, and the removal of emptied sets (the operator keeps the last three, and deletes older ones together with
their claims).
"""

from dataclasses import dataclass
from typing import Any

from lab.operators.conditions import Condition
from lab.operators.emqx_objects import (
    API_VERSION,
    LABEL_INSTANCE,
    broker_objects,
    core_set_name,
    has_replicant_template,
    replica_set,
    replicant_set_name,
    replicants,
)
from lab.operators.emqx_synchronization import Synchronization
from lab.operators.kubernetes import (
    NOT_FOUND,
    REPLICA_SET,
    STATEFUL_SET,
    Document,
    Kind,
    KubernetesClient,
    KubernetesError,
)
from lab.operators.loop import Key, Queue, Watch
from lab.operators.strimzi import conclude

_GROUP, _VERSION = API_VERSION.split("/")
EMQX = Kind(_GROUP, _VERSION, "emqxes", "EMQX")
MANAGER = "emqx-operator"


@dataclass(frozen=True)
class Nodes:
    """The sets of an EMQX resource's newest templates, as last seen: None while there is none, or none is asked for."""

    core: Document | None
    replicant: Document | None = None


@dataclass
class EmqxReconciler:
    """Puts one EMQX resource right at a time."""

    kubernetes: KubernetesClient
    watch: Watch
    stateful_sets: Watch
    replica_sets: Watch

    def reconcile(self, key: Key) -> None:
        """Bring the objects of the EMQX resource of this key in line with it, and write its status.

        What a resource owned goes with it: the objects carry an owner reference for the garbage collector.
        """
        document = self.watch.objects.get(key)
        if document is None or document["metadata"].get("deletionTimestamp"):
            return
        nodes = self._nodes(key, document)
        try:
            for kind, wanted in broker_objects(document):
                self.kubernetes.apply(kind, wanted, MANAGER)
            if has_replicant_template(document) and core_ready(document, nodes):
                self.kubernetes.apply(REPLICA_SET, replica_set(document), MANAGER)
        except KubernetesError as refusal:
            if refusal.status == NOT_FOUND:
                raise
            # Changed volumes of an unchanged template among it: the operator tries for ever, and says so in an event
            # alone. Here the resource is not Ready, so that nobody waits for what does not come.
            conclude(self.kubernetes, EMQX, document, refused(refusal))
            raise
        # A broker that refuses its configuration keeps the operator from everything that comes after.
        Synchronization(self.kubernetes, EMQX, MANAGER).run(document, core_ready=core_ready(document, nodes))
        conclude(self.kubernetes, EMQX, document, conditions(document, nodes), node_status(nodes))
        self._empty_the_others(key, document, nodes)

    def _nodes(self, key: Key, document: Document) -> Nodes:
        core = self.stateful_sets.objects.get(Key(key.namespace, core_set_name(document)))
        if not has_replicant_template(document):
            return Nodes(core)
        return Nodes(core, self.replica_sets.objects.get(Key(key.namespace, replicant_set_name(document))))

    def _empty_the_others(self, key: Key, document: Document, nodes: Nodes) -> None:
        """Take one node from each set of an earlier template: replicants first, and core nodes when these are gone."""
        left = False
        if nodes.replicant is not None and rolled_out(nodes.replicant):
            left = self._take(key, REPLICA_SET, self.replica_sets, nodes.replicant)
        settled = not left and (not has_replicant_template(document) or replicants_ready(document, nodes))
        if nodes.core is not None and rolled_out(nodes.core) and settled:
            self._take(key, STATEFUL_SET, self.stateful_sets, nodes.core)

    def _take(self, key: Key, kind: Kind, watch: Watch, newest: Document) -> bool:
        """Take one node, the highest number first, from each other set; return whether any had one."""
        left = False
        for found, other in watch.objects.items():
            labels, replicas = other["metadata"].get("labels") or {}, other["spec"]["replicas"]
            if found.namespace != key.namespace or labels.get(LABEL_INSTANCE) != key.name:
                continue
            arrived = (other.get("status") or {}).get("replicas", 0) <= replicas
            if found.name != newest["metadata"]["name"] and replicas:
                left = True
                if arrived:
                    self.kubernetes.merge(
                        kind, found.namespace, found.name, {"spec": {"replicas": replicas - 1}}
                    )
        return left


def owner_of(node_set: Document, queue: Queue) -> None:
    """Ask for the EMQX resource that a changed StatefulSet or ReplicaSet belongs to."""
    labels = node_set["metadata"].get("labels") or {}
    if LABEL_INSTANCE in labels:
        queue.add(Key(node_set["metadata"]["namespace"], labels[LABEL_INSTANCE]))


def core_ready(document: Document, nodes: Nodes) -> bool:
    """Return whether as many core nodes as the resource asks for run its newest template."""
    return _arrived(nodes.core, int(document["spec"]["coreTemplate"]["spec"]["replicas"]))


def replicants_ready(document: Document, nodes: Nodes) -> bool:
    """Return whether as many replicants as the resource asks for run its newest template."""
    return _arrived(nodes.replicant, replicants(document))


def conditions(document: Document, nodes: Nodes) -> list[Condition]:
    """Return the conditions of an EMQX resource whose nodes' sets are as given."""
    core = core_ready(document, nodes)
    ready = core and (not replicants(document) or replicants_ready(document, nodes))
    of_replicants = [
        Condition(
            "ReplicantNodesProgressing",
            _word(core and not ready),
            "ReplicantNodesProgressing",
            "Replicant nodes are being brought in line",
        ),
        Condition(
            "ReplicantNodesReady",
            _word(ready),
            "ReplicantNodesReady",
            "All replicant nodes run the wanted version",
        ),
    ]
    return [
        Condition("Initialized", "True", "Initialized", "The resource is initialised"),
        Condition(
            "CoreNodesProgressing",
            _word(not core),
            "CoreNodesProgressing",
            "Core nodes are being brought in line",
        ),
        Condition("CoreNodesReady", _word(core), "CoreNodesReady", "All core nodes run the wanted version"),
        *(of_replicants if replicants(document) else ()),
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


def rolled_out(node_set: Document) -> bool:
    """Return whether every pod of a StatefulSet or ReplicaSet runs its newest template and is ready."""
    status, replicas = node_set.get("status") or {}, node_set["spec"]["replicas"]
    return bool(
        status.get("observedGeneration") == node_set["metadata"]["generation"]
        and status.get("readyReplicas", 0) == replicas
        # A ReplicaSet has one template for ever, and says nothing of another.
        and status.get("updatedReplicas", replicas) == replicas
        and status.get("currentRevision") == status.get("updateRevision")
    )


def node_status(nodes: Nodes) -> dict[str, Any]:
    """Return the part of an EMQX status that counts nodes."""
    found = {"coreNodesStatus": _counts(nodes.core)}
    if nodes.replicant is not None:
        found["replicantNodesStatus"] = _counts(nodes.replicant)
    return found


def _counts(node_set: Document | None) -> dict[str, Any]:
    status = (node_set or {}).get("status") or {}
    return {
        "replicas": status.get("replicas", 0),
        "readyReplicas": status.get("readyReplicas", 0),
        "currentReplicas": status.get("currentReplicas", 0),
        "updateReplicas": status.get("updatedReplicas", 0),
        "currentRevision": status.get("currentRevision", ""),
        "updateRevision": status.get("updateRevision", ""),
    }


def _arrived(node_set: Document | None, wanted: int) -> bool:
    return node_set is not None and rolled_out(node_set) and node_set["spec"]["replicas"] == wanted


def _word(truth: bool) -> str:
    return "True" if truth else "False"
