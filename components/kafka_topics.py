"""The site's Kafka topics and users, declared to the platform's Strimzi, with the least access that each user needs."""

from collections.abc import Iterable, Iterator
from typing import Any

import pulumi

from components import names
from components.broker_secrets import SINK_KAFKA_PASSWORD, brought
from components.component import Place, SiteComponent
from components.manifest import Manifest
from components.workers import carriers, kafka_secrets
from model import Site, record_size, stream_capacity
from model.sinks import WORKERS, Sink
from model.streams import StreamUser, Topic

API_VERSION = "kafka.strimzi.io/v1"
CONSUMPTION = "iot-broker/consumption"
PARTITIONS_ASKED = "iot-broker/partitions-asked"
# What Kafka Connect keeps in Kafka, and in how many partitions (Kafka's own choice is 1, 25 and 5: for hundreds of
# connectors).
WORKER_TOPICS = {"configs": 1, "offsets": 5, "status": 5}
# A topic or user that Kafka refuses fails the rollout, with Kafka's own words.
_READY = {"pulumi.com/waitFor": "condition=Ready"}


class KafkaTopics(SiteComponent):
    """The site's topics, and its users with SCRAM passwords (made by Strimzi), access rules and quotas."""

    DOMAIN = "streams"
    SOFTWARE = "kafka"
    PART = "streams"

    topics: list[str]
    """Full names of the topics."""
    users: list[str]
    """Full names of the users."""

    def __init__(self, name: str, place: Place, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, place, opts)
        streams = place.site.streams
        topics = [self._topic(topic) for topic in streams.topics]
        topics += [self._own_topic(topic, number) for topic, number in own_topics(place.site).items()]
        for user in streams.users:
            self._user(user.name, access_rules(place.site, user), topics)
        if streams.sinks:
            self._user(WORKERS, worker_rules(place.site), topics)
        self.topics = [topic_name(place.site, topic.name) for topic in streams.topics]
        self.users = [user_name(place.site, user.name) for user in streams.users]
        self.register_outputs({"topics": self.topics, "users": self.users})

    def _topic(self, topic: Topic) -> Manifest:
        site = self.site
        asked = stream_capacity.partitions(site, topic)
        return Manifest(
            f"{site.name}-{topic.name}",
            api_version=API_VERSION,
            kind="KafkaTopic",
            metadata=self.metadata(
                topic_name(site, topic.name),
                namespace=site.streams.cluster.namespace,
                labels=_cluster(site),
                # What the peak asks for: a preview in which it changes says that the topic has another number.
                annotations=_READY | {PARTITIONS_ASKED: str(asked)},
            ),
            spec={
                "topicName": topic_name(site, topic.name),
                "partitions": asked,
                "replicas": site.streams.replication,
                "config": _topic_configuration(site, topic),
            },
            opts=self.in_kubernetes(
                protect=site.protect,
                within=site.streams.ready_within,
                # More partitions would part each device's records from their successors. A derived number is taken
                # when the topic is made, and never again; a written one is a decision.
                ignore_changes=[] if topic.partitions else ["spec.partitions"],
            ),
        )

    def _own_topic(self, topic: str, partitions: int) -> Manifest:
        """Make a topic that the sinks' workers keep their own state in."""
        site = self.site
        return Manifest(
            f"{site.name}-{topic}",
            api_version=API_VERSION,
            kind="KafkaTopic",
            metadata=self.metadata(
                topic_name(site, topic),
                namespace=site.streams.cluster.namespace,
                labels=_cluster(site),
                annotations=_READY,
            ),
            spec={
                "topicName": topic_name(site, topic),
                "partitions": partitions,
                "replicas": site.streams.replication,
                "config": {
                    # What a connector's tasks agreed on is of no use an hour later; settings and state are kept.
                    "cleanup.policy": "delete" if topic in _control_topics(site) else "compact",
                    "min.insync.replicas": site.streams.minimum_in_sync,
                },
            },
            opts=self.in_kubernetes(protect=site.protect, within=site.streams.ready_within),
        )

    def _user(self, user: str, rules: Iterable[dict[str, Any]], topics: list[Manifest]) -> None:
        site, quota = self.site, self.site.streams.quota
        login, secrets = self._login(user)
        # For whoever looks at who reads what in this phase; Kafka itself is not asked.
        carries = {WORKERS, *kafka_secrets(site)}
        reads = {} if user in carries else {CONSUMPTION: site.consumption(user)}
        Manifest(
            f"{site.name}-user-{user}",
            api_version=API_VERSION,
            kind="KafkaUser",
            metadata=self.metadata(
                user_name(site, user),
                namespace=site.streams.cluster.namespace,
                labels=_cluster(site),
                annotations=_READY | reads,
            ),
            spec={
                "authentication": login,
                "authorization": {"type": "simple", "acls": list(rules)},
                "quotas": {
                    "producerByteRate": quota.produce.count,
                    "consumerByteRate": quota.consume.count,
                },
            },
            opts=self.in_kubernetes(within=site.streams.ready_within, depends_on=[*topics, *secrets]),
        )

    def _login(self, user: str) -> tuple[dict[str, Any], list[Manifest]]:
        """Return how a user proves who it is; where the kit runs its client, the password is Vault's for both ends."""
        site, wanted = self.site, self.site.platform.external_secrets
        login: dict[str, Any] = {"type": "scram-sha-512"}
        slot = _password_slots(site).get(user)
        if wanted is None or slot is None:
            return login, []
        name = f"{user_name(site, user)}-password"
        secret = brought(self, wanted, name, slot[0], [slot[1]], site.streams.cluster.namespace)
        login["password"] = {"valueFrom": {"secretKeyRef": {"name": name, "key": slot[1]}}}
        return login, [secret]


