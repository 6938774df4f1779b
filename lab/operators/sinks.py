"""Stands in for Strimzi's operator of Kafka Connect: looks whether workers and connectors could do their work.

No worker runs in the lab: Ready says that the resource is well formed, that Kafka has its user and topics, and that a
connector has workers to run on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from lab.operators.conditions import Condition
from lab.operators.kafka import KafkaRefused, TopicState
from lab.operators.kubernetes import Document, Kind, KubernetesClient
from lab.operators.loop import Key, Retry, Watch
from lab.operators.strimzi import conclude, paused, say_why_it_waits

KAFKA_CONNECT = Kind("kafka.strimzi.io", "v1", "kafkaconnects", "KafkaConnect")
KAFKA_CONNECTOR = Kind("kafka.strimzi.io", "v1", "kafkaconnectors", "KafkaConnector")
CLUSTER = "strimzi.io/cluster"
_TOPICS = ("configStorageTopic", "offsetStorageTopic", "statusStorageTopic")


class Kafka(Protocol):
    """What is asked of Kafka."""

    def scram_users(self) -> frozenset[str]:
        """Return the users that have a password."""

    def topic(self, name: str) -> TopicState | None:
        """Return a topic as it is, None when there is none."""


@dataclass
class WorkersReconciler:
    """Looks at one KafkaConnect at a time."""

    kubernetes: KubernetesClient
    kafka: Kafka
    watch: Watch

    def reconcile(self, key: Key) -> None:
        """Write the status of the KafkaConnect of this key; raises Retry while its workers could not start."""
        document = self.watch.objects.get(key)
        if document is not None:
            _conclude(self.kubernetes, KAFKA_CONNECT, document, self._problems(document))

    def _problems(self, document: Document) -> Iterator[str]:
        spec = document["spec"]
        user = (spec.get("authentication") or {}).get("username", "")
        if user not in self.kafka.scram_users():
            yield f"Kafka has no user {user} with a password"
        for topic in (spec[key] for key in _TOPICS):
            found = self.kafka.topic(topic)
            if found is None:
                yield f"Kafka has no topic {topic}"
            elif found.settings.get("cleanup.policy") != "compact":
                # Kafka Connect itself refuses to start then.
                yield f"the topic {topic} is not compacted"


@dataclass
class ConnectorReconciler:
    """Looks at one KafkaConnector at a time; `workers` are the KafkaConnects."""

    kubernetes: KubernetesClient
    kafka: Kafka
    watch: Watch
    workers: Watch

    def reconcile(self, key: Key) -> None:
        """Write the status of the KafkaConnector of this key; raises Retry while it could not run."""
        document = self.watch.objects.get(key)
        if document is not None:
            _conclude(self.kubernetes, KAFKA_CONNECTOR, document, self._problems(document))

    def _problems(self, document: Document) -> Iterator[str]:
        metadata, settings = document["metadata"], document["spec"].get("config") or {}
        cluster = (metadata.get("labels") or {}).get(CLUSTER, "")
        if Key(metadata["namespace"], cluster) not in self.workers.objects:
            yield f"there is no KafkaConnect {cluster or 'named by the label ' + CLUSTER}"
        read = str(settings.get("topics", "")).split(",")
        for topic in (*read, str(settings.get("errors.deadletterqueue.topic.name", ""))):
            if topic and self.kafka.topic(topic) is None:
                yield f"Kafka has no topic {topic}"


def _conclude(kubernetes: KubernetesClient, kind: Kind, document: Document, problems: Iterator[str]) -> None:
    if document["metadata"].get("deletionTimestamp"):
        return
    if paused(document):
        conclude(kubernetes, kind, document, [Condition("ReconciliationPaused", "True")])
        return
    try:
        problem = "; ".join(problems)
    except KafkaRefused as refusal:
        problem = str(refusal)
    except Retry as away:
        say_why_it_waits(kubernetes, kind, document, away)
        raise
    ready = Condition("Ready", "False", "NotReady", problem) if problem else Condition("Ready", "True")
    conclude(kubernetes, kind, document, [ready])
    if problem:
        raise Retry(problem)
