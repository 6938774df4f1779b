"""What the broker carries with the nodes that maintenance leaves, and how much of it the declared peak takes."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from model.broker import Broker
from model.listeners import ClientKind, Listener
from model.sizing import (
    BYTES_PER_CONNECTION,
    MESSAGES_PER_CORE,
    SHARE_FOR_CONNECTIONS,
    TIME_TO_ADD,
    cores_for,
)
from model.units import Rate

# A listener of which nobody has planned a client still lets in the probe and those who look for what is wrong.
FEWEST_CONNECTIONS = 100
FEWEST_CONNECTIONS_A_SECOND = 10


@dataclass(frozen=True, slots=True)
class Headroom:
    """One figure of the broker: the declared peak, and what is carried by the nodes that are left."""

    what: str
    peak: int
    carried: int

    @property
    def used(self) -> Decimal:
        """The part of what is carried that the peak takes; 1 is all of it."""
        return Decimal(self.peak) / Decimal(self.carried)

    @property
    def enough(self) -> bool:
        """Whether the peak is carried."""
        return self.peak <= self.carried

    @property
    def add_at(self) -> int:
        """The peak at which it is time to add cores, memory or nodes."""
        return int(self.carried * TIME_TO_ADD)


def nodes_left(broker: Broker) -> int:
    """Return the nodes that carry the peak when maintenance has taken all that it may: one at least."""
    return max(broker.serving - broker.max_unavailable, 1)


def nodes_lost(broker: Broker) -> str:
    """Say how many nodes may be lost at the peak, in words."""
    return "one node" if broker.max_unavailable == 1 else f"{broker.max_unavailable} nodes"


def messages(broker: Broker) -> Headroom:
    """Return the headroom of messages in a second, in and out together, at QoS 1: a matter of cores."""
    carried = int(nodes_left(broker) * broker.cores * MESSAGES_PER_CORE)
    return Headroom("messages", broker.load.messages.count, carried)


def connections(broker: Broker) -> Headroom:
    """Return the headroom of connections in memory."""
    each = BYTES_PER_CONNECTION * SHARE_FOR_CONNECTIONS
    return Headroom(
        "connections", broker.load.connections, nodes_left(broker) * (broker.memory.count // each)
    )


def accepted(broker: Broker) -> dict[ClientKind, Headroom]:
    """Return the headroom of connections that each kind of client's own listeners accept; none without a listener."""
    room: dict[ClientKind, int] = {}
    for name, limits in door_limits(broker).items():
        kind = broker.listeners.kind(name)
        room[kind] = room.get(kind, 0) + nodes_left(broker) * limits.max_connections
    planned = broker.load.by_kind
    return {kind: Headroom(f"accepted {kind}", planned[kind], carried) for kind, carried in room.items()}


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """What one node lets in at a listener: as the site says, else derived from the planned clients."""

    max_connections: int
    connection_rate: Rate


def door_limits(broker: Broker) -> dict[str, DoorLimits]:
    """Return the limits of each listener, by its name; each of several for a kind of client does for all of it."""
    return {
        name: _limits(broker, listener, broker.load.by_kind[broker.listeners.kind(name)])
        for name, listener in broker.listeners.by_name.items()
    }


def _limits(broker: Broker, listener: Listener, planned: int) -> DoorLimits:
    share = -(-planned // nodes_left(broker))
    reserved = int((share * (1 + broker.protection.reserve.ratio)).to_integral_value(ROUND_CEILING))
    again = -(-share // broker.protection.reconnect_within.seconds)
    return DoorLimits(
        listener.max_connections or max(reserved, FEWEST_CONNECTIONS),
        listener.connection_rate or Rate(max(again, FEWEST_CONNECTIONS_A_SECOND)),
    )


def headroom(broker: Broker) -> tuple[Headroom, ...]:
    """Return every figure that is held against the declared peak."""
    return messages(broker), connections(broker), *accepted(broker).values()


def cores_at(broker: Broker, growth: Decimal) -> Decimal:
    """Return the cores that each node needs when the peak of messages has grown by a factor, in half cores."""
    return cores_for(broker.load.messages.count * growth, nodes_left(broker))
