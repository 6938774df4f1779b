"""What a site's streams carry: partitions of a topic at the peak, and how long the way to Kafka holds without Kafka."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from model import worker_capacity
from model.capacity import Headroom, nodes_left
from model.ingest import EVENTS_TOPIC, RAW, TOPICS, RecordFormat, record_format
from model.record_size import largest_record, largest_request
from model.site import Site
from model.sizing import TIME_TO_ADD
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
# The kit's own assumption, to be replaced by measurement: a record takes 5 ms to Kafka and back, so that what has one
# in flight sends 200 in a second; unordered a worker has a hundred in flight.
REQUESTS_PER_SECOND = 200
UNORDERED_INFLIGHT = 100
# EMQX's own number of workers, and the most that it takes.
WORKERS = (16, 1024)
SMALLEST_BUFFER = 2**20
# EMQX's own figure for 5.8: 25,000 messages a second that are bridged, on 4 vCPU and 8 GiB.
BRIDGED_PER_CORE = 6_250
# What the rules' pattern for JSON takes besides, measured on PCRE2 without EMQX: 10 us to compile, which EMQX does for
# each match, and 25 us for each KiB. Two rules look at each message.
MICROSECONDS_OF_A_MATCH = 10
MICROSECONDS_OF_A_KIBIBYTE = 25
MATCHES = 2


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


UNSEEN_START = (
    "perhaps what is published at a node that starts while Kafka or its bridges are away (not measured)"
)


@dataclass(frozen=True, slots=True)
class Outage:
    """What happens while Kafka is away: where records wait, for how long at the peak, and what is lost then.

    `buffer` is of one node; `lasts` is reckoned with `broker.max_unavailable` nodes lost.
    """

    kept_on: Literal["disk", "memory", "sessions"]
    buffer: Bytes
    rate: Bytes
    """Bytes in a second, as they are kept."""
    lasts: Duration
    waits: Duration | None = None
    """How long each message of a client waits for its acknowledgement; None when no client waits."""
    expires: bool = False
    """Whether a record is thrown away when that time is up."""
    start: Duration | None = None
    """How long a node waits for Kafka when it starts; None for the opensource edition, where it does not."""

    @property
    def lost(self) -> tuple[str, ...]:
        """What is lost, in words."""
        if self.expires:
            return (
                f"each record after {self.waits}, though it is acknowledged to its client then",
                UNSEEN_START,
            )
        if self.kept_on == "sessions":
            return (
                f"the oldest messages of each worker's session, once it is full: at the peak after {self.lasts}",
                "all that waits in the sessions of a node that restarts or is lost",
            )
        later = f"the oldest records of each queue, once it is full: at the peak after {self.lasts}"
        if self.kept_on == "disk":
            return (later, "what waits on a node whose volume is lost", self._at_start)
        return (later, "all that waits on a node that restarts", self._at_start)

    @property
    def _at_start(self) -> str:
        if self.start is None:
            return UNSEEN_START
        return (
            f"all that is published, and acknowledged, at a node that starts without Kafka; it waits {self.start} for "
            "Kafka, serves then, and keeps nothing until Kafka is back (not measured: docs/streams.md)"
        )


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
    """Return a node's lanes of a topic to the Kafka bridge.

    They carry the node's share of twice the peak with `broker.max_unavailable` nodes lost.
    """
    records = site.broker.load.messages.count * topic.share.ratio * GROWTH / nodes_left(site.broker)
    inflight = 1 if site.streams.keeps_order else UNORDERED_INFLIGHT
    needed = int((records / (REQUESTS_PER_SECOND * inflight)).to_integral_value(ROUND_CEILING))
    fewest, most = WORKERS
    workers = min(max(needed, fewest), most)
    # One request must fit, or it would be dropped alone.
    return Lanes(workers, inflight, _part_of_buffer(site, topic, workers, largest_request(site, topic.name)))


def lanes_carry(site: Site, topic: Topic) -> int:
    """Return the records in a second that a topic's lanes carry on the nodes that `broker.max_unavailable` leaves."""
    way = lanes(site, topic)
    return way.workers * way.inflight * REQUESTS_PER_SECOND * nodes_left(site.broker)


def connections(site: Site, form: RecordFormat) -> int:
    """Return a node's connections to the Kafka bridge for a record format: one for each worker that may need it."""
    topics = [topic for topic in site.streams.topics if topic.name in TOPICS]
    return sum(lanes(site, topic).workers for topic in topics if record_format(topic.name) == form)


def client_rate(site: Site) -> int:
    """Return the records in a second that one client's way to Kafka takes; more than that wait in the buffer."""
    if site.way_to_kafka == "worker":
        return worker_capacity.rate(site)
    native = site.broker.writes_kafka
    if native and site.streams.delivery != "awaited":
        return RECORDS_PER_PARTITION
    inflight = 1 if site.streams.keeps_order else UNORDERED_INFLIGHT
    return min(REQUESTS_PER_SECOND * inflight, RECORDS_PER_PARTITION)


