"""The lab's Kafka as its operators see it: topics, users and access rules, with the broker's own errors."""

import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from lab.operators.loop import Retry

if TYPE_CHECKING:
    from confluent_kafka import KafkaError
    from confluent_kafka.admin import (
        AclBinding,
        AclBindingFilter,
        AdminClient,
        UserScramCredentialsDescription,
    )

REQUEST_SECONDS = 15.0
CONNECT_SECONDS = 2.0
# Strimzi hashes SCRAM passwords with as many rounds (its ScramCredentialsOperator); Kafka's own least.
SCRAM_ITERATIONS = 4096

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class KafkaEndpoint:
    """Where the lab's Kafka is and who its operators are there; the password stays in its file until used."""

    bootstrap: str
    ca_file: Path
    user: str
    password_file: Path


@dataclass(frozen=True)
class TopicState:
    """A topic as the broker has it: `settings` are those set on the topic itself."""

    identifier: str
    partitions: int
    replicas: int
    settings: Mapping[str, str]


@dataclass(frozen=True, order=True)
class AccessRule:
    """One of Kafka's access rules, in Kafka's own words (`resource` TOPIC, GROUP, …; `pattern` LITERAL or PREFIXED)."""

    resource: str
    name: str
    pattern: str
    host: str
    operation: str
    permission: str


class KafkaRefused(Exception):
    """The broker refused a request: its error's name (`INVALID_CONFIG`) and its own sentence."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{name}: {sentence}")
        self.name = name
        self.sentence = sentence


class KafkaAdministrator:
    """An administrator's connection to the lab's Kafka."""

    def __init__(self, endpoint: KafkaEndpoint) -> None:
        self._endpoint = endpoint
        self._connected: AdminClient | None = None
        self._unanswered = False

    @property
    def _client(self) -> "AdminClient":
        """The client, made anew once one went without an answer and all brokers take connections again.

        librdkafka 2.16.0 may wait for the controller for good when that broker was away, and asks the others for it
        without a pause: four clients that do so leave a small machine no time to start that broker.
        """
        from confluent_kafka.admin import AdminClient

        if self._connected is None:
            endpoint = self._endpoint
            if self._unanswered:
                _connect_to_all(endpoint.bootstrap)
                self._unanswered = False
            self._connected = AdminClient(
                {
                    "bootstrap.servers": endpoint.bootstrap,
                    "security.protocol": "SASL_SSL",
                    "sasl.mechanism": "SCRAM-SHA-512",
                    "sasl.username": endpoint.user,
                    "sasl.password": endpoint.password_file.read_text(encoding="utf-8").strip(),
                    "ssl.ca.location": str(endpoint.ca_file),
                    "client.id": "lab-operators",
                    "socket.timeout.ms": int(REQUEST_SECONDS * 1000),
                    "reconnect.backoff.max.ms": 2000,
                    "log_level": 0,
                }
            )
        return self._connected

    def _answer(self, future: "Future[Answer]") -> Answer:
        try:
            return _answered(future)
        except Retry:
            self._connected, self._unanswered = None, True
            raise

    def topic(self, name: str) -> TopicState | None:
        """Return the topic's state, or None when the broker has none of that name."""
        from confluent_kafka import TopicCollection

        described = self._client.describe_topics(TopicCollection([name]), request_timeout=REQUEST_SECONDS)
        try:
            topic = self._answer(described[name])
        except KafkaRefused as refusal:
            if refusal.name == "UNKNOWN_TOPIC_OR_PART":
                return None
            raise
        replicas = len(topic.partitions[0].replicas)
        return TopicState(str(topic.topic_id), len(topic.partitions), replicas, self._settings(name))

    def create_topic(self, name: str, partitions: int, replicas: int, settings: Mapping[str, str]) -> None:
        """Create a topic; -1 partitions or replicas mean the broker's default."""
        from confluent_kafka.admin import NewTopic

        topic = NewTopic(name, num_partitions=partitions, replication_factor=replicas, config=dict(settings))
        self._answer(self._client.create_topics([topic], request_timeout=REQUEST_SECONDS)[name])

    def delete_topic(self, name: str) -> None:
        """Delete a topic; one that is gone already is no error."""
        try:
            self._answer(self._client.delete_topics([name], request_timeout=REQUEST_SECONDS)[name])
        except KafkaRefused as refusal:
            if refusal.name != "UNKNOWN_TOPIC_OR_PART":
                raise

    def increase_partitions(self, name: str, partitions: int) -> None:
        """Give a topic more partitions; the broker refuses fewer."""
        from confluent_kafka.admin import NewPartitions

        wanted = [NewPartitions(name, partitions)]
        self._answer(self._client.create_partitions(wanted, request_timeout=REQUEST_SECONDS)[name])

    def change_settings(self, name: str, wanted: Mapping[str, str], unwanted: Iterable[str]) -> None:
        """Set the wanted settings of a topic and give the unwanted ones back to the broker's defaults."""
        from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in wanted.items()
        ]
        entries += [
            ConfigEntry(key, None, incremental_operation=AlterConfigOpType.DELETE) for key in unwanted
        ]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        answers = self._client.incremental_alter_configs([resource], request_timeout=REQUEST_SECONDS)
        self._answer(answers[resource])

    def _settings(self, name: str) -> dict[str, str]:
        from confluent_kafka.admin import ConfigResource, ConfigSource, ResourceType

        resource = ConfigResource(ResourceType.TOPIC, name)
        entries = self._answer(
            self._client.describe_configs([resource], request_timeout=REQUEST_SECONDS)[resource]
        )
        own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
        return {key: entry.value or "" for key, entry in entries.items() if entry.source == own}

    def scram_users(self) -> frozenset[str]:
        """Return the names of all users that have a SCRAM-SHA-512 password."""
        from confluent_kafka.admin import ScramMechanism

        # Asked for all users, the client library answers with one future instead of one for each user.
        asked = cast(
            "Future[dict[str, UserScramCredentialsDescription]]",
            self._client.describe_user_scram_credentials(request_timeout=REQUEST_SECONDS),
        )
        described = self._answer(asked)
        return frozenset(
            name
            for name, user in described.items()
            if any(info.mechanism == ScramMechanism.SCRAM_SHA_512 for info in user.scram_credential_infos)
        )

    def set_password(self, user: str, password: str) -> None:
        """Give a user this SCRAM-SHA-512 password, whether or not it had one."""
        from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

        information = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
        change = UserScramCredentialUpsertion(user, information, password.encode())
        self._answer(
            self._client.alter_user_scram_credentials([change], request_timeout=REQUEST_SECONDS)[user]
        )

    def remove_password(self, user: str) -> None:
        """Take a user's SCRAM-SHA-512 password away; none is no error."""
        from confluent_kafka.admin import ScramMechanism, UserScramCredentialDeletion

        change = UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512)
        answers = self._client.alter_user_scram_credentials([change], request_timeout=REQUEST_SECONDS)
        try:
            self._answer(answers[user])
        except KafkaRefused as refusal:
            if refusal.name != "RESOURCE_NOT_FOUND":
                raise

    def access_rules(self, user: str) -> frozenset[AccessRule]:
        """Return every access rule of one user."""
        found = self._answer(
            self._client.describe_acls(_every_rule(f"User:{user}"), request_timeout=REQUEST_SECONDS)
        )
        return frozenset(_rule(binding) for binding in found)

    def users_with_access_rules(self) -> frozenset[str]:
        """Return the names of all users that some access rule names."""
        found = self._answer(self._client.describe_acls(_every_rule(None), request_timeout=REQUEST_SECONDS))
        return frozenset(binding.principal.removeprefix("User:") for binding in found)

    def add_access_rules(self, user: str, rules: Iterable[AccessRule]) -> None:
        """Add access rules for one user."""
        from confluent_kafka.admin import AclBinding

        bindings = [AclBinding(**_words(user, rule)) for rule in sorted(rules)]
        if bindings:
            for answer in self._client.create_acls(bindings, request_timeout=REQUEST_SECONDS).values():
                self._answer(answer)

    def remove_access_rules(self, user: str, rules: Iterable[AccessRule]) -> None:
        """Take exactly these access rules from one user."""
        from confluent_kafka.admin import AclBindingFilter

        filters = [AclBindingFilter(**_words(user, rule)) for rule in sorted(rules)]
        if filters:
            for answer in self._client.delete_acls(filters, request_timeout=REQUEST_SECONDS).values():
                self._answer(answer)


