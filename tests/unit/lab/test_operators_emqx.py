"""An EMQX resource becomes the objects that its operator makes, and is Ready when all of its nodes are."""

import re
from copy import deepcopy
from typing import Any

import pytest

from components.recording import compose
from lab.operators.emqx import EMQX, EmqxReconciler, rolled_out
from lab.operators.emqx_objects import (
    LABEL_INSTANCE,
    LABEL_TEMPLATE,
    core_set_name,
    template_hash,
)
from lab.operators.kubernetes import (
    STATEFUL_SET,
    Document,
    Kind,
    KubernetesError,
)
from lab.operators.loop import Key
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


def core(name: str, replicas: int, ready: int) -> Document:
    status = {
        "observedGeneration": 1,
        "replicas": replicas,
        "readyReplicas": ready,
        "updatedReplicas": replicas,
        "currentRevision": "a",
        "updateRevision": "a",
    }
    labels = {LABEL_INSTANCE: "broker"}
    metadata = {"name": name, "namespace": "iot-field", "generation": 1, "labels": labels}
    return {"metadata": metadata, "spec": {"replicas": replicas}, "status": status}


def test_the_operators_objects_are_made(document: Document) -> None:
    assert set(reconcile(document).objects) == {
        ("EMQX", "broker"),
        ("ConfigMap", "broker-configs"),
        ("Service", "broker-headless"),
        ("Service", "broker-listeners"),
        ("Service", "broker-dashboard"),
        ("PodDisruptionBudget", "broker-core"),
        ("StatefulSet", core_set_name(document)),
    }


def test_nodes_and_volumes_are_named_by_their_template_as_the_operator_names_them(document: Document) -> None:
    made = reconcile(document).objects[("StatefulSet", core_set_name(document))]
    digest = made["metadata"]["labels"][LABEL_TEMPLATE]
    assert core_set_name(document) == f"broker-core-{digest}"
    assert re.fullmatch("[bcdfghjklmnpqrstvwxz2456789]{1,10}", digest)
    assert made["spec"]["selector"]["matchLabels"] == made["spec"]["template"]["metadata"]["labels"]
    assert made["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "broker-core-data"


def test_the_digest_is_kubernetes_own_of_the_templates_text() -> None:
    digest = 0x811C9DC5
    for byte in b"{}":
        digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
    letters = {str(digit): "bcdfghjklmnpqrstvwxz2456789"[(48 + digit) % 27] for digit in range(10)}
    assert template_hash({}) == "".join(letters[digit] for digit in str(digest))


def test_another_template_is_another_stateful_set_and_more_nodes_or_volumes_are_none(
    document: Document,
) -> None:
    def changed(**fields: Any) -> str:
        edited = deepcopy(document)
        edited["spec"]["coreTemplate"]["spec"] |= fields
        return core_set_name(edited)

    larger = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Ti"}}}
    assert changed(env=[{"name": "MORE", "value": "x"}]) != core_set_name(document)
    assert changed(replicas=7) == changed(volumeClaimTemplates=larger) == core_set_name(document)


def test_nodes_of_an_earlier_template_go_one_by_one_when_the_new_ones_are_ready(document: Document) -> None:
    name, replicas = core_set_name(document), document["spec"]["coreTemplate"]["spec"]["replicas"]
    earlier = core("broker-core-earlier", 3, 3)
    waiting = reconcile(document, core(name, replicas, replicas - 1), earlier)
    assert ("StatefulSet", "broker-core-earlier") not in waiting.objects
    taken = reconcile(document, core(name, replicas, replicas), earlier)
    assert taken.objects[("StatefulSet", "broker-core-earlier")]["spec"]["replicas"] == 2
    earlier["spec"]["replicas"] = 2
    still_leaving = reconcile(document, core(name, replicas, replicas), earlier)
    assert ("StatefulSet", "broker-core-earlier") not in still_leaving.objects


def test_stateful_sets_of_other_brokers_stay(document: Document) -> None:
    name, replicas = core_set_name(document), document["spec"]["coreTemplate"]["spec"]["replicas"]
    other = core("store", 3, 3)
    other["metadata"]["labels"] = {LABEL_INSTANCE: "another"}
    assert (
        "StatefulSet",
        "store",
    ) not in reconcile(document, core(name, replicas, replicas), other).objects


def test_everything_goes_with_the_resource(document: Document) -> None:
    for (kind, _), made in reconcile(document).objects.items():
        if kind != "EMQX":
            assert made["metadata"]["ownerReferences"][0]["uid"] == "u"


def test_pods_carry_the_security_that_the_namespace_enforces(document: Document) -> None:
    pod = reconcile(document).objects[("StatefulSet", core_set_name(document))]["spec"]["template"]["spec"]
    core_nodes = document["spec"]["coreTemplate"]["spec"]
    assert pod["securityContext"] == core_nodes["podSecurityContext"]
    assert pod["containers"][0]["securityContext"] == core_nodes["containerSecurityContext"]
    assert pod["topologySpreadConstraints"] == core_nodes["topologySpreadConstraints"]


def test_the_budget_is_the_resources_own(document: Document) -> None:
    budget = reconcile(document).objects[("PodDisruptionBudget", "broker-core")]["spec"]
    assert budget["maxUnavailable"] == document["spec"]["coreTemplate"]["spec"]["maxUnavailable"]


def test_it_is_ready_when_all_core_nodes_are(document: Document) -> None:
    replicas = document["spec"]["coreTemplate"]["spec"]["replicas"]
    assert reconcile(document, core(core_set_name(document), replicas, replicas)).ready["status"] == "True"
    assert (
        reconcile(document, core(core_set_name(document), replicas, replicas - 1)).ready["status"] == "False"
    )
    assert reconcile(document).ready["status"] == "False"


def test_it_is_not_ready_while_a_change_of_replicas_has_not_arrived(document: Document) -> None:
    replicas = document["spec"]["coreTemplate"]["spec"]["replicas"]
    assert (
        reconcile(document, core(core_set_name(document), replicas + 1, replicas + 1)).ready["status"]
        == "False"
    )


def test_its_status_has_the_operators_conditions(document: Document) -> None:
    types = [condition["type"] for condition in reconcile(document).statuses[-1]["conditions"]]
    assert types == ["Initialized", "CoreNodesProgressing", "CoreNodesReady", "Available", "Ready"]


def test_a_rollout_is_over_when_every_pod_has_the_newest_template() -> None:
    rolling = core("broker-core-a", 3, 3)
    rolling["status"]["updateRevision"] = "b"
    assert rolled_out(core("broker-core-a", 3, 3))
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


def test_changed_volumes_of_the_same_template_are_refused_and_nothing_is_deleted(document: Document) -> None:
    kubernetes = Refusing(KubernetesError(422, "Invalid", "updates to statefulset spec are forbidden"))
    reconciler = EmqxReconciler(
        kubernetes.client, watching(EMQX, kubernetes, document), watching(STATEFUL_SET, kubernetes)
    )
    with pytest.raises(KubernetesError):
        reconciler.reconcile(KEY)
    assert kubernetes.deleted == []
    assert kubernetes.ready["message"] == "Invalid: updates to statefulset spec are forbidden"
