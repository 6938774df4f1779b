"""What the program between this broker and the incumbent carries, and what waits for it at this broker."""

from decimal import Decimal

from model.bridge_worker import BridgeWorker
from model.capacity import Headroom
from model.emqx.protection import CLEANING_UP, MESSAGE_IN_QUEUE
from model.site import Site
from model.units import Bytes, Rate

# Measured once over a backlog of 20,000 messages of 20 bytes between two of the lab's brokers: of QoS 2, in a second of
# its own CPU time (of QoS 1 it takes 20,000).
MESSAGES_PER_CORE = 13_000
MOST_MESSAGES = Rate(20_000)
"""Messages in a second that its listener takes from it: as many of QoS 1 as were measured."""
# The part of it that is planned with: catching up after an absence takes as much again.
PLANNED = Decimal("0.5")
# Messages on their way at once: at 20 ms there and back they are 25,000 in a second.
WINDOW = 500
# Part of its memory for the messages that it holds; Python and the copies on their way have the rest.
SHARE_HELD = 4
# The largest messages that it must hold at once.
LARGEST_HELD = 4
# Part of a node's memory for what waits for it while it is away.
SHARE_OF_MEMORY = 8
_MEBIBYTE = 2**20


def carried(site: Site) -> Headroom:
    """Return the headroom of messages in a second that the bridge carries: the site's peak against its plan."""
    return Headroom("bridge messages", site.broker.load.messages.count, int(_rate(site) * PLANNED))


def held(worker: BridgeWorker) -> Bytes:
    """Return the bytes of messages at which the bridge reads no more."""
    return Bytes(worker.memory.count // SHARE_HELD)


def least_memory(site: Site) -> Bytes:
    """Return the memory with which the bridge holds some of the largest messages, in whole mebibytes."""
    return _whole(site.broker.protection.largest_message.count * LARGEST_HELD * SHARE_HELD)


def waiting(site: Site) -> int:
    """Return how many messages wait at this broker for the bridge, before the oldest go: an eighth of a node."""
    in_queue = site.broker.protection.typical_message.count + MESSAGE_IN_QUEUE * CLEANING_UP
    return site.broker.memory.count // SHARE_OF_MEMORY // in_queue


def most_bytes(site: Site) -> Bytes:
    """Return the bytes in a second that its listener takes from it."""
    protection = site.broker.protection
    return _whole(
        max(MOST_MESSAGES.count * protection.typical_message.count, protection.largest_message.count)
    )


def session_mailbox(site: Site) -> int:
    """Return the messages that may have arrived at the bridge's session and not be in its queue yet: a second's."""
    return max(1_000, site.broker.load.messages.count)


def session_memory(site: Site) -> Bytes:
    """Return the memory at which the process of the bridge's session is ended: twice that of a full one.

    An ended session loses all that waits in it, so this bound is wide. In whole mebibytes.
    """
    messages = waiting(site) + WINDOW + session_mailbox(site)
    largest = site.broker.protection.largest_message.count * LARGEST_HELD
    return _whole(max(messages * MESSAGE_IN_QUEUE * CLEANING_UP * 2, largest))


def _rate(site: Site) -> Decimal:
    worker = site.incumbent.bridge_worker
    if worker is None:
        raise ValueError(f"{site.name} has no program for its bridge")
    return min(worker.cores, Decimal(1)) * MESSAGES_PER_CORE


def _whole(count: int) -> Bytes:
    return Bytes(-(-count // _MEBIBYTE) * _MEBIBYTE)
