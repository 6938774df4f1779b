"""A KafkaUser becomes a SCRAM user with exactly its rights, and its password is in its Secret alone."""

import base64
from typing import Any

import pytest

from lab.operators.access_rules import access_rules
from lab.operators.kafka import AccessRule
from lab.operators.kubernetes import Document
from lab.operators.loop import Key, Queue
from lab.operators.strimzi import Refusal
from lab.operators.users import KAFKA_USER, UserReconciler
from tests.unit.lab.operators_support import FakeKafka, FakeKubernetes, watching

KEY = Key("kafka", "field-historian")
READS = AccessRule("TOPIC", "field.raw", "LITERAL", "*", "READ", "ALLOW")
GROUP = AccessRule("GROUP", "field-", "PREFIXED", "*", "READ", "ALLOW")


def user() -> Document:
    return {
        "metadata": {
            "name": "field-historian",
            "namespace": "kafka",
            "generation": 1,
            "uid": "an-identifier",
            "resourceVersion": "7",
            "labels": {"strimzi.io/cluster": "core"},
        },
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {
                "type": "simple",
                "acls": [
                    {"resource": {"type": "topic", "name": "field.raw"}, "operations": ["Read"]},
                    {
                        "resource": {"type": "group", "name": "field-", "patternType": "prefix"},
                        "operations": ["Read"],
                    },
                ],
            },
            "quotas": {"producerByteRate": 1024},
        },
    }


def with_password_of(document: Document, name: str) -> Document:
    reference = {"secretKeyRef": {"name": name, "key": "password"}}
    document["spec"]["authentication"]["password"] = {"valueFrom": reference}
    return document


class Bench:
    """A reconciler with its servers."""

    def __init__(self, *documents: Document) -> None:
        self.kafka, self.kubernetes = FakeKafka(), FakeKubernetes()
        self.watch = watching(KAFKA_USER, self.kubernetes, *documents)
        self.reconciler = UserReconciler(
            self.kubernetes.client, self.kafka, self.kafka, self.watch, own_user="lab"
        )

    def reconcile(self) -> None:
        self.reconciler.reconcile(KEY)

    @property
    def secret(self) -> dict[str, Any]:
        return self.kubernetes.objects[("Secret", "field-historian")]


def test_a_user_gets_a_password_its_rules_and_its_quotas() -> None:
    bench = Bench(user())
    bench.reconcile()
    assert bench.kafka.rules["field-historian"] == {READS, GROUP}
    assert bench.kafka.quotas["field-historian"] == {"producer_byte_rate": 1024}
    assert len(bench.kafka.passwords["field-historian"]) == 32
    status = bench.kubernetes.statuses[-1]
    assert bench.kubernetes.ready["status"] == "True"
    assert (status["username"], status["secret"]) == ("field-historian", "field-historian")


def test_the_secret_holds_the_password_that_kafka_has() -> None:
    bench = Bench(user())
    bench.reconcile()
    password = base64.b64decode(bench.secret["data"]["password"]).decode()
    assert password == bench.kafka.passwords["field-historian"]
    jaas = base64.b64decode(bench.secret["data"]["sasl.jaas.config"]).decode()
    assert f'username="field-historian" password="{password}";' in jaas


def test_the_secret_goes_with_its_user() -> None:
    bench = Bench(user())
    bench.reconcile()
    (owner,) = bench.secret["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("KafkaUser", "an-identifier")


def test_a_kept_secret_decides_the_password() -> None:
    bench = Bench(user())
    bench.reconcile()
    before = bench.kafka.passwords.pop("field-historian")
    bench.reconcile()
    assert bench.kafka.passwords["field-historian"] == before


def test_the_status_holds_no_password() -> None:
    bench = Bench(user())
    bench.reconcile()
    assert bench.kafka.passwords["field-historian"] not in str(bench.kubernetes.statuses)


def test_rights_are_exactly_those_declared() -> None:
    bench = Bench(user())
    extra = AccessRule("TOPIC", "other", "LITERAL", "*", "ALL", "ALLOW")
    bench.kafka.rules["field-historian"] = {extra}
    bench.reconcile()
    assert bench.kafka.rules["field-historian"] == {READS, GROUP}


def test_a_deleted_user_leaves_nothing() -> None:
    bench = Bench(user())
    bench.reconcile()
    bench.watch.objects.clear()
    bench.reconcile()
    assert bench.kafka.passwords == {}
    assert bench.kafka.rules["field-historian"] == set()
    assert bench.kafka.quotas["field-historian"] == {}


def test_a_user_that_was_deleted_while_nobody_looked_is_found() -> None:
    bench, queue = Bench(user()), Queue()
    bench.kafka.passwords = {"lab": "x", "field-historian": "x", "gone": "x"}
    bench.reconciler.sweep("kafka", queue)
    assert queue.take() == Key("kafka", "gone")
    assert not queue._due


def test_the_labs_own_user_is_never_touched() -> None:
    bench = Bench()
    bench.kafka.passwords = {"lab": "x"}
    bench.reconciler.reconcile(Key("kafka", "lab"))
    assert bench.kafka.passwords == {"lab": "x"}


@pytest.mark.parametrize(
    ("acl", "words"),
    [
        (
            {"resource": {"type": "broker", "name": "x"}, "operations": ["Read"]},
            "Unknown resource type broker",
        ),
        ({"resource": {"type": "topic"}, "operations": ["Read"]}, "needs a name"),
        ({"resource": {"type": "topic", "name": "x"}, "operations": ["Eat"]}, "Unknown operation Eat"),
    ],
)
def test_rules_that_mean_nothing_are_refused(acl: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        access_rules({"type": "simple", "acls": [acl]})


def test_the_clusters_own_rules_name_the_cluster() -> None:
    (rule,) = access_rules({"acls": [{"resource": {"type": "cluster"}, "operations": ["Describe"]}]})
    assert (rule.resource, rule.name) == ("BROKER", "kafka-cluster")


def test_a_password_that_the_site_names_is_the_users() -> None:
    bench = Bench(with_password_of(user(), "field-historian-password"))
    data = {"password": base64.b64encode(b"out of Vault").decode()}
    bench.kubernetes.objects[("Secret", "field-historian-password")] = {"data": data}
    bench.reconcile()
    assert bench.kafka.passwords == {"field-historian": "out of Vault"}
    # Its own Secret has it too, as at a real site.
    assert bench.kubernetes.objects[("Secret", "field-historian")]["data"]["password"] == data["password"]


def test_a_named_password_that_is_not_there_is_said() -> None:
    bench = Bench(with_password_of(user(), "field-historian-password"))
    bench.reconcile()
    assert bench.kafka.passwords == {}
    assert bench.kubernetes.ready["reason"] == "InvalidResourceException"
    assert "field-historian-password" in bench.kubernetes.ready["message"]
