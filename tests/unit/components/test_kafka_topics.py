"""Topics are what the site asks for, and a user may do what is declared and nothing else."""

from components.recording import Composition, compose


def test_a_topic_is_what_the_site_asks_for(eagle_ford: Composition) -> None:
    topic = eagle_ford.one("KafkaTopic", "eagle-ford.events")
    assert topic.spec == {
        "topicName": "eagle-ford.events",
        "partitions": 6,
        "replicas": 3,
        "config": {
            "cleanup.policy": "delete",
            "max.message.bytes": 262_144,
            "min.insync.replicas": 2,
            "retention.ms": 1_209_600_000,
        },
    }


def test_a_compacted_topic_has_no_retention(eagle_ford: Composition) -> None:
    streams = eagle_ford.site.streams
    compacted = streams.topics[0].model_copy(update={"cleanup": "compact"})
    changed = streams.model_copy(update={"topics": (compacted, *streams.topics[1:])})
    composition = compose(eagle_ford.site.model_copy(update={"streams": changed}))
    assert "retention.ms" not in composition.one("KafkaTopic", "eagle-ford.raw").spec["config"]


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
        ("topic", "eagle-ford.sparkplug", ("Describe", "Read")),
        ("group", "eagle-ford-historian", ("Read",)),
    ]


def test_no_rule_is_wider_than_one_exact_name(composition: Composition) -> None:
    for user in composition.of("KafkaUser"):
        for rule in user.spec["authorization"]["acls"]:
            assert rule["type"] == "allow"
            assert rule["resource"]["patternType"] == "literal"
            assert rule["resource"]["name"].startswith(composition.site.name)


def test_every_user_signs_in_with_scram_and_has_a_quota(composition: Composition) -> None:
    for user in composition.of("KafkaUser"):
        assert user.spec["authentication"] == {"type": "scram-sha-512"}
        assert set(user.spec["quotas"]) == {"producerByteRate", "consumerByteRate"}


def test_a_refusal_of_kafka_fails_the_rollout_in_short_time(composition: Composition) -> None:
    seconds = composition.site.streams.ready_within.seconds
    for made in [*composition.of("KafkaTopic"), *composition.of("KafkaUser")]:
        assert made.metadata["annotations"]["pulumi.com/waitFor"] == "condition=Ready"
        assert made.timeouts.create == f"{seconds}s"
