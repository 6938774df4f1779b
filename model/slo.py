"""Turns a promised availability into burn-rate rules, for any series that is 1 while the promise holds."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from model.units import Duration, Percentage

PERIOD = Duration.parse("30d")
"""The time over which the error budget is counted (Google's SRE workbook, chapter 5; Sloth's default)."""

Severity = Literal["page", "ticket"]


@dataclass(frozen=True)
class BurnWindow:
    """Alert when `share` of the period's budget was used up in `long`, and `short` says that it goes on."""

    severity: Severity
    share: Decimal
    long: Duration
    short: Duration

    @property
    def burn_rate(self) -> Decimal:
        """How many times faster than allowed the budget is used up."""
        return self.share * PERIOD.seconds / self.long.seconds


WINDOWS = (
    BurnWindow("page", Decimal("0.02"), Duration.parse("1h"), Duration.parse("5m")),
    BurnWindow("page", Decimal("0.05"), Duration.parse("6h"), Duration.parse("30m")),
    BurnWindow("ticket", Decimal("0.10"), Duration.parse("1d"), Duration.parse("2h")),
    BurnWindow("ticket", Decimal("0.10"), Duration.parse("3d"), Duration.parse("6h")),
)
"""The windows of the SRE workbook's table 5-8."""


STEPS = (
    (Duration.parse("1h"), Duration.parse("1m")),
    (Duration.parse("3d"), Duration.parse("5m")),
)
"""How finely lost time is counted: windows up to the first are looked at in steps of the second."""


@dataclass(frozen=True)
class Recording:
    """A recording rule."""

    name: str
    expression: str


def error_recordings(serving: str, errors: str, selector: str) -> tuple[Recording, ...]:
    """Return the rules that record, for each window, the share of time in which `serving` was not 1.

    `serving` and `errors` are series names; a window's record is `<errors>_<window>`.
    """
    lengths = {str(length) for window in WINDOWS for length in (window.long, window.short)}
    return tuple(
        Recording(f"{errors}_{length}", f"1 - avg_over_time({serving}{selector}[{length}])")
        for length in sorted(lengths, key=lambda text: Duration.parse(text).seconds)
    )


def burns(serving: str, errors: str, selector: str, availability: Percentage, severity: Severity) -> str:
    """Return the expression that holds while the budget burns too fast for one severity: any of its windows.

    `serving` and `errors` are those of `error_recordings`.
    """
    return " or ".join(
        _burns(serving, errors, selector, availability, window)
        for window in WINDOWS
        if window.severity == severity
    )


def budget(availability: Percentage) -> Decimal:
    """Return the share of time that may be lost."""
    return 1 - availability.ratio


def _burns(serving: str, errors: str, selector: str, availability: Percentage, window: BurnWindow) -> str:
    """Return the expression of one window: the shares of what was measured are too high, and so is the time lost.

    The last counts against the whole window: of a few samples after a first deployment, or after a gap, one that
    failed is a large share and no time.
    """
    limit = window.burn_rate * budget(availability)
    long, short = f"{errors}_{window.long}{selector}", f"{errors}_{window.short}{selector}"
    step = next(step for longest, step in STEPS if window.long <= longest)
    lost = f"sum_over_time((1 - {serving}{selector})[{window.long}:{step}])"
    most = plain(limit * window.long.seconds / step.seconds)
    return f"({long} > {plain(limit)} and {short} > {plain(limit)} and {lost} > {most})"


def plain(number: Decimal) -> str:
    """Return a number without exponent and without trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
