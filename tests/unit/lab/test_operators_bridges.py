"""A KafkaBridge is ready once Kafka knows its user."""

import pytest

from lab.operators.bridges import KAFKA_BRIDGE, BridgeReconciler
from lab.operators.kubernetes import Document
from lab.operators.loop import Key, Retry
from tests.unit.lab.operators_support import FakeKafka, FakeKubernetes, watching

KEY = Key("iot-field", "kafka")


def bridge() -> Document:
    return {
        "metadata": {"name": "kafka", "namespace": "iot-field", "generation": 3},
        "spec": {"authentication": {"username": "field-broker"}, "http": {"port": 8443}},
    }


def test_a_bridge_whose_user_kafka_knows_is_ready_and_says_where_it_is() -> None:
    kubernetes, kafka = FakeKubernetes(), FakeKafka(passwords={"field-broker": "…"})
    BridgeReconciler(kubernetes.client, kafka, watching(KAFKA_BRIDGE, kubernetes, bridge())).reconcile(KEY)
    assert kubernetes.ready["status"] == "True"
    assert kubernetes.statuses[-1]["url"] == "https://kafka-bridge-service.iot-field.svc:8443"


def test_a_bridge_whose_user_kafka_does_not_know_is_looked_at_again() -> None:
    kubernetes = FakeKubernetes()
    reconciler = BridgeReconciler(
        kubernetes.client, FakeKafka(), watching(KAFKA_BRIDGE, kubernetes, bridge())
    )
    with pytest.raises(Retry, match="no user field-broker"):
        reconciler.reconcile(KEY)
    assert kubernetes.ready["status"] == "False"
    assert "field-broker" in kubernetes.ready["message"]


def test_a_bridge_that_is_gone_is_left_alone() -> None:
    kubernetes = FakeKubernetes()
    BridgeReconciler(kubernetes.client, FakeKafka(), watching(KAFKA_BRIDGE, kubernetes)).reconcile(KEY)
    assert kubernetes.statuses == []
