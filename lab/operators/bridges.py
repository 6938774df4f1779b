"""Stands in for Strimzi's operator of Kafka bridges: looks whether a bridge could reach Kafka as its user.

No bridge runs in the lab: Ready says that the resource is well formed, and that Kafka has its user.
"""

from dataclasses import dataclass
from typing import Protocol

from lab.operators.conditions import Condition
from lab.operators.kafka import KafkaRefused
from lab.operators.kubernetes import Document, Kind, KubernetesClient
from lab.operators.loop import Key, Retry, Watch
from lab.operators.strimzi import conclude, paused, say_why_it_waits

KAFKA_BRIDGE = Kind("kafka.strimzi.io", "v1", "kafkabridges", "KafkaBridge")


class Logins(Protocol):
    """What is asked of Kafka."""

    def scram_users(self) -> frozenset[str]:
        """Return the users that have a password."""


@dataclass
class BridgeReconciler:
    """Looks at one KafkaBridge at a time."""

    kubernetes: KubernetesClient
    kafka: Logins
    watch: Watch

    def reconcile(self, key: Key) -> None:
        """Write the status of the KafkaBridge of this key; raises Retry while Kafka does not have its user."""
        document = self.watch.objects.get(key)
        if document is None or document["metadata"].get("deletionTimestamp"):
            return
        if paused(document):
            conclude(self.kubernetes, KAFKA_BRIDGE, document, [Condition("ReconciliationPaused", "True")])
            return
        problem = self._problem(document)
        port = (document["spec"].get("http") or {}).get("port", 8080)
        name = document["metadata"]["name"]
        found = {"url": f"https://{name}-bridge-service.{document['metadata']['namespace']}.svc:{port}"}
        ready = Condition("Ready", "False", "UserUnknown", problem) if problem else Condition("Ready", "True")
        conclude(self.kubernetes, KAFKA_BRIDGE, document, [ready], found)
        if problem:
            raise Retry(problem)

    def _problem(self, document: Document) -> str | None:
        login = document["spec"].get("authentication") or {}
        user = login.get("username", "")
        try:
            known = self.kafka.scram_users()
        except KafkaRefused as refusal:
            return str(refusal)
        except Retry as away:
            say_why_it_waits(self.kubernetes, KAFKA_BRIDGE, document, away)
            raise
        return None if user in known else f"Kafka has no user {user} with a password"
