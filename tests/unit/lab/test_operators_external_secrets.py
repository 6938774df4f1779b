"""An ExternalSecret becomes a Secret with Vault's values, and says which of them Vault does not have."""

import base64
from typing import Any

import pytest

from lab.operators.external_secrets import EXTERNAL_SECRET, SecretReconciler
from lab.operators.kubernetes import Document
from lab.operators.loop import Key, Retry
from tests.unit.lab.operators_support import FakeKubernetes, watching

KEY = Key("iot-field", "broker-kafka")
PATH = "iot/field/broker-kafka"


class Vault:
    """A Vault with some slots."""

    def __init__(self, slots: dict[str, dict[str, str]]) -> None:
        self._slots = slots

    def read(self, path: str) -> dict[str, str] | None:
        return self._slots.get(path)


def wanted() -> Document:
    entries = [
        {"secretKey": key, "remoteRef": {"key": PATH, "property": key}} for key in ("password", "ca.crt")
    ]
    metadata = {"name": "broker-kafka", "namespace": "iot-field", "generation": 1, "uid": "an-identifier"}
    return {"metadata": metadata, "spec": {"target": {"name": "broker-kafka"}, "data": entries}}


def reconciled(slots: dict[str, dict[str, str]], *documents: Document) -> FakeKubernetes:
    kubernetes = FakeKubernetes()
    watch = watching(EXTERNAL_SECRET, kubernetes, *documents)
    try:
        SecretReconciler(kubernetes.client, Vault(slots), watch).reconcile(KEY)
    except Retry:
        assert kubernetes.ready["status"] == "False"
    return kubernetes


def test_the_secret_has_the_values_and_goes_with_its_external_secret() -> None:
    made = reconciled({PATH: {"password": "a-word", "ca.crt": "PEM", "other": "x"}}, wanted())
    secret: dict[str, Any] = made.objects[("Secret", "broker-kafka")]
    decoded = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert decoded == {"password": "a-word", "ca.crt": "PEM"}
    assert secret["metadata"]["ownerReferences"][0]["uid"] == "an-identifier"
    assert made.ready["status"] == "True"


@pytest.mark.parametrize("slots", [{}, {PATH: {"password": "a-word"}}])
def test_a_missing_value_is_named_and_no_secret_is_made(slots: dict[str, dict[str, str]]) -> None:
    made = reconciled(slots, wanted())
    assert ("Secret", "broker-kafka") not in made.objects
    assert f"ca.crt of {PATH}" in made.ready["message"]


def test_no_status_tells_a_value() -> None:
    made = reconciled({PATH: {"password": "a-word", "ca.crt": "PEM"}}, wanted())
    assert "a-word" not in str(made.statuses)


def test_one_that_is_gone_or_going_is_left_alone() -> None:
    assert reconciled({}).objects == {}
    going = wanted()
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert reconciled({}, going).objects == {}
