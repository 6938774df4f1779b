"""A KafkaTopic becomes what Kafka can make of it, and its status says what Kafka said."""

from typing import Any

import pytest

from lab.operators.kafka import KafkaRefused, TopicState
from lab.operators.kubernetes import Document
from lab.operators.loop import Key, Retry
from lab.operators.topics import FINALIZER, KAFKA_TOPIC, TopicReconciler, setting_changes, setting_text
from tests.unit.lab.operators_support import FakeKafka, FakeKubernetes, watching

KEY = Key("kafka", "field.raw")


def topic(name: str = "field.raw", created: str = "2026-11-23T10:00:00Z", **metadata: Any) -> Document:
    return {
        "metadata": {
            "name": name,
            "namespace": "kafka",
            "generation": 3,
            "resourceVersion": "7",
            "creationTimestamp": created,
            **metadata,
        },
        "spec": {
            "topicName": "field.raw",
            "partitions": 6,
            "replicas": 3,
            "config": {"retention.ms": 1000, "cleanup.policy": "delete"},
        },
    }


def state(partitions: int = 6, replicas: int = 3, **settings: str) -> TopicState:
    named = {name.replace("_", "."): value for name, value in settings.items()}
    return TopicState("identifier", partitions, replicas, named)


def reconcile(kafka: FakeKafka, *documents: Document) -> FakeKubernetes:
    kubernetes = FakeKubernetes()
    TopicReconciler(kubernetes.client, kafka, watching(KAFKA_TOPIC, kubernetes, *documents)).reconcile(KEY)
    return kubernetes


def test_a_new_topic_is_made_as_asked() -> None:
    kafka = FakeKafka()
    kubernetes = reconcile(kafka, topic())
    assert kafka.topics["field.raw"] == TopicState(
        "identifier", 6, 3, {"retention.ms": "1000", "cleanup.policy": "delete"}
    )
    assert kubernetes.ready["status"] == "True"
    assert kubernetes.statuses[-1]["observedGeneration"] == 3
    assert kubernetes.statuses[-1]["topicName"] == "field.raw"
    assert kubernetes.statuses[-1]["topicId"] == "identifier"


def test_a_kafka_that_is_away_is_in_the_status_and_the_topic_is_tried_again() -> None:
    class Away(FakeKafka):
        def topic(self, name: str) -> TopicState | None:
            raise Retry(f"Kafka did not answer for {name}")

    kubernetes = FakeKubernetes()
    reconciler = TopicReconciler(kubernetes.client, Away(), watching(KAFKA_TOPIC, kubernetes, topic()))
    with pytest.raises(Retry):
        reconciler.reconcile(KEY)
    assert (kubernetes.ready["status"], kubernetes.ready["message"]) == (
        "False",
        "Kafka did not answer for field.raw",
    )


def test_a_topic_of_which_a_broker_has_not_heard_yet_is_no_error() -> None:
    class Late(FakeKafka):
        asked = 0

        def topic(self, name: str) -> TopicState | None:
            self.asked += 1
            return super().topic(name) if self.asked > 2 else None

    settings = {"retention.ms": "1000", "cleanup.policy": "delete"}
    kafka = Late(
        topics={"field.raw": TopicState("identifier", 6, 3, settings)},
        refusal=KafkaRefused("TOPIC_ALREADY_EXISTS", "Topic 'field.raw' already exists."),
    )
    assert reconcile(kafka, topic()).ready["status"] == "True"


def test_a_topic_is_held_by_strimzis_finalizer() -> None:
    kubernetes = reconcile(FakeKafka(), topic())
    assert kubernetes.objects[("KafkaTopic", "field.raw")]["metadata"]["finalizers"] == [FINALIZER]


def test_settings_that_somebody_changed_are_put_right() -> None:
    kafka = FakeKafka({"field.raw": state(retention_ms="5", segment_ms="1", cleanup_policy="delete")})
    reconcile(kafka, topic())
    assert kafka.topics["field.raw"].settings == {"retention.ms": "1000", "cleanup.policy": "delete"}


def test_partitions_grow() -> None:
    kafka = FakeKafka({"field.raw": state(partitions=2)})
    reconcile(kafka, topic())
    assert kafka.topics["field.raw"].partitions == 6


@pytest.mark.parametrize(
    ("before", "words"),
    [(state(partitions=9), "Decreasing partitions"), (state(replicas=1), "Replication factor change")],
)
def test_what_strimzi_does_not_support_is_refused_in_the_status(before: TopicState, words: str) -> None:
    kafka = FakeKafka({"field.raw": before})
    ready = reconcile(kafka, topic()).ready
    assert (ready["status"], ready["reason"]) == ("False", "NotSupported")
    assert words in ready["message"]
    assert kafka.topics["field.raw"].partitions == before.partitions


def test_the_brokers_own_refusal_is_the_statuss_message() -> None:
    refusal = KafkaRefused("INVALID_REPLICATION_FACTOR", "only 1 broker(s) are registered")
    ready = reconcile(FakeKafka(refusal=refusal), topic()).ready
    assert (ready["status"], ready["reason"]) == ("False", "KafkaError")
    assert ready["message"] == "INVALID_REPLICATION_FACTOR: only 1 broker(s) are registered"


def test_a_renamed_topic_is_refused() -> None:
    document = topic() | {"status": {"topicName": "field.other"}}
    assert reconcile(FakeKafka(), document).ready["message"] == "Changing spec.topicName is not supported"


def test_the_older_of_two_resources_keeps_the_topic() -> None:
    older = topic("older", created="2026-11-22T10:00:00Z")
    kafka = FakeKafka({"field.raw": state(partitions=2)})
    ready = reconcile(kafka, topic(), older).ready
    assert (ready["reason"], ready["message"]) == ("ResourceConflict", "Managed by kafka/older")
    assert kafka.topics["field.raw"].partitions == 2


def test_a_deleted_resource_takes_its_topic_along() -> None:
    kafka = FakeKafka({"field.raw": state()})
    going = topic(deletionTimestamp="2026-11-23T11:00:00Z", finalizers=[FINALIZER])
    kubernetes = reconcile(kafka, going)
    assert kafka.topics == {}
    assert kubernetes.objects[("KafkaTopic", "field.raw")]["metadata"]["finalizers"] == []


def test_a_deleted_resource_leaves_a_topic_that_another_one_owns() -> None:
    kafka = FakeKafka({"field.raw": state()})
    going = topic(deletionTimestamp="2026-11-23T11:00:00Z", finalizers=[FINALIZER])
    reconcile(kafka, going, topic("older", created="2026-11-22T10:00:00Z"))
    assert "field.raw" in kafka.topics


def test_a_paused_or_unmanaged_topic_is_left_alone() -> None:
    kafka = FakeKafka()
    reconcile(kafka, topic(annotations={"strimzi.io/pause-reconciliation": "true"}))
    reconcile(kafka, topic(annotations={"strimzi.io/managed": "false"}))
    assert kafka.topics == {}


def test_an_unchanged_status_is_not_written_again() -> None:
    kafka = FakeKafka()
    first = reconcile(kafka, topic())
    settled = topic(finalizers=[FINALIZER]) | {"status": first.objects[("KafkaTopic", "field.raw")]["status"]}
    assert reconcile(kafka, settled).statuses == []


def test_settings_are_written_as_kafka_reads_them() -> None:
    assert [setting_text(value) for value in (True, 5, "x", ["a", "b"])] == ["true", "5", "x", "a,b"]


def test_only_differences_are_set() -> None:
    assert setting_changes({"a": "1", "b": "2"}, {"a": "1", "c": "3"}) == ({"b": "2"}, ["c"])
