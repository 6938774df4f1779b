"""Alerts on records: refused, dropped, piled up, not made, not carried; each by what it means, whatever carries them.

What carries records to Kafka differs by edition, and may change. Recording rules say what each meaning is made of, and
the alerts look at these alone: another way to Kafka changes `recordings`, and no alert and no runbook. Where workers
carry them, the broker has no buffer and refuses nothing: `components/worker_alerts.py` has what is seen of them.
"""

from collections.abc import Iterator

from components.alert import Alert, begun, narrowed, selectors, window
from model import Site
from model.ingest import AUDIT
from model.slo import Recording

REFUSED = "iot_broker:records_refused:rate"
DROPPED = "iot_broker:records_dropped:rate"
TAKEN = "iot_broker:records_taken:rate"
NOT_MADE = "iot_broker:records_not_made:rate"
WAITING = "iot_broker:records_waiting"
CARRIED = "iot_broker:records_carried"
# EMQX names an action by its kind and name, some versions with `action` before and the connector behind.
_ROUTE = "(?:action:)?(?:http|kafka_producer):([^:]+)(?::.*)?"
# More than this part refused is no odd message of one device any more.
MANY = "0.1"
# Fewer sessions in an hour than this prove nothing: the audit's own records are a few.
SESSIONS_IN_AN_HOUR = 10


def recordings(site: Site) -> tuple[Recording, ...]:
    """Return what the meanings are made of: by `route`, the broker's name of a way to a topic of Kafka."""
    chosen, rate = selectors(site), window(site)
    not_made = Recording(
        NOT_MADE,
        f"sum by (route) (label_replace(rate(emqx_rule_failed_exception{chosen.rules}[{rate}]), "
        f'"route", "$1", "id", "(.*)"))',
    )
    if site.way_to_kafka == "worker":
        written = f"rate(worker_written_total{chosen.workers}[{rate}])"
        by_topic = f'label_replace({written}, "route", "$1", "topic", "(?:.*[.])?(.*)")'
        return (Recording(TAKEN, f"sum by (route) ({by_topic})"), not_made)

    def by_route(series: str) -> str:
        return f'label_replace({series}, "route", "$1", "id", "{_ROUTE}")'

    kafka = chosen.integration
    return (
        Recording(REFUSED, f"sum by (route) ({by_route(f'rate(emqx_action_failed{kafka}[{rate}])')})"),
        Recording(DROPPED, f"sum by (route) ({by_route(f'rate(emqx_action_dropped{kafka}[{rate}])')})"),
        Recording(TAKEN, f"sum by (route) ({by_route(f'rate(emqx_action_success{kafka}[{rate}])')})"),
        not_made,
        Recording(WAITING, f"sum by (route) ({by_route(f'emqx_action_queuing{kafka}')})"),
        # A node whose action is not connected buffers, or loses what it is given while it starts.
        Recording(CARRIED, f"min by (route) ({by_route(f'emqx_action_status{kafka}')})"),
    )


def record_alerts(site: Site) -> Iterator[Alert]:
    """Yield the alerts on records; where workers carry them, those on the rules that the broker still has."""
    chosen = selectors(site).site
    if site.way_to_kafka != "worker":
        yield from _carried(site, chosen)
    yield Alert(
        "RecordsNotMade",
        "ticket",
        f"avg_over_time({NOT_MADE}{chosen}[1h]) > 0",
        "5m",
        "A rule of the broker fails, and makes no record",
        "The rule {{ $labels.route }} failed within the last hour: the messages that it looked at are in no store.",
    )
    if any(topic.name == AUDIT for topic in site.streams.topics):
        yield _audit(site, chosen)


def _carried(site: Site, chosen: str) -> Iterator[Alert]:
    refused, taken = f"{REFUSED}{chosen}", f"{TAKEN}{chosen}"
    yield Alert(
        "RecordsRefused",
        "page",
        f"{refused} > {MANY} * ({refused} + ({taken} or 0 * {refused}))",
        window(site),
        "Records for Kafka are refused and lost",
        "{{ $value }} records a second of {{ $labels.route }} are refused: their devices were given an "
        "acknowledgement, and they are in no store.",
    )
    yield Alert(
        "SomeRecordsRefused",
        "ticket",
        f"avg_over_time({refused}[1h]) > 0",
        "5m",
        "Some records for Kafka are refused and lost",
        "{{ $labels.route }} lost records within the last hour: what Kafka or its bridge would not take.",
    )
    yield Alert(
        "RecordsDropped",
        "page",
        f"{DROPPED}{chosen} > 0",
        "5m",
        "Records for Kafka are dropped and lost",
        "{{ $labels.route }} drops {{ $value }} records a second: its buffer is full, and they are in no store.",
    )
    yield Alert(
        "RecordsPileUp",
        "ticket",
        f"{WAITING}{chosen} > 1000 and deriv({WAITING}{chosen}[15m]) > 0",
        "15m",
        "Records for Kafka pile up in the broker",
        "{{ $labels.route }} has {{ $value }} records waiting, and more come than go.",
    )
    yield Alert(
        "RecordsNotCarried",
        "page",
        f"{CARRIED}{chosen} == 0 {begun(site)}",
        "5m",
        "Nothing carries records from the broker to Kafka",
        "{{ $labels.route }} is not connected on a node at least: records wait in its buffer, and a node that started "
        "so loses them.",
    )


def _audit(site: Site, chosen: str) -> Alert:
    came = f"sum(increase(emqx_client_connected{selectors(site).broker}[1h]))"
    audit = narrowed(chosen, f'route=~"{AUDIT}(_.*)?"')
    written = f"sum(sum_over_time({TAKEN}{audit}[1h]))"
    return Alert(
        "AuditSilent",
        "ticket",
        f"{came} > {SESSIONS_IN_AN_HOUR} and on() ({written} or vector(0)) == 0",
        "15m",
        "No audit record is written though clients come",
        "{{ $value }} clients came within an hour, and none is in the audit: nobody can say later who did what.",
    )
