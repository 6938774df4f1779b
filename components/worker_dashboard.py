"""The dashboard's row on the workers to Kafka: what they carry, what waits, and what Kafka and the broker refuse."""

from collections.abc import Iterator

from components.alert import selectors, window
from components.panel import Panel
from components.worker_alerts import WAITING, pods
from model import Site
from model.worker_capacity import waiting
from model.worker_capacity import window as most_under_way

ROW = "Way to Kafka"


def panels(site: Site) -> Iterator[Panel]:
    """Yield the panels of a site with workers, in reading order."""
    mine, rate = selectors(site).workers, window(site)

    def by(label: str, series: str) -> str:
        # What never happened has no series, and a promotion asks that each query has an answer.
        return f"sum by ({label}) (rate({series}{mine}[{rate}])) or on() vector(0)"

    yield Panel(
        "Workers that answer",
        f"Of {pods(site)}; one that is not leaves its messages in its session at the broker.",
        "short",
        (
            f"sum(up{mine})",
            f"count(worker_subscriptions_granted{mine} == worker_subscriptions_wanted{mine})",
            f"sum(worker_kafka_answers{mine})",
        ),
        ("answer", "subscribed", "get answers of Kafka"),
        "stat",
        row=ROW,
    )
    yield Panel(
        "Records that Kafka took",
        "By topic; a message of Sparkplug's births makes several.",
        "ops",
        (by("topic", "worker_written_total"),),
        ("{{topic}}",),
    )
    yield Panel(
        "Oldest message that Kafka does not have",
        "By worker; while it grows, nothing is acknowledged to the broker.",
        "s",
        (f"max by (pod) (worker_lag_seconds{mine})",),
        ("{{pod}}",),
    )
    yield Panel(
        "Waiting for a worker at the broker, reckoned",
        f"From age and usual rate: EMQX has no series for it. A session takes {waiting(site)}, then the oldest go.",
        "short",
        (f"{WAITING}{selectors(site).site}",),
        ("{{pod}}",),
    )
    yield Panel(
        "Under way to Kafka",
        f"A worker takes {most_under_way(site)} at a time, and more of what comes at QoS 0.",
        "short",
        (f"max by (pod) (worker_in_flight{mine})",),
        ("{{pod}}",),
    )
    yield Panel(
        "Kafka's refusals",
        "Tried again, but for what is refused for itself, which becomes a dead letter.",
        "ops",
        (
            by("code", "worker_kafka_refusals_total"),
            by("code", "worker_kafka_errors_total"),
            f"sum(rate(worker_refused_total{mine}[{rate}]))",
        ),
        ("refused: {{code}}", "connection: {{code}}", "refused for itself"),
    )
    yield Panel(
        "Dead letters",
        "By reason; they are in the topic dead-letter as they came.",
        "ops",
        (by("reason", "worker_dead_letters_total"),),
        ("{{reason}}",),
    )
    yield Panel(
        "Sent again, and sessions lost",
        "What came again may be in Kafka twice; what waited in a lost session is in no store.",
        "short",
        (
            f"sum by (pod) (increase(worker_duplicates_total{mine}[1h]))",
            f"sum by (pod) (increase(worker_session_lost_total{mine}[1h]))",
        ),
        ("again: {{pod}}", "lost: {{pod}}"),
    )
    worker = site.streams.worker
    if worker is not None and worker.decode_sparkplug:
        yield Panel(
            "Sparkplug: births known, and what is missing",
            "Within an hour: gaps in the sequence numbers, nodes without a birth, metrics without a name, rebirths.",
            "short",
            (
                f"max(worker_sparkplug_births{mine})",
                *(f"sum(increase(worker_sparkplug_{name}_total{mine}[1h]))" for name in _MISSING),
            ),
            ("births", *(name.replace("_", " ") for name in _MISSING)),
        )


_MISSING = ("sequence_gaps", "lost_births", "nameless", "rebirths")
