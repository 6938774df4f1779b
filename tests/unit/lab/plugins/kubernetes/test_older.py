"""Where it is asked to, the stand-in compares with an older object, as the official plugin may after an update."""

import pytest

from lab.plugins.base import Diff
from lab.plugins.kubernetes import older
from lab.plugins.kubernetes.difference import difference
from lab.plugins.kubernetes.kinds import ObjectKind
from lab.plugins.values import Object

TOPIC, MAP = ObjectKind("kafka.strimzi.io/v1", "KafkaTopic"), ObjectKind("v1", "ConfigMap")
WAITED = {"pulumi.com/waitFor": "condition=Ready"}


def topic(label: str, annotations: Object = WAITED) -> Object:
    return {
        "metadata": {"name": "raw", "labels": {"x": label}, "annotations": annotations},
        "spec": {"partitions": 3},
    }


def compare(kind: ObjectKind, stored: Object, inputs: Object) -> set[str]:
    """Return what a preview shows of inputs that did not change since the last update."""
    outputs = {**stored, "status": {"observedGeneration": 1}, "__inputs": inputs}
    request = Diff("urn", kind.kind, "raw", "iot/raw", inputs, inputs, outputs)
    return set(difference(request, kind, mutable=frozenset()).paths)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(older.VARIABLE, "1")


@pytest.mark.usefixtures("asked")
def test_what_an_older_object_lacks_shows_as_an_update() -> None:
    assert compare(TOPIC, topic("pilot"), topic("parallel")) == {"metadata.labels.x"}
    assert compare(TOPIC, topic("parallel"), topic("parallel")) == set()


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("kind", "annotations"), [(MAP, {}), (TOPIC, {}), (TOPIC, WAITED | {"pulumi.com/skipAwait": "true"})]
)
def test_what_is_not_waited_for_is_compared_by_its_inputs(kind: ObjectKind, annotations: Object) -> None:
    assert compare(kind, topic("pilot", annotations), topic("parallel", annotations)) == set()


def test_unasked_nothing_is_compared_with_an_older_object() -> None:
    assert compare(TOPIC, topic("pilot"), topic("parallel")) == set()
