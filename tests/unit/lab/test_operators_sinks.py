"""Workers are ready once Kafka has their user and topics, a connector once it has workers and topics."""

import pytest

from lab.operators.kafka import TopicState
from lab.operators.kubernetes import Document
from lab.operators.loop import Key, Retry
from lab.operators.sinks import KAFKA_CONNECT, KAFKA_CONNECTOR, ConnectorReconciler, WorkersReconciler
from tests.unit.lab.operators_support import FakeKafka, FakeKubernetes, watching

WORKERS, CONNECTOR = Key("iot-field", "sinks"), Key("iot-field", "historian-raw")
OWN = ("field.connect-configs", "field.connect-offsets", "field.connect-status")


def workers() -> Document:
    keys = ("configStorageTopic", "offsetStorageTopic", "statusStorageTopic")
    return {
        "metadata": {"name": "sinks", "namespace": "iot-field", "generation": 1},
        "spec": {"authentication": {"username": "field-connect"}, **dict(zip(keys, OWN, strict=True))},
    }


def connector() -> Document:
    labels = {"strimzi.io/cluster": "sinks"}
    settings = {"topics": "field.raw", "errors.deadletterqueue.topic.name": "field.dead-letter"}
    return {
        "metadata": {"name": "historian-raw", "namespace": "iot-field", "generation": 1, "labels": labels},
        "spec": {"config": settings},
    }


def topics(*names: str, cleanup: str = "compact") -> dict[str, TopicState]:
    return {name: TopicState("identifier", 1, 3, {"cleanup.policy": cleanup}) for name in names}


def test_workers_whose_user_and_topics_kafka_has_are_ready() -> None:
    kubernetes, kafka = FakeKubernetes(), FakeKafka(topics(*OWN), {"field-connect": "…"})
    watch = watching(KAFKA_CONNECT, kubernetes, workers())
    WorkersReconciler(kubernetes.client, kafka, watch).reconcile(WORKERS)
    assert kubernetes.ready["status"] == "True"


@pytest.mark.parametrize(
    ("kafka", "words"),
    [
        (FakeKafka(topics(*OWN)), "no user field-connect"),
        (FakeKafka(topics(*OWN[1:]), {"field-connect": "…"}), "no topic field.connect-configs"),
        (FakeKafka(topics(*OWN, cleanup="delete"), {"field-connect": "…"}), "is not compacted"),
    ],
)
def test_workers_that_could_not_start_say_what_is_missing(kafka: FakeKafka, words: str) -> None:
    kubernetes = FakeKubernetes()
    watch = watching(KAFKA_CONNECT, kubernetes, workers())
    with pytest.raises(Retry, match=words):
        WorkersReconciler(kubernetes.client, kafka, watch).reconcile(WORKERS)
    assert words in kubernetes.ready["message"]


def test_a_connector_with_workers_and_topics_is_ready() -> None:
    kubernetes, kafka = FakeKubernetes(), FakeKafka(topics("field.raw", "field.dead-letter"))
    ConnectorReconciler(
        kubernetes.client,
        kafka,
        watching(KAFKA_CONNECTOR, kubernetes, connector()),
        watching(KAFKA_CONNECT, kubernetes, workers()),
    ).reconcile(CONNECTOR)
    assert kubernetes.ready["status"] == "True"


def test_a_connector_without_workers_or_dead_letters_says_both() -> None:
    kubernetes, kafka = FakeKubernetes(), FakeKafka(topics("field.raw"))
    reconciler = ConnectorReconciler(
        kubernetes.client,
        kafka,
        watching(KAFKA_CONNECTOR, kubernetes, connector()),
        watching(KAFKA_CONNECT, kubernetes),
    )
    with pytest.raises(Retry, match=r"no KafkaConnect sinks; Kafka has no topic field\.dead-letter"):
        reconciler.reconcile(CONNECTOR)
