"""An EMQX resource becomes the objects that its operator makes, and is Ready when all of its nodes are."""

from typing import Any

import pytest

from components.recording import compose
from lab.operators.emqx import EMQX, UNPROCESSABLE, EmqxReconciler, rolled_out
from lab.operators.kubernetes import (
    STATEFUL_SET,
    Document,
    Kind,
    KubernetesError,
)
from lab.operators.loop import Key, Retry
from model import load_site, site_names
from tests.support.shell import REPOSITORY
from tests.unit.lab.operators_support import FakeKubernetes, watching

STACKS = REPOSITORY / "stacks"
KEY = Key("iot-field", "broker")


@pytest.fixture(params=site_names(STACKS))
def document(request: pytest.FixtureRequest) -> Document:
    """The EMQX resource of each sample site, as the kit writes it."""
    made = compose(load_site(STACKS, request.param)).one("EMQX")
    metadata = {
        "name": "broker",
        "namespace": "iot-field",
        "generation": 1,
        "uid": "u",
        "resourceVersion": "1",
    }
    return {"apiVersion": "apps.emqx.io/v2beta1", "kind": "EMQX", "metadata": metadata, "spec": made.spec}


def reconcile(document: Document, *cores: Document) -> FakeKubernetes:
    kubernetes = FakeKubernetes()
    EmqxReconciler(
        kubernetes.client, watching(EMQX, kubernetes, document), watching(STATEFUL_SET, kubernetes, *cores)
    ).reconcile(KEY)
    return kubernetes


def core(replicas: int, ready: int) -> Document:
    status = {
        "observedGeneration": 1,
        "replicas": replicas,
        "readyReplicas": ready,
        "updatedReplicas": replicas,
        "currentRevision": "a",
        "updateRevision": "a",
    }
    metadata = {"name": "broker-core", "namespace": "iot-field", "generation": 1}
    return {"metadata": metadata, "spec": {"replicas": replicas}, "status": status}


def test_the_operators_objects_are_made(document: Document) -> None:
    assert set(reconcile(document).objects) == {
        ("EMQX", "broker"),
        ("ConfigMap", "broker-configs"),
        ("Service", "broker-headless"),
        ("Service", "broker-listeners"),
        ("Service", "broker-dashboard"),
        ("PodDisruptionBudget", "broker-core"),
        ("StatefulSet", "broker-core"),
    }


def test_everything_goes_with_the_resource(document: Document) -> None:
    for (kind, _), made in reconcile(document).objects.items():
        if kind != "EMQX":
            assert made["metadata"]["ownerReferences"][0]["uid"] == "u"


def test_pods_carry_the_security_that_the_namespace_enforces(document: Document) -> None:
    pod = reconcile(document).objects[("StatefulSet", "broker-core")]["spec"]["template"]["spec"]
    core_nodes = document["spec"]["coreTemplate"]["spec"]
    assert pod["securityContext"] == core_nodes["podSecurityContext"]
    assert pod["containers"][0]["securityContext"] == core_nodes["containerSecurityContext"]
    assert pod["topologySpreadConstraints"] == core_nodes["topologySpreadConstraints"]


def test_the_budget_is_the_resources_own(document: Document) -> None:
    budget = reconcile(document).objects[("PodDisruptionBudget", "broker-core")]["spec"]
    assert budget["maxUnavailable"] == document["spec"]["coreTemplate"]["spec"]["maxUnavailable"]


def test_it_is_ready_when_all_core_nodes_are(document: Document) -> None:
    replicas = document["spec"]["coreTemplate"]["spec"]["replicas"]
    assert reconcile(document, core(replicas, replicas)).ready["status"] == "True"
    assert reconcile(document, core(replicas, replicas - 1)).ready["status"] == "False"
    assert reconcile(document).ready["status"] == "False"


def test_it_is_not_ready_while_a_change_of_replicas_has_not_arrived(document: Document) -> None:
    replicas = document["spec"]["coreTemplate"]["spec"]["replicas"]
    assert reconcile(document, core(replicas + 1, replicas + 1)).ready["status"] == "False"


def test_its_status_has_the_operators_conditions(document: Document) -> None:
    types = [condition["type"] for condition in reconcile(document).statuses[-1]["conditions"]]
    assert types == ["Initialized", "CoreNodesProgressing", "CoreNodesReady", "Available", "Ready"]


def test_a_rollout_is_over_when_every_pod_has_the_newest_template() -> None:
    rolling = core(3, 3)
    rolling["status"]["updateRevision"] = "b"
    assert rolled_out(core(3, 3))
    assert not rolled_out(rolling)


class Refusing(FakeKubernetes):
    """An API server that does not take StatefulSets."""

    def __init__(self, error: KubernetesError) -> None:
        super().__init__()
        self.error = error

    def apply(self, kind: Kind, document: Document, manager: str, subresource: str = "") -> dict[str, Any]:
        if kind == STATEFUL_SET:
            raise self.error
        return super().apply(kind, document, manager, subresource)


def test_a_refused_object_is_named_in_the_status(document: Document) -> None:
    kubernetes = Refusing(KubernetesError(403, "Forbidden", "violates PodSecurity"))
    reconciler = EmqxReconciler(
        kubernetes.client, watching(EMQX, kubernetes, document), watching(STATEFUL_SET, kubernetes)
    )
    with pytest.raises(KubernetesError):
        reconciler.reconcile(KEY)
    assert kubernetes.ready["message"] == "Forbidden: violates PodSecurity"


def test_changed_volumes_make_a_new_stateful_set(document: Document) -> None:
    kubernetes = Refusing(KubernetesError(UNPROCESSABLE, "Invalid", "updates to statefulset spec"))
    reconciler = EmqxReconciler(
        kubernetes.client, watching(EMQX, kubernetes, document), watching(STATEFUL_SET, kubernetes)
    )
    with pytest.raises(Retry):
        reconciler.reconcile(KEY)
    assert kubernetes.deleted == ["StatefulSet/broker-core"]
