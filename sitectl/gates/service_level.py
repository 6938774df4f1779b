"""Has the broker kept its service level, and is enough of the error budget left?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from model import Site
from model.slo import budget
from sitectl.gates import Context, Outcome
from sitectl.prometheus import PrometheusError

# Short enough that the edges of service hours do not matter, long enough for one query over a month.
SLOT = timedelta(minutes=5)
NO_DATA = "no data"


@dataclass(frozen=True)
class Attained:
    """Time in service hours: `expected` slots, `served` of them (in whole and parts), `missing` not measured."""

    expected: int
    served: Decimal
    missing: int

    @property
    def availability(self) -> Decimal:
        """The share of service hours in which the broker served, from 0 to 1; what is not measured did not serve."""
        return self.served / self.expected


def measure(context: Context) -> Outcome:
    """Ask Prometheus for the recorded series that is 1 while the broker serves, over the window that is asked for.

    A slot without a sample counts as one in which the broker did not serve: a gap is never an attainment.
    """
    asked = context.asked
    threshold = f"{asked.availability} or more, {asked.budget_left} of the budget left or more"
    first = context.now - timedelta(seconds=asked.window.seconds)
    window = (
        f"{asked.window} to {context.now:%Y-%m-%d %H:%M} UTC, {context.site.monitoring.service_level.hours}"
    )
    if isinstance(context.prometheus, PrometheusError):
        return Outcome(
            "service-level", False, NO_DATA, threshold, "Prometheus", window, str(context.prometheus)
        )
    source = f"{expression(context.site)} at {context.prometheus.address}"
    try:
        values = context.prometheus.series(expression(context.site), first + SLOT, context.now, SLOT)
    except PrometheusError as error:
        return Outcome("service-level", False, NO_DATA, threshold, source, window, str(error))
    attained = attain(context.site, values, first, context.now)
    if not values or not attained.expected:
        reason = "Prometheus has no such series in this window: are the site's rules loaded?"
        if not attained.expected:
            reason = "no service hours lie in this window"
        return Outcome("service-level", False, NO_DATA, threshold, source, window, reason)
    share = attained.availability
    left = 1 - (1 - share) / budget(asked.availability)
    reasons = []
    if share < asked.availability.ratio:
        reasons.append(f"the broker served {_percent(share)} of the service hours")
    if left < asked.budget_left.ratio:
        reasons.append(f"{_percent(max(left, Decimal(0)))} of the error budget is left")
    if reasons and attained.missing:
        reasons.append(f"{_hours(attained.missing)} were not measured, and count as not served")
    return Outcome(
        gate="service-level",
        passed=not reasons,
        figure=f"{_percent(share)}, {_percent(left)} of the budget left"
        + (f", {_hours(attained.missing)} not measured" if attained.missing else ""),
        threshold=threshold,
        source=source,
        window=window,
        reason="; ".join(reasons),
    )


def expression(site: Site) -> str:
    """Return the query for one slot's share of time in which the broker served."""
    from components.broker_alerts import SERVING, selectors

    return f"avg_over_time({SERVING}{selectors(site).site}[{int(SLOT.total_seconds() // 60)}m])"


def attain(site: Site, values: dict[datetime, float], first: datetime, last: datetime) -> Attained:
    """Add up the slots of a window that lie in service hours; `values` are by the moment at which a slot ends."""
    expected, missing, served = 0, 0, Decimal(0)
    by_second = {round(at.timestamp()): value for at, value in values.items()}
    at = first + SLOT
    while at <= last:
        if site.monitoring.promised_at(at - SLOT):
            expected += 1
            value = by_second.get(round(at.timestamp()))
            if value is None:
                missing += 1
            else:
                served += Decimal(repr(value))
        at += SLOT
    return Attained(expected, served, missing)


def _percent(share: Decimal) -> str:
    return f"{share * 100:.3f}".rstrip("0").rstrip(".") + "%"


def _hours(slots: int) -> str:
    return f"{slots * SLOT.total_seconds() / 3600:.1f}h"
