"""An EMQX resource becomes the objects that its operator makes, and is Ready when all of its nodes are."""

import re
from copy import deepcopy
from typing import Any

import pytest

from lab.operators.emqx import EMQX, EmqxReconciler, rolled_out
from lab.operators.emqx_objects import (
    LABEL_INSTANCE,
    LABEL_ROLE,
    LABEL_TEMPLATE,
    core_set_name,
    replicant_set_name,
    template_hash,
)
from lab.operators.kubernetes import (
    REPLICA_SET,
    STATEFUL_SET,
    Document,
    Kind,
    KubernetesError,
)
from lab.operators.loop import Key
from model import Site, load_site, site_names
from model.broker import Replicants
from tests.support.composing import compose_broker
from tests.support.shell import REPOSITORY
from tests.support.variants import variants
from tests.unit.lab.operators_support import FakeKubernetes, watching

STACKS = REPOSITORY / "stacks"
KEY = Key("iot-field", "broker")


@pytest.fixture(params=site_names(STACKS))
def document(request: pytest.FixtureRequest) -> Document:
    """The EMQX resource of each sample site, as the kit writes it."""
    return resource(load_site(STACKS, request.param))


def resource(site: Site) -> Document:
    """Return a site's EMQX resource as the API server has it, for the test's own changes."""
    metadata = {
        "name": "broker",
        "namespace": "iot-field",
        "generation": 1,
        "uid": "u",
        "resourceVersion": "1",
    }
    return {
        "apiVersion": "apps.emqx.io/v2beta1",
        "kind": "EMQX",
        "metadata": metadata,
        "spec": deepcopy(compose_broker(site).one("EMQX").spec),
    }


def reconciler(kubernetes: FakeKubernetes, document: Document, *node_sets: Document) -> EmqxReconciler:
    cores = [found for found in node_sets if "-core-" in found["metadata"]["name"]]
    others = [found for found in node_sets if found not in cores]
    return EmqxReconciler(
        kubernetes.client,
        watching(EMQX, kubernetes, document),
        watching(STATEFUL_SET, kubernetes, *cores),
        watching(REPLICA_SET, kubernetes, *others),
    )


