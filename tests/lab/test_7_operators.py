"""The operators' stand-ins against the real servers: what a server refuses is reported in its own words."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import Producer

from lab.estate import Estate
from lab.operators.kafka import KafkaAdministrator
from lab.operators.loop import Retry
from lab.operators.settings import read_settings
from lab.waiting import wait_until
from tests.support import servers
from tests.support.shell import Shell

SECONDS = 30.0
TOPIC = "operators-test"


@pytest.fixture
def kafka(estate: Estate) -> KafkaAdministrator:
    return KafkaAdministrator(read_settings(estate.state / "operators" / "settings.json").kafka)


@pytest.fixture
def topic(shell: Shell) -> Iterator[str]:
    """A KafkaTopic that asks for two partitions, and is deleted afterwards."""
    apply(shell, "KafkaTopic", TOPIC, {"partitions": 2, "replicas": 3, "config": {"retention.ms": 60000}})
    wait_until(lambda: ready(shell, "kafkatopic", TOPIC).get("status") == "True", SECONDS, "the topic")
    yield TOPIC
    shell.kubectl("delete", "--namespace", "kafka", "kafkatopic", TOPIC, "--ignore-not-found")


def test_a_topic_is_there_as_declared(topic: str, kafka: KafkaAdministrator) -> None:
    state = kafka.topic(topic)
    assert state is not None
    assert (state.partitions, state.replicas, state.settings) == (2, 3, {"retention.ms": "60000"})


def test_a_broker_that_was_away_is_no_end(estate: Estate, kafka: KafkaAdministrator) -> None:
    """Of the brokers that are no controller: which one a client asks is Kafka's choice."""
    kafka.scram_users()
    estate.stop("kafka-3")
    try:
        with contextlib.suppress(Retry):
            kafka.scram_users()
    finally:
        estate.up()

    def answers() -> bool:
        with contextlib.suppress(Retry):
            return bool(kafka.scram_users())
        return False

    wait_until(answers, SECONDS, "Kafka's answer")


def test_a_topic_grows_and_does_not_shrink(topic: str, shell: Shell, kafka: KafkaAdministrator) -> None:
    change(shell, topic, {"partitions": 4})
    wait_until(lambda: getattr(kafka.topic(topic), "partitions", 0) == 4, SECONDS, "four partitions")
    change(shell, topic, {"partitions": 3})
    wait_until(
        lambda: ready(shell, "kafkatopic", topic).get("reason") == "NotSupported", SECONDS, "a refusal"
    )
    assert "Decreasing partitions not supported" in ready(shell, "kafkatopic", topic)["message"]


def test_kafkas_own_refusal_is_in_the_status(topic: str, shell: Shell) -> None:
    change(shell, topic, {"config": {"retention.ms": "soon"}})
    wait_until(lambda: ready(shell, "kafkatopic", topic).get("reason") == "KafkaError", SECONDS, "a refusal")
    assert ready(shell, "kafkatopic", topic)["message"] == (
        "INVALID_CONFIG: Invalid value soon for configuration retention.ms: Not a number of type LONG"
    )


def test_a_deleted_topic_is_gone_before_its_resource_is(
    topic: str, shell: Shell, kafka: KafkaAdministrator
) -> None:
    shell.kubectl("delete", "--namespace", "kafka", "kafkatopic", topic)
    assert kafka.topic(topic) is None


def test_a_deleted_user_keeps_neither_password_nor_rights(shell: Shell, kafka: KafkaAdministrator) -> None:
    acl = {"resource": {"type": "topic", "name": "x"}, "operations": ["Read"]}
    spec = {"authentication": {"type": "scram-sha-512"}, "authorization": {"type": "simple", "acls": [acl]}}
    apply(shell, "KafkaUser", "operators-test", spec | {"quotas": {"producerByteRate": 1048576}})
    wait_until(
        lambda: ready(shell, "kafkauser", "operators-test").get("status") == "True", SECONDS, "the user"
    )
    assert "operators-test" in kafka.scram_users() & kafka.users_with_access_rules()
    shell.kubectl("delete", "--namespace", "kafka", "kafkauser", "operators-test")
    wait_until(
        lambda: "operators-test" not in kafka.scram_users() | kafka.users_with_access_rules(),
        SECONDS,
        "the user's end in Kafka",
    )