def _password_slots(site: Site) -> dict[str, tuple[str, str]]:
    """Return Vault's slot and key of the password of each user whose client is the kit's."""
    sinks = {sink.user: (names.sink_secret(sink.name), SINK_KAFKA_PASSWORD) for sink in site.streams.sinks}
    return {
        **{user: (secret, "password") for user, secret in carriers(site).items()},
        WORKERS: (names.SINKS_KAFKA, "password"),
        **sinks,
    }


def own_topics(site: Site) -> dict[str, int]:
    """Return the topics in which the sinks' workers keep their own state, without prefix, and their partitions."""
    if not site.streams.sinks:
        return {}
    return {worker_topic(kept): number for kept, number in WORKER_TOPICS.items()} | dict.fromkeys(
        _control_topics(site), 1
    )


def worker_topic(kept: str) -> str:
    """Return the topic, without the site's prefix, of what the workers keep: `configs`, `offsets` or `status`."""
    return f"{WORKERS}-{kept}"


def control_topic(sink: Sink) -> str:
    """Return the topic, without the site's prefix, over which an Iceberg sink's tasks agree on what is committed."""
    return f"{WORKERS}-{sink.name}-control"


def _control_topics(site: Site) -> list[str]:
    return [control_topic(sink) for sink in site.streams.sinks if sink.store == "iceberg"]


def topic_name(site: Site, topic: str) -> str:
    """Return a topic's full name, `<site>.<topic>`."""
    return f"{site.topic_prefix}{topic}"


def user_name(site: Site, user: str) -> str:
    """Return a user's full name, `<site>-<user>`."""
    return f"{site.name}-{user}"


def group_name(site: Site, group: str) -> str:
    """Return a consumer group's full name, `<site>-<group>`."""
    return f"{site.name}-{group}"


def sink_group(site: Site, sink: Sink, topic: str) -> str:
    """Return the consumer group of a sink's connector for one topic, `<site>-<group>-<topic>`."""
    (group,) = (user.group for user in site.streams.users if user.name == sink.user)
    return f"{group_name(site, group or sink.user)}-{topic}"


def access_rules(site: Site, user: StreamUser) -> Iterator[dict[str, Any]]:
    """Yield what a user may do, in Strimzi's form: exact names only, and nothing that is not declared.

    An Iceberg sink alone has names of its own making, which begin with its consumer group's.
    """
    for topic in user.produce:
        yield _allow("topic", topic_name(site, topic), "Describe", "Write")
    for topic in user.consume:
        yield _allow("topic", topic_name(site, topic), "Describe", "Read")
    sinks = [sink for sink in site.streams.sinks if sink.user == user.name]
    # A sink's connectors read in groups of their own.
    if user.group is not None and not sinks:
        yield _allow("group", group_name(site, user.group), "Read")
    for sink in sinks:
        yield from _sink_rules(site, sink)


def _sink_rules(site: Site, sink: Sink) -> Iterator[dict[str, Any]]:
    cold = sink.store == "iceberg"
    for topic in sink.topics:
        group = sink_group(site, sink, topic)
        # A coordinator's group, and one of each task with a random end: `<group>-coord`, `<group>-control-…`.
        yield _allow("group", group, "Read", pattern="prefix" if cold else "literal")
        if cold:
            yield _allow("transactionalId", f"{group}-", "Describe", "Write", pattern="prefix")
    if cold:
        yield _allow("topic", topic_name(site, control_topic(sink)), "Describe", "Read", "Write")


def worker_rules(site: Site) -> Iterator[dict[str, Any]]:
    """Yield what the sinks' workers may do as themselves: keep their state, and no more."""
    for kept in WORKER_TOPICS:
        yield _allow(
            "topic", topic_name(site, worker_topic(kept)), "Describe", "DescribeConfigs", "Read", "Write"
        )
    yield _allow("group", group_name(site, WORKERS), "Read")


def _allow(kind: str, name: str, *operations: str, pattern: str = "literal") -> dict[str, Any]:
    return {
        "type": "allow",
        "resource": {"type": kind, "name": name, "patternType": pattern},
        "operations": list(operations),
        "host": "*",
    }


def _cluster(site: Site) -> dict[str, str]:
    return {"strimzi.io/cluster": site.streams.cluster.name}


def _topic_configuration(site: Site, topic: Topic) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "cleanup.policy": topic.cleanup,
        "max.message.bytes": record_size.maximum_message(site, topic).count,
        "min.insync.replicas": site.streams.minimum_in_sync,
    }
    kept = site.streams.retention(topic).milliseconds
    # What is compacted is whole for the same time: only then is the last of each key all that is left.
    configuration["retention.ms" if topic.cleanup == "delete" else "min.compaction.lag.ms"] = kept
    return configuration