def reconcile(document: Document, *node_sets: Document) -> FakeKubernetes:
    kubernetes = FakeKubernetes()
    reconciler(kubernetes, document, *node_sets).reconcile(KEY)
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
        # What a broker keeps that does not run.
        ("ConfigMap", "broker-effective"),
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
    other = core("store-core-a", 3, 3)
    other["metadata"]["labels"] = {LABEL_INSTANCE: "another"}
    assert (
        "StatefulSet",
        "store-core-a",
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
    with pytest.raises(KubernetesError):
        reconciler(kubernetes, document).reconcile(KEY)
    assert kubernetes.ready["message"] == "Forbidden: violates PodSecurity"


def test_changed_volumes_of_the_same_template_are_refused_and_nothing_is_deleted(document: Document) -> None:
    kubernetes = Refusing(KubernetesError(422, "Invalid", "updates to statefulset spec are forbidden"))
    with pytest.raises(KubernetesError):
        reconciler(kubernetes, document).reconcile(KEY)
    assert kubernetes.deleted == []
    assert kubernetes.ready["message"] == "Invalid: updates to statefulset spec are forbidden"


@pytest.fixture
def with_replicants(tmp_path_factory: pytest.TempPathFactory) -> Document:
    """The EMQX resource of a site that has replicants, as the kit writes it."""
    (site,) = (
        site
        for site in variants(tmp_path_factory.mktemp("sites"), "pilot", "enterprise")
        if site.name == "eagle-ford"
    )
    broker = site.broker.model_copy(update={"replicants": Replicants(replicas=4, autoscaling=None)})
    return resource(site.model_copy(update={"broker": broker}))


def replicant(document: Document, ready: int = 4) -> Document:
    """The replicants' ReplicaSet, as Kubernetes describes it."""
    made = core(replicant_set_name(document), 4, ready)
    made["status"] = {"observedGeneration": 1, "replicas": 4, "readyReplicas": ready}
    return made


def settled(document: Document) -> Document:
    replicas = document["spec"]["coreTemplate"]["spec"]["replicas"]
    return core(core_set_name(document), replicas, replicas)


def test_replicants_are_made_when_the_core_nodes_are_ready(with_replicants: Document) -> None:
    key = ("ReplicaSet", replicant_set_name(with_replicants))
    assert key not in reconcile(with_replicants).objects
    made = reconcile(with_replicants, settled(with_replicants)).objects[key]
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert made["spec"]["replicas"] == 4
    assert labels[LABEL_ROLE] == "replicant"
    assert made["spec"]["selector"]["matchLabels"] == labels
    # They keep nothing.
    assert {"name": "broker-replicant-data", "emptyDir": {}} in made["spec"]["template"]["spec"]["volumes"]


def test_clients_come_to_replicants_and_people_to_core_nodes(with_replicants: Document) -> None:
    made = reconcile(with_replicants).objects
    roles = {
        name: made[("Service", f"broker-{name}")]["spec"]["selector"][LABEL_ROLE]
        for name in ("listeners", "dashboard", "headless")
    }
    assert roles == {"listeners": "replicant", "dashboard": "core", "headless": "core"}
    assert ("PodDisruptionBudget", "broker-replicant") in made


def test_it_is_ready_when_the_replicants_are_too(with_replicants: Document) -> None:
    core_nodes = settled(with_replicants)
    waiting = reconcile(with_replicants, core_nodes, replicant(with_replicants, ready=3))
    assert waiting.ready["status"] == "False"
    there = reconcile(with_replicants, core_nodes, replicant(with_replicants))
    assert there.ready["status"] == "True"
    types = [condition["type"] for condition in there.statuses[-1]["conditions"]]
    assert types[3:5] == ["ReplicantNodesProgressing", "ReplicantNodesReady"]
    assert there.statuses[-1]["replicantNodesStatus"]["readyReplicas"] == 4


def test_replicants_of_an_earlier_template_go_before_core_nodes_do(with_replicants: Document) -> None:
    earlier = {
        "core": core("broker-core-earlier", 3, 3),
        "replicant": core("broker-replicant-earlier", 2, 2),
    }
    newest = settled(with_replicants), replicant(with_replicants)
    first = reconcile(with_replicants, *newest, *earlier.values()).objects
    assert first[("ReplicaSet", "broker-replicant-earlier")]["spec"]["replicas"] == 1
    assert ("StatefulSet", "broker-core-earlier") not in first
    then = reconcile(with_replicants, *newest, earlier["core"]).objects
    assert then[("StatefulSet", "broker-core-earlier")]["spec"]["replicas"] == 2


def test_replicants_of_which_none_are_asked_for_go(with_replicants: Document) -> None:
    given_up = deepcopy(with_replicants)
    given_up["spec"]["replicantTemplate"]["spec"]["replicas"] = 0
    kubernetes = reconcile(given_up, settled(given_up), replicant(with_replicants))
    assert kubernetes.objects[("ReplicaSet", replicant_set_name(given_up))]["spec"]["replicas"] == 0
    assert kubernetes.objects[("Service", "broker-listeners")]["spec"]["selector"][LABEL_ROLE] == "core"


def test_replicants_that_nobody_asks_for_any_more_stay(with_replicants: Document) -> None:
    """So it is with the operator: whoever takes the template out has to delete them (docs/broker.md)."""
    left = replicant(with_replicants)
    without = deepcopy(with_replicants)
    del without["spec"]["replicantTemplate"]
    kubernetes = reconcile(without, settled(without), left)
    assert ("ReplicaSet", left["metadata"]["name"]) not in kubernetes.objects
    assert kubernetes.deleted == []
    assert kubernetes.ready["status"] == "True"
