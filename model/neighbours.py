"""What the stateless servers beside the broker, Kafka bridges, workers and policy servers, carry with one lost.

The single sign-on proxy is for some people at a time, and has no figure.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from model import worker_capacity
from model.capacity import Headroom
from model.site import Site
from model.sizing import TIME_TO_ADD
from model.stream_capacity import connections, records
from model.units import Bytes

# The kit's own assumptions, to be replaced by measurement. A record is one request, and one to Kafka, because a bridge
# has a producer for each connection (Strimzi's HttpBridge): a quarter of a millisecond of a core.
RECORDS_PER_CORE = 4_000
# A bridge has one event loop; the producers' own threads share a second core.
CORES_IN_USE = 2
# The JVM itself, and each connection with its producer, its thread and its own connections to Kafka.
MEMORY_OF_A_BRIDGE = 256 * 2**20
MEMORY_OF_A_CONNECTION = 2 * 2**20
FEWEST_BRIDGES = 2
MOST_BRIDGES = 64
# Measured with the kit's policies on OPA 1.22.2: a decision takes 1.4 ms, TLS and JSON included. A server has no limit
# of cores, and is reckoned with one.
DECISIONS_PER_SECOND = 700
# The broker asks again for each client and topic after a minute (its cache); the kit's own assumption is that a client
# uses two topics.
TOPICS_OF_A_CLIENT = 2
SECONDS_IN_CACHE = 60


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One figure of the servers beside the broker, and what to raise when it is time."""

    figure: Headroom
    remedy: str


def neighbours(site: Site) -> tuple[Neighbour, ...]:
    """Return every figure of the servers beside the broker: of bridges and workers, where the site has them."""
    policy = Neighbour(decisions(site), "raise policy.replicas")
    return (*_bridges(site), *_workers(site), policy)


def _bridges(site: Site) -> tuple[Neighbour, ...]:
    if site.way_to_kafka != "bridge":
        return ()
    return (
        Neighbour(bridged_records(site), "raise streams.bridge.replicas or streams.bridge.cores"),
        Neighbour(bridged_connections(site), "raise streams.bridge.replicas or streams.bridge.memory"),
    )


def _workers(site: Site) -> tuple[Neighbour, ...]:
    if not site.streams.by_worker:
        return ()
    return (
        Neighbour(worker_capacity.carried(site), "raise streams.worker.replicas, or leave it out"),
        Neighbour(worker_capacity.ot_carried(site), "raise streams.worker.cores, up to 1"),
    )


def decisions(site: Site) -> Headroom:
    """Return the headroom of decisions in a second, once all clients are connected."""
    policy = site.policy
    most = policy.autoscaling.maximum if policy.autoscaling else policy.replicas
    peak = -(-site.broker.load.connections * TOPICS_OF_A_CLIENT // SECONDS_IN_CACHE)
    return Headroom("decisions", peak, max(most - 1, 1) * DECISIONS_PER_SECOND)


def bridged_records(site: Site) -> Headroom:
    """Return the headroom of records in a second over the Kafka bridges."""
    return Headroom("bridged records", records(site), int(_bridges_left(site) * _records_of_a_bridge(site)))


def bridged_connections(site: Site) -> Headroom:
    """Return the headroom of the broker's connections to the Kafka bridges: a matter of memory."""
    return Headroom(
        "bridge connections", all_connections(site), _bridges_left(site) * connections_of_a_bridge(site)
    )


def bridges(site: Site) -> int:
    """Return how many bridges there are, at least: what the site writes, else what the peak asks for."""
    return site.streams.bridge.replicas or needed_bridges(site)


def needed_bridges(site: Site) -> int:
    """Return the bridges of which one may be lost at the peak, before it is time to add."""
    by_cores = Decimal(records(site)) / TIME_TO_ADD / _records_of_a_bridge(site)
    by_memory = Decimal(all_connections(site)) / TIME_TO_ADD / max(connections_of_a_bridge(site), 1)
    left = int(max(by_cores, by_memory).to_integral_value(ROUND_CEILING))
    return max(left + 1, FEWEST_BRIDGES)


def all_connections(site: Site) -> int:
    """Return the connections of all broker nodes to the bridges."""
    return site.broker.serving * (connections(site, "json") + connections(site, "bytes"))


def connections_of_a_bridge(site: Site) -> int:
    """Return the connections that a bridge's memory holds."""
    return max(site.streams.bridge.memory.count - MEMORY_OF_A_BRIDGE, 0) // MEMORY_OF_A_CONNECTION


def least_memory(site: Site) -> Bytes:
    """Return the memory with which the bridges left hold all connections, in whole mebibytes."""
    each = -(-all_connections(site) // _bridges_left(site))
    return Bytes(MEMORY_OF_A_BRIDGE + each * MEMORY_OF_A_CONNECTION)


def _bridges_left(site: Site) -> int:
    scaling = site.streams.bridge.autoscaling
    return max((scaling.maximum if scaling else bridges(site)) - 1, 1)


def _records_of_a_bridge(site: Site) -> Decimal:
    return min(site.streams.bridge.cores, Decimal(CORES_IN_USE)) * RECORDS_PER_CORE