def records(site: Site) -> int:
    """Return the records that all topics take in a second at the peak."""
    return sum(flow.records for flow in flows(site))


def bridged(site: Site) -> Headroom:
    """Return the headroom of messages that become records: a matter of the broker's cores."""
    broker = site.broker
    carried = int(nodes_left(broker) * broker.cores * bridged_per_core(site))
    return Headroom("records to Kafka", records(site), carried)


def bridged_per_core(site: Site) -> Decimal:
    """Return the records in a second that a core makes, what tells JSON from the rest included.

    For workers it hands messages over, and looks at none; while they run beside its own way, it does both.
    """
    handed_over = Decimal(worker_capacity.HANDED_OVER_PER_CORE)
    if site.way_to_kafka == "worker":
        return handed_over
    made = _made_per_core(site)
    return 1 / (1 / made + 1 / handed_over) if site.streams.by_worker else made


def _made_per_core(site: Site) -> Decimal:
    """Return the records in a second that a core makes by the broker's own rules."""
    size = Decimal(site.broker.protection.typical_message.count) / 2**10
    match = MATCHES * (MICROSECONDS_OF_A_MATCH + MICROSECONDS_OF_A_KIBIBYTE * size)
    shares = {topic.name: topic.share.ratio for topic in site.streams.topics}
    telling = [shares[topic] for topic in (RAW, EVENTS_TOPIC) if topic in shares]
    looked_at = Decimal(sum(telling)) / Decimal(sum(shares.values()))
    return 1 / (1 / Decimal(BRIDGED_PER_CORE) + match * looked_at / 1_000_000)


def cores_at(site: Site, growth: Decimal) -> Decimal:
    """Return the cores that each node needs for the records when the peak has grown by a factor, in half cores."""
    wanted = Decimal(records(site)) * growth / TIME_TO_ADD
    halves = wanted / (nodes_left(site.broker) * bridged_per_core(site)) * 2
    return halves.to_integral_value(ROUND_CEILING) / 2


def partition_buffer(site: Site, topic: Topic) -> Bytes:
    """Return what a node keeps for each partition of a topic while Kafka is away."""
    return _part_of_buffer(site, topic, partitions(site, topic), largest_record(site, topic.name))


def _part_of_buffer(site: Site, topic: Topic, parts: int, largest: int) -> Bytes:
    """Return the topic's part of a node's buffer, by its share, in so many equal parts; each takes the largest."""
    whole = sum(entry.share.ratio for entry in site.streams.topics)
    part = int(buffer(site).count * topic.share.ratio / whole) // parts
    return max(Bytes(part), Bytes(SMALLEST_BUFFER), mebibytes(largest))


def waiting(site: Site) -> Bytes:
    """Return what all queues of a node take in when they are full: each takes its largest record at least."""
    topics = [topic for topic in site.streams.topics if topic.name in TOPICS]
    if site.broker.writes_kafka:
        return Bytes(sum(partition_buffer(site, topic).count * partitions(site, topic) for topic in topics))
    ways = [lanes(site, topic) for topic in topics]
    return Bytes(sum(way.buffer.count * way.workers for way in ways))


def outage(site: Site) -> Outage:
    """Return what happens while Kafka is away, when it goes at the site's peak.

    While workers run beside the broker's own way, it is what happens to that one.
    """
    if site.way_to_kafka == "worker":
        return outage_by_worker(site)
    broker, kept = site.broker, buffer(site)
    native = broker.writes_kafka
    payload = broker.protection.typical_message.count
    each = payload + RECORD_OVERHEAD if native else payload * 4 // 3 + ENVELOPE
    rate = records(site) * each
    seconds = kept.count * nodes_left(broker) // max(rate, 1)
    place: Literal["disk", "memory"] = "disk" if broker.keeps_on_disk else "memory"
    lasts = Duration(min(seconds, Duration.LONGEST))
    start = site.streams.wait_at_start if native else None
    if site.streams.delivery != "awaited":
        return Outage(place, kept, Bytes(rate), lasts, start=start)
    waits = site.streams.await_at_most
    return Outage(place, kept, Bytes(rate), lasts if native else min(lasts, waits), waits, not native, start)


def outage_by_worker(site: Site) -> Outage:
    """Return what happens while Kafka is away to what workers carry, when it goes at the site's peak."""
    size = site.broker.protection.typical_message.count + RECORD_OVERHEAD
    rate = Bytes(int(worker_capacity.records(site)) * size)
    return Outage("sessions", worker_capacity.backlog_memory(site), rate, worker_capacity.lasts(site))


def mebibytes(count: int) -> Bytes:
    """Return an amount in whole mebibytes, rounded up, for people."""
    return Bytes(-(-count // 2**20) * 2**20)
