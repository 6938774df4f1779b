"""How many workers carry the peak to Kafka, what waits at the broker while Kafka is away, and how long that lasts."""

from decimal import ROUND_CEILING, Decimal

from model.capacity import Headroom, nodes_left
from model.emqx.protection import CLEANING_UP, MESSAGE_IN_QUEUE
from model.ingest import OT
from model.site import Site
from model.units import Bytes, Duration
from model.worker import Worker

# What one worker takes to Kafka in a second on a core. `benchmarks/worker.py` measured 34 to 50 us of processor time
# for a message of 256 bytes of JSON over TLS, and ten metrics of Sparkplug take 40 us more to decode: 11,000. The rest
# is a margin for larger payloads and slower cores.
MESSAGES_PER_CORE = 8_000
# Python has one core at a time; what librdkafka does beside it is in the figure.
CORES_IN_USE = Decimal(1)
# The workers are reckoned for twice the peak, as partitions are, and one of them may be lost.
GROWTH = 2
MAY_BE_LOST = 1
# Measured on EMQX 5.8.9 with all rules off: 8,154 to 9,988 messages a second on two cores, which the clients shared.
# What their delivery to a worker takes besides is not measured.
HANDED_OVER_PER_CORE = 4_000
# Part of a node's memory for what waits for workers, as the HTTP actions' buffer has.
SHARE_OF_MEMORY = 8
# The kit's own assumption: chance brings up to twice the even share of sessions to a node.
UNEVEN = 2
FEWEST_WAITING = 1_000
# Messages on their way to a worker: at its rate they cover the time in which Kafka answers, a fifth of a second.
SECONDS_IN_FLIGHT = Decimal("0.2")
FEWEST_IN_FLIGHT = 100
# Part of a worker's memory for payloads that Kafka has not acknowledged: librdkafka has a copy of each.
SHARE_FOR_PAYLOADS = 8
LARGEST_IN_MEMORY = 4
_MEBIBYTE = 2**20


def workers(site: Site) -> int:
    """Return how many workers there are, but for the OT mirror's: what the site writes, else what the peak asks for."""
    return worker_of(site).replicas or needed_workers(site)


def needed_workers(site: Site) -> int:
    """Return the workers that carry twice the peak with one of them lost."""
    needed = records(site) * GROWTH / _rate_of_one(site)
    return max(int(needed.to_integral_value(ROUND_CEILING)), 1) + MAY_BE_LOST


def carried(site: Site) -> Headroom:
    """Return the headroom of messages in a second that the workers take to Kafka, with one of them lost."""
    left = workers(site) - MAY_BE_LOST
    return Headroom("worker records", int(records(site)), left * rate(site))


def ot_carried(site: Site) -> Headroom:
    """Return the headroom of the OT mirror's messages, which one worker takes to Kafka."""
    return Headroom("OT worker records", int(_peak_of(site, ot=True)), rate(site))


def rate(site: Site) -> int:
    """Return the messages in a second that one worker takes to Kafka; one client's all go to the same worker."""
    return int(_rate_of_one(site))


def records(site: Site) -> Decimal:
    """Return the records that the workers write in a second at the peak, but for the OT mirror's."""
    return _peak_of(site, ot=False)


def waiting(site: Site) -> int:
    """Return how many messages wait at the broker for one worker, before the oldest go.

    Derived: the sessions that may be on one node, when `broker.max_unavailable` others are lost, fit an eighth of its
    memory.
    """
    said = worker_of(site).waiting
    return said if said is not None else max(_fits(site, SHARE_OF_MEMORY), FEWEST_WAITING)


def most_waiting(site: Site, share_of_memory: int) -> int:
    """Return how many messages may wait for each worker when all of them have a part (1 in so many) of the memory."""
    return _fits(site, share_of_memory)


def backlog(site: Site) -> int:
    """Return how many messages wait for all workers together, but for the OT mirror's.

    A client's messages wait for one worker. While the incumbent's clients come by the bridge, they are one client.
    """
    sharing = 1 if site.bridge == "ingress" else workers(site)
    return waiting(site) * sharing


def backlog_memory(site: Site) -> Bytes:
    """Return the memory of a node that the full sessions take which may be on it."""
    return Bytes(waiting(site) * _sessions_of_a_node(site) * _in_queue(site))


def lasts(site: Site) -> Duration:
    """Return for how long the broker keeps everything without Kafka: at the peak, with `max_unavailable` nodes lost."""
    seconds = int(backlog(site) / max(records(site), Decimal(1)))
    return Duration(min(seconds, Duration.LONGEST))


def window(site: Site) -> int:
    """Return how many messages are on their way to one worker, MQTT's Receive Maximum."""
    return max(int(rate(site) * SECONDS_IN_FLIGHT), FEWEST_IN_FLIGHT)


def payloads(site: Site) -> Bytes:
    """Return the bytes of payload that a worker holds before it reads no more (`kafka.buffer_bytes`)."""
    return Bytes(max(worker_of(site).memory.count // SHARE_FOR_PAYLOADS, _MEBIBYTE))


def least_memory(site: Site) -> Bytes:
    """Return the memory with which a worker holds some of the largest messages, in whole mebibytes."""
    needed = site.broker.protection.largest_message.count * LARGEST_IN_MEMORY * SHARE_FOR_PAYLOADS
    return Bytes(-(-needed // _MEBIBYTE) * _MEBIBYTE)


def session_memory(site: Site) -> Bytes:
    """Return the memory at which the process of a worker's session is ended: twice of what a full one is reckoned with.

    What is under way and in the mailbox is in it, payloads of more than 64 bytes are beside it, as EMQX counts.
    An ended session loses all that waits in it, so this bound is wide. In whole mebibytes.
    """
    messages = waiting(site) + window(site) + session_mailbox(site)
    heap = messages * MESSAGE_IN_QUEUE * CLEANING_UP * 2
    largest = site.broker.protection.largest_message.count * LARGEST_IN_MEMORY
    return Bytes(-(-max(heap, largest) // _MEBIBYTE) * _MEBIBYTE)


def session_mailbox(site: Site) -> int:
    """Return the messages that may have arrived at a worker's session and not be in its queue yet: a second's."""
    return max(FEWEST_WAITING, site.broker.load.messages.count)


def worker_of(site: Site) -> Worker:
    """Return the site's worker; raises ValueError for a site without one."""
    if site.streams.worker is None:
        raise ValueError(f"{site.name} has no worker")
    return site.streams.worker


def _peak_of(site: Site, *, ot: bool) -> Decimal:
    peak = site.broker.load.messages.count
    shares = [topic.share.ratio for topic in site.streams.topics if (topic.name == OT) == ot]
    return Decimal(sum(int(peak * share) for share in shares))


def _rate_of_one(site: Site) -> Decimal:
    return min(worker_of(site).cores, CORES_IN_USE) * MESSAGES_PER_CORE


def _in_queue(site: Site) -> int:
    return site.broker.protection.typical_message.count + MESSAGE_IN_QUEUE * CLEANING_UP


def _fits(site: Site, share_of_memory: int) -> int:
    room = site.broker.memory.count // share_of_memory
    return room // (_in_queue(site) * _sessions_of_a_node(site))


def _sessions_of_a_node(site: Site) -> int:
    """Return the most sessions of workers that a node is reckoned to have, the OT mirror's among them."""
    sessions = workers(site) + 1
    even = -(-sessions // nodes_left(site.broker))
    return min(even * UNEVEN, sessions)
