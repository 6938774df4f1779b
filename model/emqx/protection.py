"""What one client may take of the broker, derived from the site's capacity figures where the site says nothing."""

from dataclasses import dataclass

from model.broker import Broker
from model.capacity import nodes_left
from model.sizing import MESSAGES_PER_CORE
from model.units import Bytes, Rate

# No single client may take more of a node than this part, whether it fails or is made to.
SHARE_OF_A_NODE = 20
# Parts of a node's memory: for what waits for clients, and for what is retained.
SHARE_FOR_QUEUES = 4
SHARE_FOR_RETAINED = 16
# A client's process is ended at this part of the memory; it must hold some of the largest messages, though.
SHARE_FOR_CLIENT = 256
LARGEST_MESSAGES_IN_MEMORY = 8
# A queue is never so short that a moment's absence loses data, nor longer than a device can catch up with.
QUEUE_BOUNDS = (100, 10_000)
_MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds that the broker is given: for each client (first four), and for the whole cluster (retained)."""

    client_messages: Rate
    client_bytes: Bytes
    """In a second."""
    client_memory: Bytes
    queue: int
    mailbox: int
    retained_messages: int


def bounds(broker: Broker) -> Bounds:
    """Return the broker's bounds: what the site says, else what its load, cores and memory allow."""
    said = broker.protection
    messages = said.client_messages or Rate(max(int(broker.cores * MESSAGES_PER_CORE) // SHARE_OF_A_NODE, 1))
    queue = said.queue or _queue(broker)
    return Bounds(
        client_messages=messages,
        client_bytes=said.client_bytes
        or _whole(max(messages.count * said.typical_message.count, said.largest_message.count)),
        client_memory=said.client_memory
        or _whole(
            max(
                broker.memory.count // SHARE_FOR_CLIENT,
                said.largest_message.count * LARGEST_MESSAGES_IN_MEMORY,
            )
        ),
        queue=queue,
        mailbox=max(1000, queue),
        retained_messages=said.retained_messages
        or max(broker.memory.count // SHARE_FOR_RETAINED // said.typical_message.count, 1),
    )


def _queue(broker: Broker) -> int:
    """Return how many messages may wait for each client when all clients are on the nodes that are left."""
    clients = -(-broker.load.connections // nodes_left(broker))
    room = broker.memory.count // SHARE_FOR_QUEUES // clients // broker.protection.typical_message.count
    lowest, highest = QUEUE_BOUNDS
    return min(max(room, lowest), highest)


def _whole(count: int) -> Bytes:
    """Return the amount in whole megabytes, rounded up."""
    return Bytes(-(-count // _MEGABYTE) * _MEGABYTE)
