"""What a birth says of its metrics, as it is kept in memory, and the birth of which session it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from images.worker.sparkplug.scalars import text

SESSION: Final = b"bdSeq"
"""Name of the metric that a node's birth and its death have in common."""
# Bytes of memory, as CPython 3.11 takes them, rounded up: of what is kept for each metric, and for each birth.
_EACH: Final = 420
_BIRTH: Final = 1000
_WIDEST: Final = 4


@dataclass(frozen=True, slots=True)
class Known:
    """What a birth says of a metric: its name as JSON text, and its datatype's number (0: none)."""

    name: str
    datatype: int


@dataclass(frozen=True, slots=True)
class Names:
    """The metrics of one birth, and the bytes of memory that they take at most."""

    by_alias: Mapping[int, Known]
    by_name: Mapping[bytes, Known]
    bytes: int = 0


NONE: Final = Names({}, {})
"""The names where no birth is known."""


def names(birth: Any) -> Names:
    """Return what a birth's payload says of its metrics; of two with one name or alias the last one counts."""
    by_alias: dict[int, Known] = {}
    by_name: dict[bytes, Known] = {}
    taken = _BIRTH
    for metric in birth.metrics:
        name = metric.name
        if not name and not metric.HasField("name"):
            continue
        known = by_name[name] = Known(text(name), metric.datatype)
        if metric.HasField("alias"):
            by_alias[metric.alias] = known
        wide = 1 if known.name.isascii() else _WIDEST
        taken += _EACH + len(name) + len(known.name) * wide
    return Names(by_alias, by_name, taken)


def session(message: Any) -> int | None:
    """Return the `bdSeq` of a node's birth or death, None if it says none."""
    for metric in message.metrics:
        if metric.name == SESSION:
            came_in = metric.WhichOneof("value")
            return int(getattr(metric, came_in)) if came_in in ("int_value", "long_value") else None
    return None
