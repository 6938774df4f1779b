"""The bridge to the broker that is replaced: which topics cross it, how they are called on either side, and no echo.

Pure functions beside the expressions of EMQX's rule SQL that do the same in the broker.
"""

from dataclasses import dataclass

from model.ingest import spaces
from model.site import Site

CROSSED = "iot-broker-crossed"
"""MQTT 5 user property of each message that this site's broker sent to the incumbent; what has it never comes back."""
INWARD_RULE = "incumbent_in"
"""What names of rules that bring messages in begin with; for EMQX it is the client id of what such a rule publishes."""
COMMANDS = ("command", "NCMD", "DCMD")
"""Levels that make a topic a command: the kit's own, and Sparkplug's to a node and to a device.

A client of one broker does not move devices at the other, unless the site says so of a space.
"""
_COMMAND_LEVELS = frozenset(COMMANDS)
# Without a backslash, and without `$`, which also matches before a line feed: every level has a slash on either side.
_NO_COMMAND = f"regex_match(concat(concat('/', topic), '/'), '/({'|'.join(COMMANDS)})/') = false"
MIRROR = "ot"
"""First level of the OT mirror's topics: nothing crosses the bridge there, in either direction."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One space of topics: how topics in it begin at the incumbent, and how here."""

    theirs: str
    ours: str
    commands: bool = False
    """Whether what is said to devices crosses, too."""

    def inward(self, topic: str) -> str | None:
        """Return what a topic of the incumbent's is called here; None for one that does not cross."""
        return _moved(topic, self.theirs, self.ours) if self._crosses(topic) else None

    def outward(self, topic: str) -> str | None:
        """Return what a topic of ours is called at the incumbent; None for one that does not cross."""
        return _moved(topic, self.ours, self.theirs) if self._crosses(topic) else None

    def _crosses(self, topic: str) -> bool:
        return self.commands or not _COMMAND_LEVELS.intersection(topic.split("/"))

    @property
    def condition_sql(self) -> str | None:
        """The condition of EMQX's rule that keeps commands from crossing, in either direction; None where they may."""
        return None if self.commands else _NO_COMMAND

    @property
    def inward_sql(self) -> str:
        """The expression that does as `inward`."""
        return _moving(self.theirs, self.ours)

    @property
    def outward_sql(self) -> str:
        """The expression that does as `outward`."""
        return _moving(self.ours, self.theirs)


NOT_CROSSED_BEFORE = f"is_null(map_get('{CROSSED}', map_get('User-Property', pub_props, map_new())))"
"""Condition of what comes in: this site's broker did not send it."""
_CLIENT = "CASE WHEN is_null(clientid) THEN '' ELSE clientid END"
NOT_BROUGHT_IN = f"regex_match({_CLIENT}, '^{INWARD_RULE}') = false"
"""Condition of what goes out: it did not come in over the bridge."""


def marked(site: Site) -> str:
    """Return the expression of a message's properties with the mark that it was sent to the incumbent.

    A message that is published always has the map of user properties for EMQX's rules, if only an empty one.
    """
    return f"map_put('User-Property.{CROSSED}', '{site.name}', pub_props)"


def crossings(site: Site) -> tuple[Crossing, ...]:
    """Return what crosses: the site's own choice, else the spaces of devices and edge nodes under the same names."""
    if site.incumbent.topics:
        return tuple(Crossing(entry.theirs, entry.ours, entry.commands) for entry in site.incumbent.topics)
    own = [space for space in spaces(site) if space.split("/")[0] != MIRROR]
    return tuple(Crossing(space, space) for space in (*own, f"spBv1.0/{site.name}"))


def overlapping(one: str, other: str) -> bool:
    """Return whether a topic can be in both spaces."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _moved(topic: str, origin: str, destination: str) -> str | None:
    return destination + topic[len(origin) :] if f"{topic}/".startswith(f"{origin}/") else None


def _moving(origin: str, destination: str) -> str:
    if origin == destination:
        return "topic"
    return f"concat('{destination}', substr(topic, {len(origin)}))"
