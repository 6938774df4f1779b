"""Messages as few expect them: every kind of payload and topic that a broker may let through, by a seed.

Each knows where it must arrive, because it was made so: nothing here judges a payload by reading it.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.support import sparkplug_payloads
from tests.support.odd_json import GOOD, LARGE, NO_JSON, nested

RAW, EVENTS, SPARKPLUG, DEAD_LETTER = "raw", "events", "sparkplug", "dead-letter"
NOWHERE = ""
"""What devices are told is no data."""
_LARGE_EACH = 1000
"""One message in so many has a megabyte."""
_RETAINED = 1000
"""Bytes of a payload up to which it may be retained: the broker keeps it in memory."""


@dataclass(frozen=True)
class Message:
    """What is published, and the Kafka topic that it must arrive in, by the name that the site file gives it."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    place: str = RAW
    key: str | None = None
    """The record's key, where the topic names a device or node and has no empty level."""
    beside: tuple[str, ...] = ()
    """Kafka topics that it is in besides: births and deaths."""


def messages(
    seed: int, count: int, spaces: Sequence[str], group: str, *, decoded: bool = False
) -> Iterator[Message]:
    """Give so many messages, no topic twice, and the same ones for the same seed.

    `spaces` are what topics of telemetry begin with, `group` is Sparkplug's. Where Sparkplug is `decoded`, what is none
    is a dead letter.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret: a seed makes the same messages again
    for number in range(count):
        if chance.random() < 0.25:
            yield _of_sparkplug(chance, number, group, decoded=decoded)
        else:
            yield _of_telemetry(chance, number, chance.choice(spaces))


def _of_telemetry(chance: random.Random, number: int, space: str) -> Message:
    is_json, payload = _payload(chance, number)
    device = chance.choice(_DEVICES).format(number=number)
    levels = [chance.choice(_LEVELS) for _ in range(chance.randrange(4))] + [f"n{number}"]
    if chance.random() < 0.1:
        levels.insert(chance.randrange(len(levels)), "")
    levels[0:0] = chance.choice(_KINDS)
    topic = "/".join((space, device, *levels))
    whole = "" not in (device, *levels)
    if levels[0] == "command":
        place = NOWHERE
    elif not whole or not is_json:
        place = DEAD_LETTER
    else:
        place = EVENTS if levels[0] == "event" else RAW
    retain = len(payload) <= _RETAINED and chance.random() < 0.05
    return Message(topic, payload, chance.choice((1, 1, 2)), retain, place, device if whole else None)


def _of_sparkplug(chance: random.Random, number: int, group: str, *, decoded: bool) -> Message:
    node = f"node-{number}"
    kind = chance.choice((*sparkplug_payloads.KINDS, "NDATA", "DDATA", "NCMD", "NODATA", "ndata", "NDATA\n"))
    broken, payload = sparkplug_payloads.payload(chance)
    levels = [kind, node]
    if kind.startswith("D"):
        levels.append(chance.choice(("device", "ü", "a b")))
    if chance.random() < 0.1:
        levels.insert(chance.randrange(1, len(levels) + 1), "")
    whole = "" not in levels
    beside: tuple[str, ...] = ()
    if kind == "NCMD":
        place = NOWHERE
    elif not whole or kind not in sparkplug_payloads.KINDS or (decoded and broken):
        place = DEAD_LETTER
    else:
        place = SPARKPLUG
    if whole and kind in sparkplug_payloads.BIRTHS_AND_DEATHS:
        # That a node came or went is known, also where nobody can read what it says.
        beside = (EVENTS,)
    topic = "/".join(("spBv1.0", group, *levels))
    return Message(topic, payload, chance.choice((1, 2)), False, place, node if whole else None, beside)


_KINDS: tuple[list[str], ...] = ([], [], [], ["event"], ["command"], ["eventful"], ["Event"], ["event\n"])
_DEVICES = (
    "pump-{number}",
    "pump-{number}",
    "ünïcode-{number}",
    "泵-{number}",
    "pump {number}",
    "pump-{number}\n",
    "\u202epump-{number}",
    "😀{number}",
    'q"{number}',
    "\\{number}",
    "${{topic}}{number}",
    "%00{number}",
    "{number}" + "x" * 200,
    "e\u0301{number}",
    "",
)
_LEVELS = (
    "flow",
    "a b",
    "line\nfeed",
    "x\n",
    "é",
    "$SYS",
    "$share",
    "..",
    "~",
    "event",
    "command",
    "\u2028",
    "\t",
)


def _payload(chance: random.Random, number: int) -> tuple[bool, bytes]:
    """Return whether a payload is JSON, and the payload."""
    if number % _LARGE_EACH == _LARGE_EACH // 2:
        return chance.choice(LARGE)()
    makers: tuple[Callable[[random.Random], tuple[bool, bytes]], ...] = (
        lambda chance: (True, chance.choice(GOOD)),
        lambda chance: (False, chance.choice(NO_JSON)),
        lambda chance: (True, nested(chance)),
        lambda chance: (False, _noise(chance)),
    )
    return chance.choice(makers)(chance)


def _noise(chance: random.Random) -> bytes:
    """Bytes that are no UTF-8, whatever follows the first."""
    return chance.choice((b"\x80", b"\xff", b"\xc0")) + chance.randbytes(chance.randrange(300))
