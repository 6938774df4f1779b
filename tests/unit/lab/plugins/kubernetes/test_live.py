"""What is told of a live object: its inputs, its secrets, its readiness, its owners."""

import pytest

from lab.plugins.kubernetes import live, readiness
from lab.plugins.kubernetes.conditions import WaitForError, demands
from lab.plugins.kubernetes.kinds import ObjectKind
from lab.plugins.kubernetes.managers import takeover
from lab.plugins.values import Object, Secret

DEPLOYMENT = ObjectKind("apps/v1", "Deployment")
THING = ObjectKind("lab.example/v1", "Thing")


def test_a_refresh_takes_the_values_of_the_fields_that_the_program_sets() -> None:
    found = {
        "metadata": {"name": "a", "uid": "1"},
        "spec": {"replicas": 3, "paused": False, "ports": [{"port": 2, "x": 1}]},
    }
    named = {"metadata": {"name": "a"}, "spec": {"replicas": 1, "gone": 1, "ports": [{"port": 1}]}}
    assert live.inputs(found, named) == {
        "metadata": {"name": "a"},
        "spec": {"replicas": 3, "ports": [{"port": 2}]},
    }


@pytest.mark.parametrize(
    ("found", "named", "taken"),
    [
        ([1, 2], [1], [1]),
        ([2, 1], [1], [2]),
        ([{"a": 1}], [], []),
        ([1], [1, 2], [1]),
        ([], [1], []),
        ([{"port": 1}], ["a"], [{"port": 1}]),
    ],
)
def test_of_a_list_as_many_entries_are_taken_as_the_program_names(
    found: list[object], named: list[object], taken: list[object]
) -> None:
    assert live.inputs({"rules": found}, {"rules": named}) == {"rules": taken}


def test_an_import_takes_all_but_the_servers_own() -> None:
    found = {"kind": "Thing", "metadata": {"name": "a", "uid": "1", "labels": {}}, "spec": {}, "status": {}}
    assert live.inputs(found, {}) == {"kind": "Thing", "metadata": {"name": "a", "labels": {}}, "spec": {}}


def test_a_secrets_data_is_secret_in_the_outputs_whatever_the_inputs_say() -> None:
    found = {"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": {"p": "eA=="}}
    assert live.outputs(found, {}, "manager", "v1")["data"] == Secret({"p": "eA=="})


def test_ids_have_the_namespace_in_front() -> None:
    assert live.place_of("iot/a") == ("iot", "a")
    assert live.place_of("iot") == (None, "iot")


def deployment(**status: object) -> Object:
    complete = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
    conditions = [complete, {"type": "Available", "status": "True"}]
    full = {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2, "conditions": conditions}
    return {"metadata": {"generation": 1}, "spec": {"replicas": 2}, "status": {**full, **status}}


def test_a_complete_deployment_is_ready() -> None:
    assert readiness.missing(DEPLOYMENT, deployment(), {}) == []


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"observedGeneration": 0}, "not been seen"),
        ({"conditions": []}, "0/2 pods ready"),
        ({"availableReplicas": 1}, "1/2 available"),
        ({"updatedReplicas": 1}, "1/2 pods are updated"),
    ],
)
def test_an_incomplete_deployment_says_what_is_missing(status: Object, told: str) -> None:
    assert told in readiness.missing(DEPLOYMENT, deployment(**status), {})[0]


def stateful_set(**status: object) -> Object:
    full = {
        "observedGeneration": 1,
        "replicas": 2,
        "readyReplicas": 2,
        "updatedReplicas": 2,
        "currentRevision": "b",
        "updateRevision": "b",
    }
    return {"metadata": {"generation": 1}, "spec": {"replicas": 2}, "status": {**full, **status}}


def test_a_complete_stateful_set_is_ready() -> None:
    assert readiness.missing(readiness.STATEFUL_SET, stateful_set(), {}) == []


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"observedGeneration": 0}, "not been seen"),
        ({"readyReplicas": 1}, "1/2 pods are ready"),
        ({"replicas": 3}, "2/2 pods are ready"),
        ({"updatedReplicas": 1, "currentRevision": "a"}, "1/2 pods are of the newest revision"),
    ],
)
def test_an_incomplete_stateful_set_says_what_is_missing(status: Object, told: str) -> None:
    assert told in readiness.missing(readiness.STATEFUL_SET, stateful_set(**status), {})[0]


def test_skip_await_waits_for_nothing() -> None:
    inputs = {"metadata": {"annotations": {"pulumi.com/skipAwait": "true"}}}
    assert readiness.missing(DEPLOYMENT, deployment(conditions=[]), inputs) == []


