"""The streams' part of the site: the platform's Kafka cluster, the site's topics and who uses them."""

from typing import Literal

from pydantic import Field

from model.base import Label, Part
from model.units import Bytes, Duration


class KafkaCluster(Part):
    """The platform's Kafka cluster, run by Strimzi."""

    name: Label = Field(description="Name of the Kafka resource.")
    namespace: Label = Field(description="Namespace of the Kafka resource.")


class Topic(Part):
    """A Kafka topic of the site; its full name is `<site>.<name>`."""

    name: Label = Field(description="Name without the site's prefix.")
    partitions: int = Field(ge=1, le=1000, description="Partitions; they can grow, never shrink.")
    retention: Duration = Field(description="How long Kafka keeps records for replay.")
    cleanup: Literal["delete", "compact"] = Field(
        description="`delete` drops old records, `compact` keeps the last of each key."
    )
    maximum_message: Bytes = Field(description="Largest record.")


class StreamUser(Part):
    """A Kafka user of the site; its full name is `<site>-<name>`."""

    name: Label = Field(description="Name without the site's prefix.")
    produce: tuple[Label, ...] = Field((), description="Topics it may write.")
    consume: tuple[Label, ...] = Field((), description="Topics it may read.")
    group: Label | None = Field(None, description="Consumer group; needed to consume.")
    dashboards: bool = Field(
        False, description="Whether it feeds dashboards: these read from the pilot on, all others later."
    )


class Quota(Part):
    """What one user may move through one Kafka broker in a second."""

    produce: Bytes = Field(description="Bytes written in a second.")
    consume: Bytes = Field(description="Bytes read in a second.")


class Streams(Part):
    """The site's Kafka topics and users."""

    cluster: KafkaCluster = Field(description="The platform's Kafka cluster.")
    replication: int = Field(ge=1, le=9, description="Copies of each partition.")
    minimum_in_sync: int = Field(ge=1, le=9, description="Copies that must have a record before it counts.")
    ready_within: Duration = Field(description="How long a rollout waits for a topic or user to be ready.")
    quota: Quota = Field(description="Quota of each user.")
    topics: tuple[Topic, ...] = Field(min_length=1, description="Topics; keyed by name.")
    users: tuple[StreamUser, ...] = Field(min_length=1, description="Users; keyed by name.")
