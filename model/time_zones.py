"""Time zones by their own names in the IANA database, as the pinned package `tzdata` has it.

What the machine has beside them (`localtime`, `posix/…`, old names such as `US/Central`) is no name that Go, Java and
Prometheus know wherever they run.
"""

from functools import cache
from importlib.resources import files

# In no country, and known everywhere; `Etc/GMT+5` and the like are offsets, with the sign turned round.
_OF_NO_PLACE = ("UTC", "Etc/UTC", "Etc/GMT")


@cache
def canonical() -> frozenset[str]:
    """Return the names of all time zones of places, and of fixed offsets."""
    places = (line.split("\t")[2] for line in _lines("zone.tab") if line and not line.startswith("#"))
    offsets = (word for kind, word, _ in _records() if kind == "Z" and word.startswith("Etc/GMT"))
    return frozenset([*places, *offsets, *_OF_NO_PLACE])


def meant(name: str) -> str | None:
    """Return the own name of a time zone that is called by another one; None for what is no time zone at all."""
    links = {link: target for kind, target, link in _records() if kind == "L"}
    target = links.get(name)
    return target if target in canonical() else None


def _records() -> list[tuple[str, str, str]]:
    """Return the kind (`Z` for a zone, `L` for a link) and the first two words of each such line."""
    lines = (line.split() for line in _lines("tzdata.zi") if line.startswith(("Z ", "L ")))
    return [(words[0], words[1], words[2]) for words in lines]


def _lines(name: str) -> list[str]:
    return (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8").splitlines()
