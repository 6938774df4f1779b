"""What a site's streams carry: partitions of a topic at the peak, and how long the way to Kafka holds without Kafka."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from model.capacity import nodes_left
from model.site import Site
from model.streams import Topic
from model.units import Bytes, Duration

# The kit's own assumptions, to be replaced by measurement: what one consumer of one partition takes in, writing to a
# time series database, and what one partition's leader takes in.
RECORDS_PER_PARTITION = 2_000
BYTES_PER_PARTITION = 5 * 2**20
# Partitions stay for life, so they are reckoned for twice the peak.
GROWTH = 2
# Few records need no more; above it, a number that two, three and six consumers share evenly.
FEWEST = 3
STEP = 6
# Topic, key and headers beside each payload; over HTTP the payload is base64 in an envelope of JSON.
RECORD_OVERHEAD = 256
ENVELOPE = 512
# Parts of a node for what waits for Kafka: of the disk (native producer), of the memory (HTTP action).
SHARE_OF_DISK = 2
SHARE_OF_MEMORY = 8
# The kit's own assumption, to be replaced by measurement: one request to the Kafka bridge and its answer take 5 ms, so
# that a worker with one in flight sends 200 records in a second; unordered it has a hundred in flight.
REQUESTS_PER_SECOND = 200
UNORDERED_INFLIGHT = 100
# EMQX's own number of workers, and the most that it takes.
WORKERS = (16, 1024)
SMALLEST_BUFFER = 2**20


@dataclass(frozen=True, slots=True)
class Lanes:
    """How a node hands the records of one topic on: workers, requests in flight on each, bytes that wait on each."""

    workers: int
    inflight: int
    buffer: Bytes


@dataclass(frozen=True, slots=True)
class Flow:
    """One topic at the peak: records and bytes in a second, and the partitions that carry twice of it."""

    topic: str
    records: int
    bytes: Bytes
    needed: int
    partitions: int

    @property
    def enough(self) -> bool:
        """Whether the topic has the partitions that the peak asks for."""
        return self.partitions >= self.needed


@dataclass(frozen=True, slots=True)
class Outage:
    """What happens while Kafka is away: where records wait, for how long at the peak, and what is lost then.

    `buffer` is of one node; `lasts` is reckoned with one node lost.
    """

    kept_on: Literal["disk", "memory"]
    buffer: Bytes
    rate: Bytes
    """Bytes in a second, as they are kept."""
    lasts: Duration

    @property
    def lost(self) -> tuple[str, ...]:
        """What is lost, in words."""
        later = f"the oldest records of each queue, once it is full: at the peak after {self.lasts}"
        if self.kept_on == "disk":
            return (later, "nothing by a node's restart; what waits on a node whose volume is lost")
        return (later, "all that waits on a node that restarts")


def needed_partitions(site: Site, topic: Topic) -> int:
    """Return the partitions that carry twice the topic's share of the peak."""
    load, size = site.broker.load.messages.count, site.broker.protection.typical_message.count
    records = Decimal(load) * topic.share.ratio * GROWTH
    lanes = max(records / RECORDS_PER_PARTITION, records * (size + RECORD_OVERHEAD) / BYTES_PER_PARTITION)
    if lanes <= FEWEST:
        return FEWEST
    return int((lanes / STEP).to_integral_value(ROUND_CEILING)) * STEP


def partitions(site: Site, topic: Topic) -> int:
    """Return the partitions of a topic: what the site writes, else what the peak asks for."""
    return topic.partitions or needed_partitions(site, topic)


def flows(site: Site) -> tuple[Flow, ...]:
    """Return each topic at the peak; every message is counted as one that comes in."""
    size = site.broker.protection.typical_message.count + RECORD_OVERHEAD
    found = []
    for topic in site.streams.topics:
        records = int(site.broker.load.messages.count * topic.share.ratio)
        has = topic.made_with or partitions(site, topic)
        found.append(Flow(topic.name, records, Bytes(records * size), needed_partitions(site, topic), has))
    return tuple(found)


def buffer(site: Site) -> Bytes:
    """Return what each broker node keeps for Kafka: what the site writes, else its part of disk or memory."""
    if site.streams.buffer is not None:
        return site.streams.buffer
    broker = site.broker
    if broker.keeps_on_disk:
        return Bytes(broker.storage.size.count // SHARE_OF_DISK)
    return Bytes(broker.memory.count // SHARE_OF_MEMORY)


def lanes(site: Site, topic: Topic) -> Lanes:
    """Return a node's lanes of a topic to the Kafka bridge, for its share of twice the peak with one node lost."""
    records = site.broker.load.messages.count * topic.share.ratio * GROWTH / nodes_left(site.broker)
    inflight = 1 if site.streams.ordered else UNORDERED_INFLIGHT
    needed = int((records / (REQUESTS_PER_SECOND * inflight)).to_integral_value(ROUND_CEILING))
    fewest, most = WORKERS
    workers = min(max(needed, fewest), most)
    return Lanes(workers, inflight, _part_of_buffer(site, topic, workers))


def partition_buffer(site: Site, topic: Topic) -> Bytes:
    """Return what a node keeps for each partition of a topic while Kafka is away."""
    return _part_of_buffer(site, topic, partitions(site, topic))


def _part_of_buffer(site: Site, topic: Topic, parts: int) -> Bytes:
    """Return the topic's part of a node's buffer, by its share, in so many equal parts."""
    whole = sum(entry.share.ratio for entry in site.streams.topics)
    part = int(buffer(site).count * topic.share.ratio / whole) // parts
    return Bytes(max(part, SMALLEST_BUFFER))


def outage(site: Site) -> Outage:
    """Return what happens while Kafka is away, when it goes at the site's peak."""
    broker, kept = site.broker, buffer(site)
    native = broker.writes_kafka
    payload = broker.protection.typical_message.count
    each = payload + RECORD_OVERHEAD if native else payload * 4 // 3 + ENVELOPE
    rate = broker.load.messages.count * each
    seconds = kept.count * nodes_left(broker) // max(rate, 1)
    place: Literal["disk", "memory"] = "disk" if broker.keeps_on_disk else "memory"
    return Outage(place, kept, Bytes(rate), Duration(min(seconds, Duration.LONGEST)))


def mebibytes(count: int) -> Bytes:
    """Return an amount in whole mebibytes, rounded up, for people."""
    return Bytes(-(-count // 2**20) * 2**20)