def test_a_custom_resource_is_waited_for_only_when_asked() -> None:
    inputs = {"metadata": {"annotations": {"pulumi.com/waitFor": "condition=Ready"}}}
    assert readiness.missing(THING, {"metadata": {}}, {}) == []
    assert readiness.missing(THING, {"metadata": {}}, inputs) == ["condition=Ready is not so yet"]


@pytest.mark.parametrize(
    ("wait_for", "met"),
    [
        ("condition=Ready", True),
        ("condition=Ready=False", False),
        ("condition=Synced=False", True),
        ("jsonpath={.status.phase}=Running", True),
        ("jsonpath={.status.phase}", True),
        ("jsonpath={.status.nothing}", False),
        ("jsonpath={.status.count}=2", True),
        ("jsonpath={.status.done}=true", True),
        ('jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', True),
        ("jsonpath={.status.conditions[0].type}=Ready", True),
        ("jsonpath={.status['a.b']}=c", True),
        (r"jsonpath={.status.a\.b}=c", True),
        ('["condition=Ready", "jsonpath={.status.phase}=Gone"]', False),
    ],
)
def test_wait_for_asks_what_it_says(wait_for: str, met: bool) -> None:
    status = {
        "phase": "Running",
        "count": 2,
        "done": True,
        "a.b": "c",
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Synced", "status": "False"}],
    }
    assert all(demand.met({"metadata": {}, "status": status}) for demand in demands(wait_for)) is met


@pytest.mark.parametrize(
    "wait_for", ["Ready", "condition=", "jsonpath=.status", "jsonpath={..*}", "[]", "[broken"]
)
def test_a_wait_for_that_says_nothing_is_refused(wait_for: str) -> None:
    with pytest.raises(WaitForError, match="it takes"):
        demands(wait_for)


def test_the_annotation_limits_the_time_and_the_custom_timeout_limits_it_first() -> None:
    inputs = {"metadata": {"annotations": {"pulumi.com/timeoutSeconds": "30"}}}
    assert readiness.allowed_seconds(inputs, 0, 600) == 30
    assert readiness.allowed_seconds(inputs, 5, 600) == 5
    assert readiness.allowed_seconds({}, 0, 600) == 600


def entry(manager: str, operation: str, **fields: object) -> Object:
    return {"manager": manager, "operation": operation, "fieldsV1": {f"f:{key}": {} for key in fields}}


@pytest.mark.parametrize(
    ("manager", "operation", "taken"),
    [
        ("kubectl", "Update", True),
        ("kubectl-edit", "Update", True),
        ("kubectl", "Apply", True),
        ("before-first-apply", "Update", True),
        ("kube-controller-manager", "Update", False),
        ("pulumi-kubernetes-2", "Apply", False),
    ],
)
def test_what_a_hand_wrote_by_kubectl_is_taken_over(manager: str, operation: str, taken: bool) -> None:
    written = [entry(manager, operation, a=1), entry("pulumi-kubernetes-1", "Apply", b=1)]
    patch = takeover({"metadata": {"managedFields": written, "resourceVersion": "7"}}, "pulumi-kubernetes-1")
    assert (patch and patch[0]["value"]) == (
        [entry("pulumi-kubernetes-1", "Apply", b=1, a=1)] if taken else None
    )


def test_fields_of_the_creation_are_taken_over_by_the_resources_own_manager() -> None:
    other = entry("cert-manager", "Update", c=1)
    written = [entry("pulumi-kubernetes", "Update", a=1), entry("pulumi-kubernetes-1", "Apply", b=1), other]
    patch = takeover({"metadata": {"managedFields": written, "resourceVersion": "7"}}, "pulumi-kubernetes-1")
    assert patch is not None
    assert patch[0]["value"] == [entry("pulumi-kubernetes-1", "Apply", b=1, a=1), other]
    assert patch[1]["value"] == "7"


def test_nothing_is_taken_over_twice() -> None:
    entries = [{"manager": "pulumi-kubernetes-1", "operation": "Apply", "fieldsV1": {}}]
    assert takeover({"metadata": {"managedFields": entries}}, "pulumi-kubernetes-1") is None


def test_a_status_about_an_older_spec_meets_nothing() -> None:
    status = {"observedGeneration": 1, "phase": "Running"}
    demand = demands("jsonpath={.status.phase}=Running")[0]
    assert not demand.met({"metadata": {"generation": 2}, "status": status})
    assert demand.met({"metadata": {"generation": 1}, "status": status})
