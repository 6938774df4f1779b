"""Durations as Keycloak's plugin writes them (Go's "5m0s") and as Keycloak keeps them (whole seconds)."""

import re
from decimal import Decimal

from lab.plugins.errors import PluginError

_SECONDS = {"h": Decimal(3600), "m": Decimal(60), "s": Decimal(1), "ms": Decimal("0.001")}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|h|m|s)")


class DurationError(PluginError):
    """A text that is no Go duration. Attribute: text."""

    def __init__(self, text: str) -> None:
        super().__init__(f'"{text}" is not a duration such as "5m" or "1h30m"')
        self.text = text


def seconds_of(text: str) -> int:
    """Whole seconds of a Go duration such as "1h30m" or "5m0s"; raises DurationError."""
    parts = list(_PART.finditer(text))
    if text == "0":
        return 0
    if not parts or "".join(part.group() for part in parts) != text:
        raise DurationError(text)
    return int(sum(Decimal(part[1]) * _SECONDS[part[2]] for part in parts))


def duration_of(seconds: int) -> str:
    """Go's canonical text of a number of seconds: 0 → "0s", 300 → "5m0s", 43200 → "12h0m0s"."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def same_duration(one: str, other: str) -> bool:
    """Whether two texts mean the same length of time; texts that are no durations never do."""
    try:
        return seconds_of(one) == seconds_of(other)
    except DurationError:
        return False
