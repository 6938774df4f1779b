"""Alerts on the workers to Kafka: one is away, falls behind, is refused, loses or doubles messages.

The series are the workers' own (`images/worker/figures.py`), but for what the broker drops: EMQX has no series for one
session's queue, and what would ask for it may write to the broker.
"""

from collections.abc import Iterator

from components.alert import Alert, begun, selectors, window
from components.workers import workers
from model import Site
from model.slo import Recording
from model.worker_capacity import waiting
from model.worker_capacity import window as most_under_way

RECEIVED = "iot_broker:worker_received:rate"
WAITING = "iot_broker:worker_waiting"
# The oldest message's age in seconds: Kafka's slowest usual answer takes a few.
LATE = 60
# So near to all that a worker may have under way, its session's queue at the broker is not empty.
FULL = 0.95
# A part of a session's queue after which there is still time to do something.
NEARLY = 0.5
# Of what is usual for a worker: an outage of Kafka's that lasts for hours does not change it.
USUAL_OVER = "1d"
# A device that is odd makes a few; more than one in a hundred is no device's.
FEW_DEAD_LETTERS, MANY_DEAD_LETTERS = 10, 0.01
# A restart doubles what was under way, once; four in an hour are no rollout.
RESTARTS_IN_AN_HOUR = 4
GAPS_IN_AN_HOUR = 10


def pods(site: Site) -> int:
    """Return how many workers a site has, that of `ot` included."""
    return sum(kind.number for kind in workers(site))


def full(site: Site) -> int:
    """Return from how many messages under way on a worker waits more at the broker."""
    return int(FULL * most_under_way(site))


def recordings(site: Site) -> tuple[Recording, ...]:
    """Return what is recorded of the workers, by `pod`; none at a site without them.

    What waits at the broker for a worker is reckoned: as much as comes in the busiest minutes of a day, since the
    oldest message came that Kafka does not have.
    """
    if not site.streams.by_worker:
        return ()
    mine, chosen = selectors(site).workers, selectors(site).site
    busiest = f"max by (pod) (max_over_time({RECEIVED}{chosen}[{USUAL_OVER}]))"
    return (
        Recording(RECEIVED, f"sum by (pod) (rate(worker_received_total{mine}[{window(site)}]))"),
        Recording(WAITING, f"max by (pod) (worker_lag_seconds{mine}) * on(pod) {busiest}"),
    )


def worker_alerts(site: Site) -> Iterator[Alert]:
    """Yield the alerts on the workers; none at a site without them."""
    if site.streams.by_worker:
        yield from _there(site)
        yield from _waiting(site)
        yield from _refused(site)
        yield from _lost(site)
        yield from _sparkplug(site)


def _missing(site: Site) -> str:
    return f"(count(up{selectors(site).workers} == 1) or vector(0)) < {pods(site)}"


def _there(site: Site) -> Iterator[Alert]:
    mine = selectors(site).workers
    yield Alert(
        "WorkerAway",
        "page",
        f"{_missing(site)} {begun(site)}",
        "5m",
        "A worker to Kafka is away",
        f"{{{{ $value }}}} of {pods(site)} workers answer: what the others would carry waits in their sessions, of "
        f"{waiting(site)} messages each.",
    )
    yield Alert(
        "WorkerNotSubscribed",
        "page",
        # A worker leaves the broker by itself while Kafka takes nothing: then its oldest message grows old.
        f"(min by (pod) (worker_connected{mine}) == 0 or min by (pod) (worker_subscriptions_granted{mine}) "
        f"< min by (pod) (worker_subscriptions_wanted{mine})) unless max by (pod) (worker_lag_seconds{mine}) > {LATE}",
        "5m",
        "A worker to Kafka is not connected, or not subscribed to all",
        "{{ $labels.pod }} runs, and the broker does not give it all that it should carry: that is in no store.",
    )


