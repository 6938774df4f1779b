"""Topics are what the site asks for, and a user may do what is declared and nothing else."""

import copy

from components.kafka_topics import PARTITIONS_ASKED
from components.recording import Composition
from model import Site
from model.sinks import WORKERS
from tests.support.composing import compose


def test_a_topic_is_what_the_site_asks_for(eagle_ford: Composition) -> None:
    topic = eagle_ford.one("KafkaTopic", "eagle-ford.events")
    assert topic.spec == {
        "topicName": "eagle-ford.events",
        "partitions": 3,
        "replicas": 3,
        "config": {
            "cleanup.policy": "delete",
            "max.message.bytes": (2 * 1024 + 257) * 1024,
            "min.insync.replicas": 2,
            "retention.ms": 1_209_600_000,
        },
    }


def test_a_compacted_topic_is_whole_for_its_retention_and_then_keeps_the_last(
    eagle_ford: Composition,
) -> None:
    configuration = eagle_ford.one("KafkaTopic", "eagle-ford.metrics").spec["config"]
    assert configuration["cleanup.policy"] == "compact"
    assert configuration["min.compaction.lag.ms"] == eagle_ford.site.streams.replay.milliseconds
    assert "retention.ms" not in configuration


def test_a_site_has_the_six_kinds_of_topic(composition: Composition) -> None:
    kinds = ("raw", "sparkplug", "events", "dead-letter", "audit", "metrics")
    own = f"{composition.site.name}.connect-"
    names = {made.metadata["name"] for made in composition.of("KafkaTopic")}
    assert {name for name in names if not name.startswith(own)} == {
        f"{composition.site.name}.{kind}" for kind in kinds
    }


def test_a_derived_number_of_partitions_is_taken_when_the_topic_is_made_and_never_again(
    eagle_ford: Composition,
) -> None:
    made = eagle_ford.one("KafkaTopic", "eagle-ford.sparkplug")
    assert made.ignore_changes == ("spec.partitions",)
    assert (made.metadata["annotations"][PARTITIONS_ASKED], made.spec["partitions"]) == ("6", 6)


def test_a_written_number_of_partitions_is_a_decision(eagle_ford: Composition) -> None:
    composition = compose(with_topic(eagle_ford.site, "sparkplug", partitions=9))
    made = composition.one("KafkaTopic", "eagle-ford.sparkplug")
    assert (made.spec["partitions"], made.ignore_changes) == (9, ())


def with_topic(site: Site, name: str, **changes: object) -> Site:
    """The site with one topic changed."""
    topics = tuple(
        topic.model_copy(update=changes) if topic.name == name else topic for topic in site.streams.topics
    )
    return site.model_copy(update={"streams": site.streams.model_copy(update={"topics": topics})})


def test_topics_and_users_belong_to_the_platforms_cluster(composition: Composition) -> None:
    for made in [*composition.of("KafkaTopic"), *composition.of("KafkaUser")]:
        assert made.metadata["labels"]["strimzi.io/cluster"] == composition.site.streams.cluster.name
        assert made.metadata["namespace"] == composition.site.streams.cluster.namespace


def test_a_user_has_exactly_its_topics_and_group(eagle_ford: Composition) -> None:
    rules = eagle_ford.one("KafkaUser", "eagle-ford-historian").spec["authorization"]["acls"]
    allowed = [
        (rule["resource"]["type"], rule["resource"]["name"], tuple(rule["operations"])) for rule in rules
    ]
    assert allowed == [
        ("topic", "eagle-ford.dead-letter", ("Describe", "Write")),
        ("topic", "eagle-ford.raw", ("Describe", "Read")),
        ("group", "eagle-ford-historian-raw", ("Read",)),
    ]
    rules = eagle_ford.one("KafkaUser", "eagle-ford-auditor").spec["authorization"]["acls"]
    assert [rule["resource"]["name"] for rule in rules] == ["eagle-ford.audit", "eagle-ford-auditor"]


def test_no_rule_is_wider_than_one_exact_name(composition: Composition) -> None:
    for user in composition.of("KafkaUser"):
        for rule in user.spec["authorization"]["acls"]:
            assert rule["type"] == "allow"
            assert rule["resource"]["name"].startswith(composition.site.name)
            # An Iceberg sink's tasks make names of their own; no other sink, and no topic, has a pattern.
            cold = user.metadata["name"] == "baytown-archive" and rule["resource"]["type"] != "topic"
            assert rule["resource"]["patternType"] == ("prefix" if cold else "literal")
            if cold:
                assert rule["resource"]["name"].startswith("baytown-archive-raw")


def test_every_user_signs_in_with_scram_and_has_a_quota(composition: Composition) -> None:
    site = composition.site
    # With External Secrets the passwords of the kit's own clients are Vault's; else Strimzi makes every one.
    external = site.platform.external_secrets is not None
    own = {site.streams.writer, WORKERS, *(sink.user for sink in site.streams.sinks)} if external else set()
    for user in composition.of("KafkaUser"):
        name = user.metadata["name"]
        reference = {"secretKeyRef": {"name": f"{name}-password"}}
        login = copy.deepcopy(user.spec["authentication"])
        if name.removeprefix(f"{site.name}-") in own:
            assert login["password"]["valueFrom"]["secretKeyRef"].pop("key") in ("password", "kafka-password")
            assert login.pop("password") == {"valueFrom": reference}
        assert login == {"type": "scram-sha-512"}
        assert set(user.spec["quotas"]) == {"producerByteRate", "consumerByteRate"}


def test_a_refusal_of_kafka_fails_the_rollout_in_short_time(composition: Composition) -> None:
    seconds = composition.site.streams.ready_within.seconds
    for made in [*composition.of("KafkaTopic"), *composition.of("KafkaUser")]:
        assert made.metadata["annotations"]["pulumi.com/waitFor"] == "condition=Ready"
        assert made.timeouts.create == f"{seconds}s"
