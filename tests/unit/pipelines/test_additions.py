"""What a hand only added to an object is found, and what the kit, a controller or the server says of it is not."""

from typing import Any

import pytest

from pipelines.additions import added

SAID: dict[str, Any] = {
    "metadata": {"name": "x", "labels": {"app": "opa"}, "annotations": {"pulumi.com/patchForce": "true"}},
    "rules": [{"verbs": ["get"], "resources": ["pods"]}],
    "spec": {"ingress": [], "selector": {"app": "opa"}, "containers": [{"name": "opa", "env": []}]},
}


def live(**changed: Any) -> dict[str, Any]:
    server = {"uid": "1", "managedFields": []}
    return {**SAID, **changed, "metadata": {**SAID["metadata"], **server, **changed.get("metadata", {})}}


def by(manager: str, fields: dict[str, Any], **labels: Any) -> dict[str, Any]:
    return {"managedFields": [{"manager": manager, "operation": "Update", "fieldsV1": fields}], **labels}


def places(found: dict[str, Any]) -> list[str]:
    return [".".join(path) for path in added(SAID, found)]


def test_an_object_as_it_was_made_has_nothing_more() -> None:
    assert places(live(status={"conditions": [1]})) == []


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"rules": [*SAID["rules"], {"verbs": ["*"]}]}, "rules"),
        ({"rules": [{"verbs": ["get", "*"], "resources": ["pods"]}]}, "rules.*.verbs"),
        ({"spec": {**SAID["spec"], "ingress": [{}]}}, "spec.ingress"),
        (
            {"spec": {**SAID["spec"], "containers": [{"name": "opa", "env": [{"name": "A"}]}]}},
            "spec.containers.*.env",
        ),
    ],
)
def test_another_entry_of_a_list_is_more_whoever_wrote_it(changed: dict[str, Any], place: str) -> None:
    assert places(live(**changed)) == [place]


def test_another_key_is_more_when_kubectl_wrote_it() -> None:
    fields: dict[str, Any] = {"f:metadata": {"f:labels": {".": {}, "f:zone": {}}}}
    labels = {"app": "opa", "zone": "b"}
    assert places(live(metadata=by("kubectl-label", fields, labels=labels))) == ["metadata.labels.zone"]
    assert places(live(metadata=by("kube-controller-manager", fields, labels=labels))) == []


def test_another_key_of_a_map_that_is_one_field_is_more() -> None:
    spec = {**SAID["spec"], "selector": {"app": "opa", "x": "y"}}
    fields: dict[str, Any] = {"f:spec": {"f:selector": {}}}
    assert places(live(spec=spec, metadata=by("kubectl-edit", fields))) == ["spec.selector"]


def test_another_field_of_an_entry_is_more() -> None:
    spec = {**SAID["spec"], "containers": [{"name": "opa", "env": [], "tty": True}]}
    fields: dict[str, Any] = {"f:spec": {"f:containers": {'k:{"name":"opa"}': {".": {}, "f:tty": {}}}}}
    assert places(live(spec=spec, metadata=by("kubectl-edit", fields))) == ["spec.containers.*.tty"]


def test_another_value_is_the_refreshs_to_see_and_an_annotation_a_word_to_a_controller() -> None:
    fields: dict[str, Any] = {
        "f:metadata": {"f:labels": {"f:app": {}}, "f:annotations": {"f:strimzi.io/restart": {}}}
    }
    annotations = {**SAID["metadata"]["annotations"], "strimzi.io/restart": "true"}
    edited = by("kubectl-annotate", fields, labels={"app": "x"}, annotations=annotations)
    assert places(live(metadata=edited)) == []


def test_what_kubectl_scaled_is_the_scalers() -> None:
    entry = {**by("kubectl", {"f:spec": {"f:replicas": {}}})["managedFields"][0], "subresource": "scale"}
    spec = {**SAID["spec"], "replicas": 3}
    assert places(live(spec=spec, metadata={"managedFields": [entry]})) == []
