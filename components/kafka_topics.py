"""The site's Kafka topics and users, declared to the platform's Strimzi, with the least access that each user needs."""

from collections.abc import Iterator
from typing import Any

import pulumi

from components import names
from components.broker_secrets import brought
from components.component import Place, SiteComponent
from components.manifest import Manifest
from model import Site, stream_capacity
from model.streams import StreamUser, Topic

API_VERSION = "kafka.strimzi.io/v1"
CONSUMPTION = "iot-broker/consumption"
PARTITIONS_ASKED = "iot-broker/partitions-asked"
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
        for user in streams.users:
            self._user(user, topics)
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

    def _user(self, user: StreamUser, topics: list[Manifest]) -> None:
        site, quota = self.site, self.site.streams.quota
        login, secrets = self._login(user)
        Manifest(
            f"{site.name}-user-{user.name}",
            api_version=API_VERSION,
            kind="KafkaUser",
            metadata=self.metadata(
                user_name(site, user.name),
                namespace=site.streams.cluster.namespace,
                labels=_cluster(site),
                # For whoever looks at who reads what in this phase; Kafka itself is not asked.
                annotations=_READY | {CONSUMPTION: site.consumption(user.name)},
            ),
            spec={
                "authentication": login,
                "authorization": {"type": "simple", "acls": list(access_rules(site, user))},
                "quotas": {
                    "producerByteRate": quota.produce.count,
                    "consumerByteRate": quota.consume.count,
                },
            },
            opts=self.in_kubernetes(within=site.streams.ready_within, depends_on=[*topics, *secrets]),
        )

    def _login(self, user: StreamUser) -> tuple[dict[str, Any], list[Manifest]]:
        """Return how a user proves who it is; the writer's password is Vault's, so that both of its ends have it."""
        site, wanted = self.site, self.site.platform.external_secrets
        login: dict[str, Any] = {"type": "scram-sha-512"}
        if wanted is None or user.name != site.streams.writer:
            return login, []
        name = f"{user_name(site, user.name)}-password"
        secret = brought(self, wanted, name, names.BROKER_KAFKA, ["password"], site.streams.cluster.namespace)
        login["password"] = {"valueFrom": {"secretKeyRef": {"name": name, "key": "password"}}}
        return login, [secret]


def topic_name(site: Site, topic: str) -> str:
    """Return a topic's full name, `<site>.<topic>`."""
    return f"{site.topic_prefix}{topic}"


def user_name(site: Site, user: str) -> str:
    """Return a user's full name, `<site>-<user>`."""
    return f"{site.name}-{user}"


def group_name(site: Site, group: str) -> str:
    """Return a consumer group's full name, `<site>-<group>`."""
    return f"{site.name}-{group}"


def access_rules(site: Site, user: StreamUser) -> Iterator[dict[str, Any]]:
    """Yield what a user may do, in Strimzi's form: exact names only, and nothing that is not declared."""
    for topic in user.produce:
        yield _allow("topic", topic_name(site, topic), "Describe", "Write")
    for topic in user.consume:
        yield _allow("topic", topic_name(site, topic), "Describe", "Read")
    if user.group is not None:
        yield _allow("group", group_name(site, user.group), "Read")


def _allow(kind: str, name: str, *operations: str) -> dict[str, Any]:
    return {
        "type": "allow",
        "resource": {"type": kind, "name": name, "patternType": "literal"},
        "operations": list(operations),
        "host": "*",
    }


def _cluster(site: Site) -> dict[str, str]:
    return {"strimzi.io/cluster": site.streams.cluster.name}


def _topic_configuration(site: Site, topic: Topic) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "cleanup.policy": topic.cleanup,
        "max.message.bytes": topic.maximum_message.count,
        "min.insync.replicas": site.streams.minimum_in_sync,
    }
    kept = site.streams.retention(topic).milliseconds
    # What is compacted is whole for the same time: only then is the last of each key all that is left.
    configuration["retention.ms" if topic.cleanup == "delete" else "min.compaction.lag.ms"] = kept
    return configuration
