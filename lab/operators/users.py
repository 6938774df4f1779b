"""Stands in for Strimzi's user operator: a KafkaUser becomes a SCRAM user with Secret, access rules and quotas."""

import base64
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lab.operators.access_rules import access_rules
from lab.operators.conditions import Condition
from lab.operators.kafka import AccessRule, KafkaRefused
from lab.operators.kubernetes import SECRET, Document, Kind, KubernetesClient
from lab.operators.loop import Key, Queue, Retry, Watch
from lab.operators.strimzi import Refusal, conclude, paused, say_why_it_waits

KAFKA_USER = Kind("kafka.strimzi.io", "v1", "kafkausers", "KafkaUser")
MANAGER = "strimzi-user-operator"
# As many characters as Strimzi makes by default (STRIMZI_SCRAM_SHA_PASSWORD_LENGTH).
PASSWORD_LENGTH = 32
ALPHABET = string.ascii_letters + string.digits
# Quota names: Strimzi's in the resource, Kafka's in the broker.
QUOTAS = {
    "producerByteRate": "producer_byte_rate",
    "consumerByteRate": "consumer_byte_rate",
    "requestPercentage": "request_percentage",
    "controllerMutationRate": "controller_mutation_rate",
}


class UserAdministrator(Protocol):
    """What the operator asks of Kafka about users."""

    def scram_users(self) -> frozenset[str]:
        """Return the users that have a password."""

    def set_password(self, user: str, password: str) -> None:
        """Give a user this password."""

    def remove_password(self, user: str) -> None:
        """Take a user's password away."""

    def access_rules(self, user: str) -> frozenset[AccessRule]:
        """Return a user's access rules."""

    def users_with_access_rules(self) -> frozenset[str]:
        """Return the users that some access rule names."""

    def add_access_rules(self, user: str, rules: Iterable[AccessRule]) -> None:
        """Add access rules."""

    def remove_access_rules(self, user: str, rules: Iterable[AccessRule]) -> None:
        """Remove access rules."""


class QuotaAdministrator(Protocol):
    """What the operator asks of Kafka about quotas."""

    def set_quotas(self, user: str, quotas: Mapping[str, float | None]) -> None:
        """Set a user's quotas; None takes one away."""


@dataclass
class UserReconciler:
    """Puts one KafkaUser right at a time; `own_user` (the lab's administrator) is never touched."""

    kubernetes: KubernetesClient
    kafka: UserAdministrator
    quotas: QuotaAdministrator
    watch: Watch
    own_user: str
    # Passwords that this process has set already: Kafka tells nobody what a user's password is.
    _known: dict[str, str] = field(default_factory=dict, repr=False)

    def reconcile(self, key: Key) -> None:
        """Bring Kafka in line with the KafkaUser of this key, or with there being none."""
        document = self.watch.objects.get(key)
        if document is None or document["metadata"].get("deletionTimestamp"):
            self._remove(key.name)
        elif paused(document):
            conclude(self.kubernetes, KAFKA_USER, document, [Condition("ReconciliationPaused", "True")])
        else:
            self._establish(document)

    def sweep(self, namespace: str, queue: Queue) -> None:
        """Ask for every user that Kafka has and no resource does: one deleted while this process was away."""
        try:
            present = self.kafka.scram_users() | self.kafka.users_with_access_rules()
        except (KafkaRefused, Retry):
            return
        declared = {key.name for key in self.watch.objects}
        for user in sorted(present - declared - {self.own_user, "*", "ANONYMOUS"}):
            queue.add(Key(namespace, user))

    def _establish(self, document: Document) -> None:
        name = document["metadata"]["name"]
        spec = document.get("spec") or {}
        found = {"username": name}
        try:
            if (spec.get("authentication") or {}).get("type") == "scram-sha-512":
                self._set_password(name, self._password(document))
                found["secret"] = name
            self._align_rules(name, access_rules(spec.get("authorization") or {}))
            self.quotas.set_quotas(name, quotas(spec.get("quotas") or {}))
            ready = Condition("Ready", "True")
        except KafkaRefused as refusal:
            ready = Condition("Ready", "False", "KafkaError", str(refusal))
        except Refusal as refusal:
            ready = Condition("Ready", "False", refusal.reason, refusal.message)
        except Retry as away:
            say_why_it_waits(self.kubernetes, KAFKA_USER, document, away)
            raise
        conclude(self.kubernetes, KAFKA_USER, document, [ready], found)

    def _password(self, document: Document) -> str:
        """Return the password that is asked for, else what the user's Secret holds; make or mend that Secret."""
        metadata = document["metadata"]
        secret = self.kubernetes.get(SECRET, metadata["namespace"], metadata["name"]) or {}
        data = secret.get("data") or {}
        named = document["spec"]["authentication"].get("password")
        if named:
            password = self._named_password(metadata["namespace"], named["valueFrom"]["secretKeyRef"])
        elif data.get("password"):
            password = base64.b64decode(data["password"]).decode()
        else:
            password = "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))
        wanted = user_secret(document, password)
        if data != wanted["data"]:
            self.kubernetes.apply(SECRET, wanted, MANAGER)
        return password

    def _named_password(self, namespace: str, reference: Mapping[str, str]) -> str:
        """Return the password in the Secret that the site names."""
        name, key = reference["name"], reference["key"]
        secret = self.kubernetes.get(SECRET, namespace, name) or {}
        if key not in (secret.get("data") or {}):
            raise Refusal(
                "InvalidResourceException", f"Secret {name} with requested user password does not exist."
            )
        return base64.b64decode(secret["data"][key]).decode()

    def _set_password(self, name: str, password: str) -> None:
        if self._known.get(name) == password and name in self.kafka.scram_users():
            return
        self.kafka.set_password(name, password)
        self._known[name] = password

    def _align_rules(self, name: str, wanted: frozenset[AccessRule]) -> None:
        present = self.kafka.access_rules(name)
        self.kafka.add_access_rules(name, wanted - present)
        self.kafka.remove_access_rules(name, present - wanted)

    def _remove(self, name: str) -> None:
        if name == self.own_user:
            return
        self.kafka.remove_access_rules(name, self.kafka.access_rules(name))
        self.kafka.remove_password(name)
        self.quotas.set_quotas(name, quotas({}))
        self._known.pop(name, None)


def quotas(spec: Mapping[str, float]) -> dict[str, float | None]:
    """Return Kafka's quotas for a KafkaUser's; a quota that is not asked for is None: to be taken away."""
    return {name: spec.get(key) for key, name in QUOTAS.items()}


def user_secret(document: Document, password: str) -> Document:
    """Return the Secret that Strimzi makes for a SCRAM user, owned by the KafkaUser so that it goes with it."""
    metadata = document["metadata"]
    labels = metadata.get("labels") or {}
    jaas = (
        "org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="{metadata["name"]}" password="{password}";'
    )
    return {
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": {
                **labels,
                "app.kubernetes.io/instance": metadata["name"],
                "app.kubernetes.io/managed-by": MANAGER,
                "app.kubernetes.io/name": MANAGER,
                "app.kubernetes.io/part-of": f"strimzi-{metadata['name']}",
                "strimzi.io/cluster": labels.get("strimzi.io/cluster", ""),
                "strimzi.io/kind": "KafkaUser",
            },
            "ownerReferences": [
                {
                    "apiVersion": KAFKA_USER.api_version,
                    "kind": KAFKA_USER.name,
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": False,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "type": "Opaque",
        "data": {"password": _encoded(password), "sasl.jaas.config": _encoded(jaas)},
    }


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
