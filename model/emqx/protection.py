"""What one client may take of the broker, derived from the site's capacity figures where the site says nothing."""

from dataclasses import dataclass
from fractions import Fraction

from model.broker import Broker
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
# Readers of the whole site wait for the same messages: on a node a payload is there once, and each queue refers to it.
# The kit's own assumption, to be replaced by measurement: what a message takes in a queue besides; twice of it while
# the process cleans up its memory.
MESSAGE_IN_QUEUE = 512
CLEANING_UP = 2
# A queue is never so short that a moment's absence loses data; EMQX takes no more than the last.
QUEUE_BOUNDS = (100, 1_000_000)
# What waits for the second half of QoS 2 comes from one client, which is no reader.
MOST_AWAITED = 10_000
_MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds that the broker is given: for each client (first four), and for the whole cluster (retained)."""

    client_messages: Rate
    client_bytes: Bytes
    """In a second."""
    client_memory: Bytes
    queue: int
    awaited: int
    """Messages of QoS 2 that a client has begun, and not ended."""
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
                # A reader whose queue is full is no runaway.
                queue * MESSAGE_IN_QUEUE * CLEANING_UP,
            )
        ),
        queue=queue,
        awaited=min(queue, MOST_AWAITED),
        # What has arrived and is not in the queue yet: a second of the peak.
        mailbox=max(1000, min(queue, max(MOST_AWAITED, broker.load.messages.count))),
        retained_messages=said.retained_messages
        or max(broker.memory.count // SHARE_FOR_RETAINED // said.typical_message.count, 1),
    )


def queue_memory(broker: Broker, queue: int) -> int:
    """Return the bytes that a node needs when it has all readers of the whole site, and the queue of each is full."""
    return queue * (broker.protection.typical_message.count + broker.load.all_readers * MESSAGE_IN_QUEUE)


def room_for_queues(broker: Broker) -> int:
    """Return the bytes of a node's memory that are there for what waits for clients."""
    return broker.memory.count // SHARE_FOR_QUEUES


def away(broker: Broker, share: Fraction = Fraction(1)) -> Fraction:
    """Return for how many seconds a reader of a share of the site's messages may be away, or stall, at the peak."""
    return bounds(broker).queue / (broker.load.messages.count * share)


def _queue(broker: Broker) -> int:
    """Return how many messages may wait for each client: as many as the memory holds for those who read everything.

    Other clients read little: a device's queue takes no more than the commands to it.
    """
    lowest, highest = QUEUE_BOUNDS
    return min(max(room_for_queues(broker) // queue_memory(broker, 1), lowest), highest)


def _whole(count: int) -> Bytes:
    """Return the amount in whole megabytes, rounded up."""
    return Bytes(-(-count // _MEGABYTE) * _MEGABYTE)