def test_kafka_holds_back_a_user_with_a_quota_and_nobody_else(topic: str, shell: Shell) -> None:
    with writer(shell, topic, "held-back", {"producerByteRate": 32768}) as held_back:
        # To one broker, since each counts for itself; and until its metadata has brought it the quota.
        wait_until(lambda: held_back.send() and any(held_back.throttled), SECONDS, "being held back")
    with writer(shell, topic, "free", {}) as free:
        assert all(free.send() for _ in range(held_back.sent))
        assert not any(free.throttled)


def test_a_policy_that_does_not_compile_is_named_and_harms_nobody(shell: Shell) -> None:
    metadata = {
        "name": "operators-test",
        "namespace": "default",
        "labels": {"openpolicyagent.org/policy": "rego"},
    }
    data = {"operators_test.rego": "package operators.test\n\nx := nothing(1)\n"}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    shell.kubectl("apply", "--filename", "-", text=json.dumps(document))
    try:
        wait_until(lambda: "error" in policy_status(shell), SECONDS, "the policy's refusal")
        assert "undefined function nothing" in policy_status(shell)["error"]
    finally:
        shell.kubectl("delete", "--namespace", "default", "configmap", "operators-test")


@dataclass
class Writer:
    """A Kafka user that writes to one partition, and hears from the broker for how long it is held back."""

    topic: str
    settings: dict[str, str | int | float | bool]
    throttled: list[float] = field(default_factory=list)
    sent: int = 0

    def __post_init__(self) -> None:
        heard = {"throttle_cb": lambda event: self.throttled.append(event.throttle_time)}
        self.producer = Producer(self.settings | heard)

    def send(self) -> bool:
        """Write twice what the quota allows in a second; returns whether the broker took it."""
        self.producer.produce(self.topic, bytes(64 * 1024), partition=0)
        self.sent += 1
        return self.producer.flush(SECONDS) == 0


@contextlib.contextmanager
def writer(shell: Shell, topic: str, user: str, quotas: dict[str, int]) -> Iterator[Writer]:
    """A user of its own with these quotas, who is deleted afterwards."""
    name = f"operators-test-{user}"
    acl = {"resource": {"type": "topic", "name": topic}, "operations": ["Write", "Describe"]}
    access = {"authentication": {"type": "scram-sha-512"}, "authorization": {"type": "simple", "acls": [acl]}}
    apply(shell, "KafkaUser", name, access | {"quotas": quotas})
    try:
        wait_until(lambda: ready(shell, "kafkauser", name).get("status") == "True", SECONDS, "the user")
        yield Writer(topic, servers.kafka(shell, name, servers.kafka_password(shell, name)))
    finally:
        shell.kubectl("delete", "--namespace", "kafka", "kafkauser", name)


def apply(shell: Shell, kind: str, name: str, spec: dict[str, Any]) -> None:
    metadata = {"name": name, "namespace": "kafka", "labels": {"strimzi.io/cluster": "core"}}
    document = {"apiVersion": "kafka.strimzi.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
    shell.kubectl("apply", "--filename", "-", text=json.dumps(document))


def change(shell: Shell, topic: str, spec: dict[str, Any]) -> None:
    patch = json.dumps({"spec": spec})
    shell.kubectl("patch", "--namespace", "kafka", "kafkatopic", topic, "--type", "merge", "--patch", patch)


def ready(shell: Shell, kind: str, name: str) -> dict[str, str]:
    """Return the condition Ready as it was written for the newest version of the resource."""
    found = json.loads(shell.kubectl("get", "--namespace", "kafka", kind, name, "--output", "json").out)
    status = found.get("status", {})
    if status.get("observedGeneration") != found["metadata"]["generation"]:
        return {}
    return next((entry for entry in status["conditions"] if entry["type"] == "Ready"), {})


def policy_status(shell: Shell) -> dict[str, str]:
    command = ("get", "--namespace", "default", "configmap", "operators-test", "--output", "json")
    annotations = json.loads(shell.kubectl(*command).out)["metadata"].get("annotations", {})
    status: dict[str, str] = json.loads(annotations.get("openpolicyagent.org/kube-mgmt-status", "{}"))
    return status
