"""Stands in for Strimzi's topic operator: each KafkaTopic becomes a topic of the lab's Kafka, or says why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lab.operators.conditions import Condition
from lab.operators.kafka import KafkaRefused, TopicState
from lab.operators.kubernetes import Document, Kind, KubernetesClient
from lab.operators.loop import Key, Retry, Watch
from lab.operators.strimzi import Refusal, conclude, paused, say_why_it_waits, set_finalizers
from lab.waiting import NotInTimeError, wait_until

KAFKA_TOPIC = Kind("kafka.strimzi.io", "v1", "kafkatopics", "KafkaTopic")
FINALIZER = "strimzi.io/topic-operator"
BROKER_DEFAULT = -1
EXISTS = "TOPIC_ALREADY_EXISTS"
HEARD_SECONDS = 10.0


class TopicAdministrator(Protocol):
    """What the operator asks of Kafka; `lab.operators.kafka.KafkaAdministrator` is the real one."""

    def topic(self, name: str) -> TopicState | None:
        """Return the topic's state, or None."""

    def create_topic(self, name: str, partitions: int, replicas: int, settings: Mapping[str, str]) -> None:
        """Create a topic."""

    def delete_topic(self, name: str) -> None:
        """Delete a topic."""

    def increase_partitions(self, name: str, partitions: int) -> None:
        """Give a topic more partitions."""

    def change_settings(self, name: str, wanted: Mapping[str, str], unwanted: list[str]) -> None:
        """Set and unset settings of a topic."""


@dataclass(frozen=True)
class TopicRequest:
    """What a KafkaTopic asks for; -1 partitions or replicas leave the number to the broker."""

    name: str
    partitions: int
    replicas: int
    settings: Mapping[str, str]
    managed: bool

    @classmethod
    def read(cls, document: Document) -> "TopicRequest":
        """Read a KafkaTopic resource."""
        metadata, spec = document["metadata"], document.get("spec") or {}
        annotations = metadata.get("annotations") or {}
        return cls(
            name=spec.get("topicName") or metadata["name"],
            partitions=spec.get("partitions", BROKER_DEFAULT),
            replicas=spec.get("replicas", BROKER_DEFAULT),
            settings={key: setting_text(value) for key, value in (spec.get("config") or {}).items()},
            managed=annotations.get("strimzi.io/managed", "true") != "false",
        )


@dataclass
class TopicReconciler:
    """Puts one KafkaTopic right at a time."""

    kubernetes: KubernetesClient
    kafka: TopicAdministrator
    watch: Watch

    def reconcile(self, key: Key) -> None:
        """Bring Kafka in line with the KafkaTopic of this key, and write its status."""
        document = self.watch.objects.get(key)
        if document is None:
            return
        request = TopicRequest.read(document)
        if document["metadata"].get("deletionTimestamp"):
            self._remove(document, request)
        elif paused(document):
            conclude(self.kubernetes, KAFKA_TOPIC, document, [Condition("ReconciliationPaused", "True")])
        else:
            self._establish(document, request)

    def _establish(self, document: Document, request: TopicRequest) -> None:
        if not request.managed:
            conclude(self.kubernetes, KAFKA_TOPIC, document, [Condition("Unmanaged", "True")])
            return
        set_finalizers(self.kubernetes, KAFKA_TOPIC, document, [FINALIZER], [])
        found: dict[str, Any] = {"topicName": request.name}
        try:
            self._refuse_second_owner(document, request)
            _refuse_renaming(document, request)
            found["topicId"] = self._align(request).identifier
            ready = Condition("Ready", "True")
        except KafkaRefused as refusal:
            ready = Condition("Ready", "False", "KafkaError", str(refusal))
        except Refusal as refusal:
            ready = Condition("Ready", "False", refusal.reason, refusal.message)
        except Retry as away:
            say_why_it_waits(self.kubernetes, KAFKA_TOPIC, document, away)
            raise
        conclude(self.kubernetes, KAFKA_TOPIC, document, [ready], found)

    def _align(self, request: TopicRequest) -> TopicState:
        state = self.kafka.topic(request.name)
        if state is None:
            try:
                self.kafka.create_topic(request.name, request.partitions, request.replicas, request.settings)
            except KafkaRefused as refusal:
                if refusal.name != EXISTS or self._seen_in_time(request.name) is None:
                    raise
                return self._align(request)
            created = self.kafka.topic(request.name)
            return created or TopicState("", request.partitions, request.replicas, request.settings)
        wanted, unwanted = setting_changes(request.settings, state.settings)
        if wanted or unwanted:
            self.kafka.change_settings(request.name, wanted, unwanted)
        if BROKER_DEFAULT < request.partitions < state.partitions:
            raise Refusal(
                "NotSupported",
                f"Decreasing partitions not supported: topic has {state.partitions}, "
                f"resource asks for {request.partitions}",
            )
        if request.partitions > state.partitions:
            self.kafka.increase_partitions(request.name, request.partitions)
        if request.replicas not in (BROKER_DEFAULT, state.replicas):
            raise Refusal(
                "NotSupported",
                f"Replication factor change not supported: topic has {state.replicas}, "
                f"resource asks for {request.replicas}",
            )
        return state

    def _seen_in_time(self, name: str) -> TopicState | None:
        """Wait for a topic that was made a moment ago: the broker that answers may not have heard of it yet."""
        try:
            wait_until(lambda: self.kafka.topic(name) is not None, HEARD_SECONDS, f"topic {name}")
        except NotInTimeError:
            return None
        return self.kafka.topic(name)

    def _remove(self, document: Document, request: TopicRequest) -> None:
        if FINALIZER not in (document["metadata"].get("finalizers") or []):
            return
        if request.managed and self._older_owner(document, request) is None:
            self.kafka.delete_topic(request.name)
        set_finalizers(self.kubernetes, KAFKA_TOPIC, document, [], [FINALIZER])

    def _refuse_second_owner(self, document: Document, request: TopicRequest) -> None:
        owner = self._older_owner(document, request)
        if owner is not None:
            raise Refusal("ResourceConflict", f"Managed by {owner['namespace']}/{owner['name']}")

    def _older_owner(self, document: Document, request: TopicRequest) -> Document | None:
        mine = _age(document)
        for other in list(self.watch.objects.values()):
            rival = TopicRequest.read(other)
            if rival.managed and rival.name == request.name and _age(other) < mine:
                owner: Document = other["metadata"]
                return owner
        return None


def setting_changes(
    wanted: Mapping[str, str], present: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return the settings to set, and the names of those to give back to the broker's default."""
    changed = {key: value for key, value in wanted.items() if present.get(key) != value}
    return changed, sorted(set(present) - set(wanted))


def setting_text(value: object) -> str:
    """Return a setting as Kafka reads it: booleans in small letters, lists with commas."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return str(value)


def _refuse_renaming(document: Document, request: TopicRequest) -> None:
    before = (document.get("status") or {}).get("topicName")
    if before and before != request.name:
        raise Refusal("NotSupported", "Changing spec.topicName is not supported")


def _age(document: Document) -> tuple[str, str, str]:
    metadata = document["metadata"]
    return metadata["creationTimestamp"], metadata["namespace"], metadata["name"]