def _connect_to_all(bootstrap: str) -> None:
    """Connect once to each broker of a list of addresses; raises Retry where one takes no connection."""
    for address in bootstrap.split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        except OSError as error:
            raise Retry(f"Kafka: {address}: {error.strerror or error}") from error


def _words(user: str, rule: AccessRule) -> dict[str, str]:
    return {
        "restype": rule.resource,
        "name": rule.name,
        "resource_pattern_type": rule.pattern,
        "principal": f"User:{user}",
        "host": rule.host,
        "operation": rule.operation,
        "permission_type": rule.permission,
    }


def _every_rule(principal: str | None) -> "AclBindingFilter":
    from confluent_kafka.admin import AclBindingFilter

    return AclBindingFilter("ANY", None, "ANY", principal, None, "ANY", "ANY")  # type: ignore[arg-type]


def _rule(binding: "AclBinding") -> AccessRule:
    from confluent_kafka.admin import AclOperation, AclPermissionType, ResourcePatternType, ResourceType

    return AccessRule(
        resource=ResourceType(binding.restype).name,
        name=binding.name,
        pattern=ResourcePatternType(binding.resource_pattern_type).name,
        host=binding.host,
        operation=AclOperation(binding.operation).name,
        permission=AclPermissionType(binding.permission_type).name,
    )


def _answered(future: "Future[Answer]") -> Answer:
    """Wait for the broker's answer: a refusal is a KafkaRefused, a broker that is away a Retry."""
    from confluent_kafka import KafkaException

    try:
        return future.result(timeout=REQUEST_SECONDS + 5)
    except TimeoutError as error:
        raise Retry("Kafka did not answer") from error
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        # Codes below zero are the client library's own: no broker was reached or none answered.
        if cause.code() < 0 or cause.retriable():
            raise Retry(f"Kafka: {cause.str()}") from error
        raise KafkaRefused(cause.name(), cause.str()) from error
