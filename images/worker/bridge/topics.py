"""Which messages cross, under which name, and which have crossed before. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MIRROR = "ot"
"""First level of the OT mirror's topics: nothing crosses there, in either direction."""
COMMANDS = frozenset({"command", "NCMD", "DCMD"})
"""Levels that make a topic a command: the kit's own, and Sparkplug's. No client moves devices at the other broker."""
CROSSED = "iot-broker-crossed"
"""MQTT 5 user property of each message that the bridge publishes: what has it never crosses again, either way."""


@dataclass(frozen=True, slots=True)
class Space:
    """One space of topics: how its topics begin where they are said, and where they go; and whether commands cross."""

    origin: str
    destination: str
    commands: bool = False

    @property
    def filter(self) -> str:
        """Return the filter that the space is subscribed to by."""
        return f"{self.origin}/#"

    def moved(self, topic: str) -> str | None:
        """Return what a topic is called at the other broker; None for one that does not cross in this space."""
        if not f"{topic}/".startswith(f"{self.origin}/"):
            return None
        if not self.commands and not COMMANDS.isdisjoint(topic.split("/")):
            return None
        return self.destination + topic[len(self.origin) :]


def crossing(spaces: Sequence[Space], topic: str) -> str | None:
    """Return what a topic is called at the other broker; None for one that does not cross.

    Nothing under `ot/` or `$…` crosses, on either side, whatever the spaces say.
    """
    if _is_closed(topic):
        return None
    for space in spaces:
        moved = space.moved(topic)
        if moved is not None:
            return None if _is_closed(moved) else moved
    return None


def faults(spaces: Sequence[Space]) -> list[str]:
    """Return what is wrong with a map of spaces, in words; empty when nothing is."""
    found = []
    for space in spaces:
        for name in (space.origin, space.destination):
            if _is_closed(name):
                found.append(f"{name}: nothing crosses the bridge there")
            if not name or name.endswith("/") or any(sign in name for sign in "+#\0"):
                found.append(
                    f"{name!r}: a space is the beginning of topics, without a wildcard or a slash at its end"
                )
    for side in ("origin", "destination"):
        found += _overlaps([getattr(space, side) for space in spaces])
    return found


def has_crossed(properties: Iterable[tuple[str, str]]) -> bool:
    """Return whether a message's user properties say that the bridge published it."""
    return any(name == CROSSED for name, _ in properties)


def is_within(spaces: Iterable[Space], topic: str) -> bool:
    """Return whether a topic is in one of the spaces, where it is said or where it goes."""
    return any(
        f"{topic}/".startswith(f"{name}/") for space in spaces for name in (space.origin, space.destination)
    )


def _is_closed(topic: str) -> bool:
    return topic.startswith("$") or topic.split("/", 1)[0] == MIRROR


def _overlaps(names: Sequence[str]) -> list[str]:
    return [
        f"{one} and {other}: a topic could be in both, and would cross twice"
        for number, one in enumerate(names)
        for other in names[number + 1 :]
        if f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
    ]
