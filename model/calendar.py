"""Days and hours: when a rollout began, when changes may be made, and when not."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from model.base import Label, Part, Text
from model.units import Unit, UnitError

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)


@dataclass(frozen=True, slots=True, order=True)
class Day(Unit):
    """A day of the calendar."""

    date: date

    PATTERN: ClassVar[str] = r"^\d{4}-\d{2}-\d{2}$"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("2026-08-31",)
    MEANING: ClassVar[str] = "a day"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2026-08-31`: year, month and day."""
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            raise cls.refusal()
        try:
            return cls(date.fromisoformat(text))
        except ValueError:
            raise UnitError("is no day of the calendar", "write one that exists, like `2026-08-31`") from None

    def __str__(self) -> str:
        return self.date.isoformat()


@dataclass(frozen=True, slots=True, order=True)
class Clock(Unit):
    """A time of day, in minutes after midnight."""

    minutes: int

    PATTERN: ClassVar[str] = r"^([01]\d|2[0-3]):[0-5]\d$"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("06:30", "18:00")
    MEANING: ClassVar[str] = "a time of day"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `06:30`: hours and minutes, from 00:00 to 23:59."""
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text, re.ASCII):
            raise cls.refusal()
        hours, _, minutes = text.partition(":")
        return cls(int(hours) * 60 + int(minutes))

    def __str__(self) -> str:
        return f"{self.minutes // 60:02}:{self.minutes % 60:02}"


@dataclass(frozen=True, slots=True, order=True)
class Moment(Unit):
    """A second of the world's time; `at` is an aware datetime in UTC."""

    at: datetime

    PATTERN: ClassVar[str] = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("2026-11-24T14:05:00Z",)
    MEANING: ClassVar[str] = "a moment in UTC"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2026-11-24T14:05:00Z`: day and time of day, to the second, in UTC (RFC 3339)."""
        if not re.fullmatch(cls.PATTERN, text, re.ASCII) or text.endswith("\n"):
            raise cls.refusal()
        try:
            return cls(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC))
        except ValueError:
            raise UnitError(
                "is no moment of the calendar", "write one that exists, like `2026-11-24T14:05:00Z`"
            ) from None

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """Return a moment (an aware datetime) cut to its second."""
        return cls(moment.astimezone(UTC).replace(microsecond=0))

    def __str__(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _known_zone(name: str) -> str:
    from model.time_zones import canonical, meant  # read by who has a calendar alone

    if name not in canonical():
        other = meant(name)
        facts = {
            "problem": "is another name of a time zone, which not every program knows"
            if other
            else "is not a time zone",
            "remedy": f"write `{other}`"
            if other
            else "write its name in the IANA database, like `America/Chicago`",
        }
        raise PydanticCustomError("unit", "{problem}; {remedy}", facts)
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
"""A time zone by its own name in the IANA database: Go, Java and Prometheus know no others for sure."""


class Window(Part):
    """Hours of some weekdays in which a site may be changed."""

    name: Label = Field(description="Short name.")
    days: tuple[Weekday, ...] = Field(min_length=1, description="Weekdays, in English.")
    opens: Clock = Field(description="When it opens, in the time zone.")
    closes: Clock = Field(description="When it closes, on the same day.")
    zone: TimeZone = Field(description="Time zone, by its name in the IANA database.")

    def open_at(self, moment: datetime) -> bool:
        """Say whether the window is open at a moment (an aware datetime)."""
        local = moment.astimezone(ZoneInfo(self.zone))
        minutes = local.hour * 60 + local.minute
        return WEEKDAYS[local.weekday()] in self.days and self.opens.minutes <= minutes < self.closes.minutes


class Freeze(Part):
    """Days on which nothing is changed."""

    name: Label = Field(description="Short name.")
    first: Day = Field(description="First day, as the windows' time zones count days.")
    last: Day = Field(description="Last day.")
    reason: Text = Field(description="Why, for the engineer who is refused.")


class Change(Part):
    """Hours in which the site may be changed, and days on which it may not."""

    windows: tuple[Window, ...] = Field(min_length=1, description="Change windows; keyed by name.")
    freezes: tuple[Freeze, ...] = Field((), description="Freezes; keyed by name.")

    def open_window(self, moment: datetime) -> Window | None:
        """Return a window that is open at a moment (an aware datetime), or None."""
        return next((window for window in self.windows if window.open_at(moment)), None)

    def freeze_at(self, moment: datetime) -> Freeze | None:
        """Return the freeze that a moment (an aware datetime) lies in, in any of the windows' time zones, or None."""
        days = {moment.astimezone(ZoneInfo(window.zone)).date() for window in self.windows}
        return next((freeze for freeze in self.freezes if _touches(freeze, days)), None)


def _touches(freeze: Freeze, days: Iterable[date]) -> bool:
    return any(freeze.first.date <= day <= freeze.last.date for day in days)
