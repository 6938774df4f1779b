"""Has the broker kept its service level, is enough of the error budget left, and was it measured at all?

The window is cut into slots of five minutes; a slot that begins in the site's service hours counts. What was attained
is the share of the measured slots in which the broker served. At most 1 % of the slots may be unmeasured (`COVERAGE`):
that bears Prometheus' own restarts, and hides no outage of a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from model import Site
from model.rollout import Leave
from model.slo import budget
from sitectl.gates import Context, Outcome
from sitectl.prometheus import PrometheusError

GATE = "service-level"
# Short enough that the edges of service hours do not matter, long enough for few queries over a month.
SLOT = timedelta(minutes=5)
COVERAGE = Decimal("0.99")
"""Least share of the slots in service hours of which Prometheus knows something."""
NO_DATA = "no data"


@dataclass(frozen=True)
class Attained:
    """Slots in service hours: `expected` in all, `measured` of them; `served` is the sum of the measured shares."""

    expected: int
    measured: int
    served: Decimal

    @property
    def availability(self) -> Decimal:
        """The share of the measured service hours in which the broker served, from 0 to 1."""
        return self.served / self.measured

    @property
    def coverage(self) -> Decimal:
        """The share of the service hours that was measured, from 0 to 1."""
        return Decimal(self.measured) / self.expected

    def budget_left(self, site: Site) -> Decimal:
        """Return the share of the site's error budget that is left; below 0 when more than all is gone."""
        return 1 - (1 - self.availability) / budget(site.monitoring.service_level.availability)


def measure(context: Context) -> Outcome:
    """Ask Prometheus for the recorded series that is 1 while the broker serves, over the window that is asked for."""
    site, leave = context.site, context.asked
    threshold = (
        f"{leave.availability} or more, {leave.budget_left} of the budget left or more, "
        f"{_percent(COVERAGE)} of the time measured"
    )
    first = context.now - timedelta(seconds=leave.window.seconds)
    window = f"{leave.window} to {context.now:%Y-%m-%d %H:%M} UTC, {site.monitoring.service_level.hours}"
    source = f"{expression(site)} at {getattr(context.prometheus, 'address', 'Prometheus')}"

    def unknown(reason: str) -> Outcome:
        return Outcome(GATE, False, NO_DATA, threshold, source, window, reason)

    if isinstance(context.prometheus, PrometheusError):
        return unknown(str(context.prometheus))
    try:
        values = context.prometheus.series(expression(site), first + SLOT, context.now, SLOT)
    except PrometheusError as error:
        return unknown(str(error))
    attained = attain(site, values, first, context.now)
    if not attained.expected:
        return unknown("no service hours lie in this window")
    if not attained.measured:
        return unknown("Prometheus has no such series in this window: are the site's rules loaded?")
    reasons = shortfalls(site, leave, attained)
    return Outcome(
        gate=GATE,
        passed=not reasons,
        figure=f"{_percent(attained.availability)}, {_percent(attained.budget_left(site))} of the budget left, "
        f"{_percent(attained.coverage)} measured",
        threshold=threshold,
        source=source,
        window=window,
        reason="; ".join(reasons),
    )


def expression(site: Site) -> str:
    """Return the query for one slot's share of time in which the broker served."""
    from components.broker_alerts import SERVING, selectors

    return f"avg_over_time({SERVING}{selectors(site).site}[{int(SLOT.total_seconds() // 60)}m])"


def attain(site: Site, values: Mapping[datetime, float], first: datetime, last: datetime) -> Attained:
    """Add up the slots from `first` to `last` that begin in service hours; `values` are by the slot's end."""
    by_second = {round(at.timestamp()): value for at, value in values.items()}
    expected = measured = 0
    served = Decimal(0)
    end = first + SLOT
    while end <= last:
        if site.monitoring.promised_at(end - SLOT):
            expected += 1
            value = by_second.get(round(end.timestamp()))
            if value is not None:
                measured += 1
                served += Decimal(repr(value))
        end += SLOT
    return Attained(expected, measured, served)


def shortfalls(site: Site, leave: Leave, attained: Attained) -> list[str]:
    """Return every reason why the phase may not be left yet, in words; none when it may."""
    reasons = []
    if attained.availability < leave.availability.ratio:
        reasons.append(f"the broker served {_percent(attained.availability)} of the measured service hours")
    if (left := attained.budget_left(site)) < leave.budget_left.ratio:
        reasons.append(
            f"{_percent(left)} of the error budget is left" if left > 0 else "the error budget is used up"
        )
    if attained.coverage < COVERAGE:
        hours = (attained.expected - attained.measured) * SLOT.total_seconds() / 3600
        reasons.append(
            f"{hours:.1f} hours of service were not measured: it is not known whether the broker served"
        )
    return reasons


def _percent(share: Decimal) -> str:
    return f"{share * 100:.3f}".rstrip("0").rstrip(".") + "%"