def _waiting(site: Site) -> Iterator[Alert]:
    mine = selectors(site).workers
    oldest = f"max by (pod) (worker_lag_seconds{mine})"
    under_way = f"min by (pod) (worker_in_flight{mine})"
    yield Alert(
        "WorkerFallsBehind",
        "ticket",
        f"{oldest} > {LATE} or {under_way} >= {full(site)}",
        "10m",
        "Messages wait for their way to Kafka",
        "{{ $labels.pod }} takes less than comes: the rest waits in its session at the broker.",
    )
    yield Alert(
        "WorkerQueueFills",
        "page",
        f"{WAITING}{selectors(site).site} > {NEARLY * waiting(site):g}",
        "1m",
        "A worker's queue at the broker is soon full",
        f"Some {{{{ $value }}}} messages wait for {{{{ $labels.pod }}}}; its session takes {waiting(site)}, then the "
        "oldest are lost.",
    )
    dropped = f"sum(rate(emqx_delivery_dropped_queue_full{selectors(site).broker}[{window(site)}]))"
    behind = (
        f"max(worker_lag_seconds{mine}) > {LATE} or max(worker_in_flight{mine}) >= {full(site)} "
        f"or min(worker_connected{mine}) == 0 or {_missing(site)}"
    )
    yield Alert(
        "WorkerQueueOverflows",
        "page",
        f"{dropped} > 0 and on() ({behind})",
        "2m",
        "Messages for Kafka are dropped and lost",
        "{{ $value }} messages a second are dropped at the broker while a worker is away or behind: they are in no "
        "store.",
    )


def _refused(site: Site) -> Iterator[Alert]:
    mine = selectors(site).workers
    yield Alert(
        "KafkaRefusesRecords",
        "page",
        f"sum by (pod, code) (rate(worker_kafka_refusals_total{mine}[{window(site)}])) > 0 "
        f"or min by (pod) (worker_kafka_answers{mine}) == 0",
        "10m",
        "Kafka does not take the workers' records",
        "{{ $labels.pod }} {{ $labels.code }}: Kafka refuses records or does not answer, and they wait in the workers' "
        "sessions.",
    )
    letters = f"sum by (reason) (increase(worker_dead_letters_total{mine}[1h]))"
    came = f"sum(increase(worker_received_total{mine}[1h]))"
    yield Alert(
        "DeadLettersGrow",
        "ticket",
        f"{letters} > {FEW_DEAD_LETTERS} and {letters} > on() group_left() {MANY_DEAD_LETTERS} * {came}",
        "5m",
        "Many messages become dead letters",
        "{{ $value }} dead letters in an hour for {{ $labels.reason }}, more than one in a hundred messages.",
    )


def _lost(site: Site) -> Iterator[Alert]:
    mine = selectors(site).workers
    yield Alert(
        "RecordsDoubled",
        "ticket",
        f"sum by (pod) (increase(worker_duplicates_total{mine}[1h])) > {RESTARTS_IN_AN_HOUR * most_under_way(site)}",
        "5m",
        "Many records may be in Kafka twice",
        "The broker sent {{ $value }} messages to {{ $labels.pod }} again within an hour.",
    )
    yield Alert(
        "WorkerSessionLost",
        "ticket",
        f"sum by (pod) (increase(worker_session_lost_total{mine}[1h])) > 0",
        "1m",
        "A worker's session at the broker was lost",
        "{{ $labels.pod }} came back, and the broker had its session no more: what waited there is in no store.",
    )


def _sparkplug(site: Site) -> Iterator[Alert]:
    if site.streams.worker is None or not site.streams.worker.decode_sparkplug:
        return
    mine, rate = selectors(site).workers, window(site)
    yield Alert(
        "SparkplugSequenceGaps",
        "ticket",
        f"sum by (pod) (increase(worker_sparkplug_sequence_gaps_total{mine}[1h])) > {GAPS_IN_AN_HOUR}",
        "5m",
        "Sparkplug messages are missing between others",
        "{{ $labels.pod }} found {{ $value }} gaps in the sequence numbers of edge nodes within an hour.",
    )
    yield Alert(
        "SparkplugBirthsLost",
        "ticket",
        f"sum by (pod) (rate(worker_sparkplug_nameless_total{mine}[{rate}])) > 0",
        "15m",
        "Sparkplug data come whose names are not known",
        "{{ $labels.pod }} gets data that name metrics by alias, and has no birth that says what they are.",
    )
