"""What a contract says, for each of the four neighbours.

In topics `{site}` is the site's name and `{name}` the common name in the client's certificate; any other word in braces
is one level that the neighbour chooses.
"""

from typing import Literal

from pydantic import Field

from model.base import Identifier, Label, Part, Sentence, Text, Version
from model.calendar import Day
from model.policy import TopicFilter
from model.units import Bytes, Duration


class Change(Part):
    """One version of a contract."""

    version: Version = Field(description="The version.")
    agreed: Day = Field(description="Day on which both sides agreed.")
    what: Sentence = Field(description="What is different from the version before.")


class Contract(Part):
    """What every contract has."""

    version: Version = Field(
        description="The version in force: the first number rises when something that was relied on is no more."
    )
    provider: Text = Field(description="Who gives what the contract promises.")
    user: Text = Field(description="Who relies on it.")
    changes: tuple[Change, ...] = Field(min_length=1, description="Every version, the latest first.")


class Value(Part):
    """One value of a JSON message."""

    name: Identifier = Field(description="Its key.")
    type: Literal["number", "text", "boolean", "time"] = Field(
        description="Its type; a `time` is a text by RFC 3339, in UTC."
    )
    required: bool = Field(description="Whether each message has it.")
    unit: Text | None = Field(None, description="Its unit, where it has one.")
    title: Text = Field(description="What it is.")


class Example(Part):
    """A message as it is on the wire, to test both ends with."""

    topic: TopicFilter = Field(description="Topic; `{site}` and `{name}` stand for what they are.")
    text: Text | None = Field(None, description="Payload as text.")
    base64: Text | None = Field(None, description="Payload in base64, where it is no text.")


class Message(Part):
    """One kind of message that crosses the border."""

    name: Label = Field(description="Name.")
    title: Text = Field(description="What it says.")
    direction: Literal["publish", "subscribe"] = Field(
        description="Whether the neighbour publishes it to the broker, or receives it."
    )
    topic: TopicFilter = Field(description="Topics that it is sent to.")
    qos: Literal[0, 1] = Field(description="Quality of service.")
    retained: bool = Field(description="Whether the broker keeps the last one.")
    form: Literal["json", "sparkplug"] = Field(description="JSON by RFC 8259, or Sparkplug B 3.0.")
    streams: tuple[Label, ...] = Field(
        (),
        description="Kafka topics that it reaches, the one with its payload first; none when it is received.",
    )
    by_worker: tuple[Label, ...] = Field(
        (),
        description="Kafka topics that it reaches at a site with workers to Kafka; those of `streams` when left out.",
    )
    largest: Bytes | None = Field(None, description="Largest payload, where it is less than others'.")
    values: tuple[Value, ...] = Field((), description="Values of a JSON message.")
    example: Example = Field(description="One message.")

    def reached(self, *, by_worker: bool) -> tuple[str, ...]:
        """Return the Kafka topics that it reaches, the one with its payload first, by workers or without."""
        return self.by_worker if by_worker and self.by_worker else self.streams


class OtMirror(Contract):
    """The OT mirror: it publishes what it reads in the OT segment, and nothing goes back."""

    format: Literal["iot-broker/ot-mirror/1"] = Field(description="Format of this file.")
    one_way: Literal[True] = Field(description="Nothing is sent to the mirror: it subscribes to no topic.")
    largest_message: Bytes = Field(description="Largest payload that it sends.")
    messages: tuple[Message, ...] = Field(min_length=1, description="What it publishes.")


class EdgeFlow(Contract):
    """Edge gateways and devices: Sparkplug B and JSON, and what they do while the broker is away."""

    format: Literal["iot-broker/edge-flow/1"] = Field(description="Format of this file.")
    largest_message: Bytes = Field(description="Largest payload that they send.")
    stores_for: Duration = Field(
        description="How long a gateway keeps what it cannot send, and sends it later in order, marked as historical."
    )
    keep_alive: Duration = Field(description="Longest silence of a client.")
    reconnects_within: Duration = Field(
        description="Time over which clients spread their reconnects, each waiting by chance."
    )
    messages: tuple[Message, ...] = Field(min_length=1, description="What they publish and receive.")


class StoreColumn(Part):
    """One column of the row that each record becomes."""

    name: Identifier = Field(description="Name.")
    type: Literal["timestamp", "text", "json", "bytes", "integer", "bigint"] = Field(description="Type.")
    key: bool = Field(description="Whether it is a part of the row's key.")
    title: Text = Field(description="What it is.")


class TimeSeries(Contract):
    """The time series database: the rows that the site's sinks write, and how long they are kept."""

    format: Literal["iot-broker/tsdb/1"] = Field(description="Format of this file.")
    streams: tuple[Label, ...] = Field(min_length=1, description="Kafka topics that it may be filled from.")
    columns: tuple[StoreColumn, ...] = Field(min_length=1, description="The row.")
    written_twice: Literal["same row"] = Field(
        description="A row that is written twice is one row: deliveries are repeated."
    )
    kept_for: Literal["retention.hot"] = Field(
        description="Key of the site that says for how long; the stack's output `hotRetention` is it in effect."
    )


class ServedApi(Part):
    """A kind of the Kubernetes API that the platform serves."""

    api: Text = Field(description="Group and version, like `kafka.strimzi.io/v1`.")
    kinds: tuple[Text, ...] = Field(min_length=1, description="Kinds.")
    by: Text = Field(description="Who serves them, and from which version on.")
    sites: Text | None = Field(None, description="Which sites need them; all when left out.")


class PlatformServer(Part):
    """A server of the core platform."""

    name: Literal["kubernetes", "kafka", "keycloak", "vault", "prometheus"] = Field(description="The server.")
    at_least: Version = Field(description="Oldest version.")
    promises: tuple[Text, ...] = Field(min_length=1, description="What the site relies on.")


class CorePlatform(Contract):
    """The core platform: the servers and operators that every site stands on."""

    format: Literal["iot-broker/core-platform/1"] = Field(description="Format of this file.")
    servers: tuple[PlatformServer, ...] = Field(min_length=1, description="Servers.")
    apis: tuple[ServedApi, ...] = Field(min_length=1, description="Kubernetes APIs.")


FORMS: dict[str, type[Contract]] = {
    "ot-mirror": OtMirror,
    "edge-flow": EdgeFlow,
    "tsdb": TimeSeries,
    "core-platform": CorePlatform,
}
"""The form of each contract, by the name of its file."""
