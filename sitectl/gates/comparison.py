"""Does EMQX deliver what the incumbent delivers?"""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from model.promotion.reports import ComparedDay, ComparisonReport
from model.rollout import Comparison
from model.units import Percentage
from sitectl.gates import Context, Outcome
from sitectl.gates.reported import reported, source_of


def measure(context: Context) -> Outcome:
    """Hold each of the last days of the signed comparison against the phase's tolerances; every day must keep them."""
    wanted = context.asked.comparison
    if wanted is None:
        raise ValueError("the phase asks for no comparison")
    threshold = (
        f"{wanted.days} days in a row, each with loss <= {wanted.loss}, duplicates <= {wanted.duplicates}, "
        f"reordered <= {wanted.reordered}, latency +{wanted.latency} at most"
    )
    report = reported(context, "comparison", ComparisonReport, threshold)
    if isinstance(report, Outcome):
        return report
    days = sorted(report.days, key=lambda entry: entry.day)[-wanted.days :]
    problems = [
        *_gaps(report.days, wanted.days),
        *_old(context, days[-1]),
        *(text for day in days for text in _excesses(day, wanted)),
    ]
    return Outcome(
        gate="comparison",
        passed=not problems,
        figure=_figure(days),
        threshold=threshold,
        source=f"{source_of(context, 'comparison')} by {report.made_by}",
        window=f"{days[0].day} to {days[-1].day}",
        reason="; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else ""),
    )


def _gaps(days: tuple[ComparedDay, ...], wanted: int) -> Iterator[str]:
    found = sorted({entry.day.date for entry in days})
    if len(found) < len(days):
        yield "a day is listed twice"
    if len(found) < wanted:
        yield f"{len(found)} days are compared, and {wanted} are asked for"
    recent = found[-wanted:]
    for before, after in itertools.pairwise(recent):
        if after - before > timedelta(days=1):
            yield f"nothing is compared between {before} and {after}"


def _old(context: Context, last: ComparedDay) -> Iterator[str]:
    age = context.now.date() - last.day.date
    if age > timedelta(seconds=context.asked.reports_within.seconds):
        yield f"the last compared day is {last.day}: compare until today"
    elif age < timedelta(0):
        yield f"{last.day} is later than today"


def _excesses(day: ComparedDay, wanted: Comparison) -> Iterator[str]:
    if day.messages == 0:
        yield f"{day.day}: the incumbent delivered nothing, so nothing was compared"
        return
    for what, count, limit in (
        ("loss", day.lost, wanted.loss),
        ("duplicates", day.duplicates, wanted.duplicates),
        ("reordered", day.reordered, wanted.reordered),
    ):
        share = _share(count, day.messages)
        if share > limit.value:
            yield f"{day.day}: {what} {_written(share)}"
    growth = _growth(day)
    if growth is None:
        yield f"{day.day}: the incumbent's latency is 0 ms, so it was not measured"
    elif growth > wanted.latency.value:
        yield f"{day.day}: latency +{_written(growth)}"


def _share(count: int, whole: int) -> Decimal:
    return Decimal(count) * 100 / Decimal(whole)


def _growth(day: ComparedDay) -> Decimal | None:
    """Return by how many percent the latency has grown; None when the incumbent's was not measured."""
    if day.incumbent_latency_ms == 0:
        return None
    return Decimal(day.broker_latency_ms - day.incumbent_latency_ms) * 100 / Decimal(day.incumbent_latency_ms)


def _figure(days: list[ComparedDay]) -> str:
    counted = [day for day in days if day.messages]
    if not counted:
        return "no messages"
    worst = {
        what: max(_share(getattr(day, what), day.messages) for day in counted)
        for what in ("lost", "duplicates", "reordered")
    }
    grown = [growth for day in counted if (growth := _growth(day)) is not None]
    latency = f", latency {max(grown):+.1f}%" if grown else ""
    shares = ", ".join(f"{what} {_written(share)}" for what, share in worst.items())
    return f"{sum(day.messages for day in days)} messages; worst day: {shares}{latency}"


def _written(share: Decimal) -> str:
    return str(Percentage(share.quantize(Decimal("0.0001")))) if share else "0%"
