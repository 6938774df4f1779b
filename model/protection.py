"""The peak that clients bring to the broker, and what each of them may take of it."""

from typing import Annotated, Literal

from pydantic import Field

from model.base import Part
from model.listeners import ClientKind
from model.units import Bytes, Duration, Percentage, SomeRate, between

# Hosts and services that read all, where a site does not say how many there are.
OTHER_READERS = 10
# EMQX takes 256 MiB; a client's token must fit into its first packet.
Message = Annotated[Bytes, between(Bytes(16 * 2**10), Bytes(256 * 2**20))]

DenyAction = Literal["disconnect", "ignore"]
"""What EMQX does with a client that asks for what it may not; one word for publishing and subscribing."""


class Load(Part):
    """The peak that the site expects; the broker must carry it with `max_unavailable` nodes lost."""

    connections: int = Field(
        ge=1, le=50_000_000, description="Clients connected at the same time, of every kind."
    )
    people: int = Field(
        default=0,
        ge=0,
        le=50_000_000,
        description="How many of them are people's and services' with a token (`wss`).",
    )
    gateways: int = Field(
        default=0, ge=0, le=50_000_000, description="How many of them are gateways with a token (`gateway`)."
    )
    readers: int | None = Field(
        default=None,
        ge=1,
        le=50_000_000,
        description="Sessions that read the whole site at the same time: hosts, services, people who look at all of "
        "it; their queues share the memory. Left out: all people, and ten.",
    )
    messages: SomeRate = Field(description="Messages in and out, together, at QoS 1.")

    @property
    def all_readers(self) -> int:
        """Sessions that read the whole site at the same time."""
        return self.people + OTHER_READERS if self.readers is None else self.readers

    @property
    def by_kind(self) -> dict[ClientKind, int]:
        """Connections of each kind of client; whoever is not counted by itself is a device with a certificate."""
        devices = max(self.connections - self.people - self.gateways, 0)
        return {"devices": devices, "people": self.people, "gateways": self.gateways}


class Flapping(Part):
    """When a client that connects again and again is banned."""

    connections: int = Field(ge=2, le=10_000, description="Connections that are too many.")
    within: Annotated[Duration, between(Duration(1))] = Field(description="Time in which they are counted.")
    ban: Annotated[Duration, between(Duration(1))] = Field(description="How long the client stays out.")


class Protection(Part):
    """What one client may take of the broker; a figure that is left out is derived from load, cores and memory."""

    largest_message: Message = Field(
        description="Largest message that a client may send: 16KiB, so that a token fits into its first packet, to "
        "256MiB."
    )
    typical_message: Annotated[Bytes, between(Bytes(1))] = Field(
        description="Size of a usual message; memory is reckoned with it."
    )
    inflight: int = Field(ge=1, le=65535, description="Messages on their way to a client at the same time.")
    subscriptions: int = Field(ge=1, le=1_000_000, description="Subscriptions of one client.")
    decisions: int = Field(
        ge=1,
        le=1_048_576,
        description="Permissions that a client's session remembers for a minute; what is not among them is asked for "
        "each time.",
    )
    deny_action: DenyAction = Field(
        description="What happens to a client that asks for what it may not: `disconnect` ends its session. `ignore` "
        "refuses the single filter or message; a refused message of MQTT 3.1.1 is acknowledged then, and lost."
    )
    flapping: Flapping = Field(description="When a client is banned for connecting again and again.")
    reserve: Percentage = Field(
        description="Connections that a listener accepts beyond the planned ones: for growth, and for clients that "
        "come back before EMQX notices their old connection's end."
    )
    reconnect_within: Annotated[Duration, between(Duration(1))] = Field(
        description="Time in which all clients may come back after an outage; shorter costs more cores for TLS."
    )
    overload: bool = Field(
        description="Whether a node that is busy puts off new connections and clean-up (overload protection)."
    )
    client_messages: SomeRate | None = Field(
        None, description="Messages that one client may send; derived: a twentieth of what a node carries."
    )
    client_bytes: Bytes | None = Field(
        None, description="Bytes that one client may send in a second; derived from its messages."
    )
    client_memory: Bytes | None = Field(
        None, description="Memory at which a client's process is ended; derived from the node's memory."
    )
    queue: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Messages that wait for one client; derived from the memory and `load.readers`.",
    )
    retained_messages: int | None = Field(
        None, ge=1, le=100_000_000, description="Retained messages; derived: a sixteenth of the memory."
    )
