"""What the bridge counts, for the worker's page of figures: every series begins with `bridge_`."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

PREFIX = "bridge_"
SERIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "received_total": ("Messages that came from the source and were not known", ("qos",)),
    "forwarded_total": ("Messages that the target has taken, those of QoS 0 that it was sent", ()),
    "duplicates_total": (
        "What came again and was not forwarded again (known), or was published again (sent_again)",
        ("kind",),
    ),
    "not_crossed_total": ("Messages that do not cross, by reason; they are acknowledged", ("reason",)),
    "refused_total": ("Messages that the target refused, and subscriptions that the source did", ("reason",)),
    "session_lost_total": ("Connections at which a session was expected and not there", ("end",)),
    "connections_total": ("Connections that were let in", ("end",)),
    "connected": ("1 while the broker at this end lets the bridge in", ("end",)),
    "session_present": ("1 where the source kept a session over the last connection", ()),
    "in_flight": ("Messages that the target was sent and has not finished with", ()),
    "held": ("Messages of the source that the target has not finished with", ()),
    "held_bytes": ("About as many bytes of memory", ()),
    "lag_seconds": ("Age of the oldest of them; 0 when there is none", ()),
    "source_silent_seconds": ("Time since the source last said anything that is subscribed to", ()),
    "paused": ("1 while nothing is read from the source, because too much is held", ()),
}
"""Each series: what it means, and its labels."""


@dataclass
class Counts:
    """Counters that only grow, and gauges that are set; written by one thread, read by another."""

    counters: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)
    gauges: dict[tuple[str, tuple[str, ...]], float] = field(default_factory=dict)

    def count(self, name: str, *labels: str, number: int = 1) -> None:
        """Count something; `labels` in the order of `SERIES`."""
        self.counters[name, labels] += number

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge; `labels` in the order of `SERIES`."""
        self.gauges[name, labels] = value

    def total(self, name: str) -> int:
        """Return a counter's sum over its labels."""
        return sum(number for (key, _), number in list(self.counters.items()) if key == name)

    def families(self) -> Iterable[Metric]:
        """Give all series as they are now; from any thread."""
        now: list[tuple[tuple[str, tuple[str, ...]], float]] = [
            *list(self.counters.items()),
            *list(self.gauges.items()),
        ]
        for name, (words, labels) in SERIES.items():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(PREFIX + name.removesuffix("_total"), words, labels=list(labels))
            for (key, values), value in now:
                if key == name:
                    family.add_metric(list(values), value)
            yield family
