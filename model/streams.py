"""The streams' part of the site: the platform's Kafka cluster, the site's topics and who uses them."""

from typing import Annotated, Literal

from pydantic import Field

from model.base import Cores, Label, Namespace, Part, Port
from model.scaling import Autoscaling
from model.sinks import KafkaConnect, Sink
from model.units import Bytes, Duration, Percentage, between
from model.worker import Worker

Partitions = Annotated[int, Field(ge=1, le=1000)]
Delivery = Literal["ordered", "awaited", "unordered"]
"""How records go to Kafka.

`ordered`: a client's records keep their order, and wait in a bounded buffer; no client ever waits for Kafka.
`awaited`: as `ordered`, and a client's message is acknowledged once Kafka has it, or when the time for that is up.
`unordered`: many at a time; what is sent again may be overtaken.
None of them promises that a record is there once only: what is sent again may have arrived before.
"""


class KafkaCluster(Part):
    """The platform's Kafka cluster, run by Strimzi."""

    name: Label = Field(description="Name of the Kafka resource.")
    namespace: Namespace = Field(description="Namespace of the Kafka resource.")
    port: Port = Field(description="Port of its listener with TLS and SCRAM, inside the cluster.")

    @property
    def bootstrap(self) -> str:
        """Host and port that clients inside the cluster begin with, by Strimzi's scheme of names."""
        return f"{self.name}-kafka-bootstrap.{self.namespace}.svc:{self.port}"


class HttpBridge(Part):
    """Strimzi's Kafka bridge, over which the opensource edition reaches Kafka."""

    replicas: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Bridges; the fewest where they scale themselves; derived: what carries the peak with one lost.",
    )
    autoscaling: Autoscaling | None = Field(
        None, description="When more bridges are started; left out, there are `replicas`."
    )
    port: Port = Field(description="Its HTTPS port.")
    cores: Cores = Field(description="Cores that each asks for.")
    memory: Bytes = Field(description="Memory of each.")


class Topic(Part):
    """A Kafka topic of the site; its full name is `<site>.<name>`."""

    name: Label = Field(description="Name without the site's prefix.")
    share: Percentage = Field(description="Share of the peak of messages that goes through it.")
    partitions: Partitions | None = Field(
        None, description="Partitions; derived from the peak and the share when left out."
    )
    made_with: Partitions | None = Field(
        None,
        description="Partitions that the topic was made with; any other number is refused.",
    )
    retention: Duration | None = Field(
        None,
        description="Replay that its consumers need; the phase's (`streams.replay`) when that is longer.",
    )
    cleanup: Literal["delete", "compact"] = Field(
        description="`delete` drops records older than the retention, `compact` then keeps the last of each key."
    )
    maximum_message: Bytes | None = Field(
        None,
        description="Largest record; derived: what the largest message needs with its key and headers "
        "(1MiB where the broker does not write it).",
    )


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
    writer: Label = Field(description="The user, of `users`, with which the broker's data path writes.")
    delivery: Delivery = Field(
        description="`ordered` keeps the order of each client's records; `awaited` besides lets its acknowledgement "
        "wait for Kafka; `unordered` is the fastest (docs/streams.md)."
    )
    await_at_most: Duration = Field(
        description="How long the acknowledgement waits for Kafka when delivery is `awaited`; then it is given anyway."
    )
    wait_at_start: Annotated[Duration, between(Duration(0), Duration(3600))] = Field(
        description="How long a node of the enterprise edition waits for Kafka before it starts without. From then on "
        "it acknowledges and loses what is published until Kafka is back. 1h at most; clients use other nodes "
        "meanwhile."
    )
    bridge: HttpBridge = Field(
        description="The Kafka bridge; only the opensource edition has one, and none beside a `worker`."
    )
    worker: Worker | None = Field(
        None,
        description="The workers that subscribe at the broker and write to Kafka, in place of the broker's rules and "
        "the bridge (docs/streams.md).",
    )
    connect: KafkaConnect = Field(description="Kafka Connect, where `sinks` are declared.")
    sinks: tuple[Sink, ...] = Field((), description="Stores that are filled from Kafka; keyed by name.")
    buffer: Bytes | None = Field(
        None,
        description="What each broker node keeps while Kafka is away; derived: half of the disk (enterprise), an "
        "eighth of the memory (opensource).",
    )
    replay: Duration = Field(description="How long records are kept for replay; each phase says how long.")
    relied_on: Duration | None = Field(
        None, description="Replay that consumers already rely on: a rollback does not go below it."
    )
    replication: int = Field(ge=1, le=9, description="Copies of each partition.")
    minimum_in_sync: int = Field(ge=1, le=9, description="Copies that must have a record before it counts.")
    ready_within: Duration = Field(description="How long a rollout waits for a topic or user to be ready.")
    quota: Quota = Field(description="Quota of each user.")
    topics: tuple[Topic, ...] = Field(min_length=1, description="Topics; keyed by name.")
    users: tuple[StreamUser, ...] = Field(min_length=1, description="Users; keyed by name.")

    @property
    def by_worker(self) -> bool:
        """Whether workers carry messages to Kafka: alone, or for a while beside the broker's own way."""
        return self.worker is not None

    @property
    def by_worker_alone(self) -> bool:
        """Whether workers carry messages to Kafka, and the broker itself none."""
        return self.worker is not None and not self.worker.beside

    @property
    def keeps_order(self) -> bool:
        """Whether the records of each client keep their order."""
        return self.delivery != "unordered"

    def retention(self, topic: Topic) -> Duration:
        """Return how long a topic keeps its records: the longest that topic, phase and consumers ask for."""
        asked = (topic.retention, self.relied_on, self.replay)
        return max(duration for duration in asked if duration is not None)
