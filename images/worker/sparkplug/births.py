"""Which births are known of each edge node and device, and whether a node's messages follow each other.

All of a node's messages come through one worker in their order, but births come from other workers too (over the
compacted topic), in which a node may have spoken before. Memory is bounded: the node that was silent for longest is
forgotten first.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.message import DecodeError

from images.worker.sparkplug.names import NONE, Names, names, session
from images.worker.sparkplug.results import Counts, KeptBirth
from images.worker.sparkplug.schema import Payload

SEQUENCE: Final = 256
HEADER: Final = "bdseq"
"""Header of a kept record: the node's session (`bdSeq` in digits), which a tombstone ends and no other."""
SHARE: Final = 8
"""Part of the memory (one in so many) that a node may have when others want it: it must not push them all out."""
_DIGITS: Final = 20
# Bytes of memory of a node or a device beside its name and its birth's names, and of a letter, rounded up.
_ENTRY: Final = 1000
_WIDEST: Final = 4


@dataclass(slots=True)
class _Device:
    room: int
    names: Names | None = None
    received: int = 0
    lost: bool = False
    payload: int = 0


@dataclass(slots=True)
class _Node(_Device):
    session: int | None = None
    sequence: int | None = None
    after_gap: bool = False
    devices: dict[str, _Device] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message means: the names for its metrics, births to keep, and whether its node should be born again."""

    names: Names = NONE
    kept: tuple[KeptBirth, ...] = ()
    ask: bool = False
    after_gap: bool = False


class Births:
    """The births of one Sparkplug group, in at most `memory` bytes; all methods may be called from any thread."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._lock = threading.Lock()
        self._nodes: OrderedDict[str, _Node] = OrderedDict()
        self._bytes = 0
        self._gaps = self._lost = self._given_up = 0

    def hear(
        self, kind: str, node: str, device: str | None, message: Any, payload: bytes, now: int, *, again: bool
    ) -> Heard:
        """Take a message of a node in; `now` are milliseconds since 1970.

        A message that came `again` is no gap, and a birth that came again is the one that is known.
        """
        with self._lock:
            if kind == "NDEATH":
                return self._died(node, session(message), now)
            known = self._nodes.get(node)
            if kind == "NBIRTH":
                return self._born(node, known, message, payload, now, again=again)
            if known is None:
                known = self._nodes[node] = _Node(_room(node))
                self._bytes += known.room
            self._nodes.move_to_end(node)
            gap = self._gap(known, message, again=again)
            lost = self._is_lost(known)
            if device is not None and kind == "DBIRTH":
                heard = self._device_born(node, known, device, message, payload, now)
            elif device is not None and kind == "DDEATH":
                heard = self._device_died(node, known, device, now)
            elif device is not None:
                spoke = self._device(known, device)
                lost = self._is_lost(spoke) or lost
                heard = Heard(spoke.names or NONE)
            else:
                heard = Heard(known.names or NONE)
            after_gap = known.after_gap and kind in ("NDATA", "DDATA") and heard.names is not NONE
            self._forget(node)
            return Heard(heard.names, heard.kept, gap or lost, after_gap)

    def load(self, records: Iterable[KeptBirth]) -> None:
        """Take in what the compacted topic has; what is older than what is known here changes nothing.

        A birth that cannot be read is passed over.
        """
        for record in records:
            node, _, device = record.key.partition("/")
            message = None
            if record.value is not None:
                try:
                    message = Payload.FromString(record.value)
                except DecodeError:
                    continue
            with self._lock:
                if device:
                    self._load_device(node, device, record, message)
                else:
                    self._load_node(node, record, message)
                self._forget(node)

    def counts(self) -> Counts:
        """Return the figures of births and sequences."""
        with self._lock:
            return Counts(
                sequence_gaps=self._gaps,
                lost_births=self._lost,
                given_up=self._given_up,
                births=sum(each.names is not None for node in self._nodes.values() for each in _all(node)),
                bytes=self._bytes,
            )

    def _born(
        self, node: str, known: _Node | None, message: Any, payload: bytes, now: int, *, again: bool
    ) -> Heard:
        which = hash(payload)
        if again and known is not None and known.names is not None and known.payload == which:
            return Heard(known.names, (_kept(node, payload, known.received, known.session),))
        # Devices are to be born again after their node: their aliases may be others now.
        at = _stamp(now, *_all(known)) if known else now
        self._drop(node)
        born = _Node(_room(node), names(message), at, payload=which, session=session(message))
        born.sequence = _sequence(message)
        self._nodes[node] = born
        self._bytes += _size(born)
        self._forget(node)
        return Heard(born.names or NONE, (_kept(node, payload, at, born.session),))

    def _died(self, node: str, ended: int | None, now: int) -> Heard:
        """End a node's births, if it is their session's death: a broker may tell an old one after the next birth."""
        known = self._nodes.get(node)
        if known is None or ended is None or known.session != ended:
            return Heard(known.names or NONE if known else NONE)
        keys = (node, *(f"{node}/{device}" for device, one in known.devices.items() if one.names is not None))
        at = _stamp(now, *_all(known))
        self._drop(node)
        return Heard(known.names or NONE, tuple(_kept(key, None, at, ended) for key in keys))

    def _device_born(
        self, node: str, known: _Node, device: str, message: Any, payload: bytes, now: int
    ) -> Heard:
        spoke = self._device(known, device)
        self._rename(spoke, names(message), _stamp(now, known, spoke))
        kept = _kept(f"{node}/{device}", payload, spoke.received, known.session)
        return Heard(spoke.names or NONE, (kept,))

    def _device_died(self, node: str, known: _Node, device: str, now: int) -> Heard:
        spoke = known.devices.pop(device, None)
        if spoke is not None:
            self._bytes -= _size(spoke)
        at = _stamp(now, known, spoke) if spoke else now
        kept = (_kept(f"{node}/{device}", None, at, known.session),)
        return Heard(spoke.names or NONE if spoke else NONE, kept)

    def _gap(self, known: _Node, message: Any, *, again: bool) -> bool:
        """Take a message's number in; return whether another one was missed before it."""
        number, before = _sequence(message), known.sequence
        if number is None:
            return False
        follows = before is None or number == (before + 1) % SEQUENCE
        if not follows and (again or number == before):
            return False
        known.sequence = number
        if follows:
            return False
        self._gaps += 1
        known.after_gap = True
        return True

    def _is_lost(self, known: _Device) -> bool:
        """Return whether its birth is unknown; that counts once, until there is one."""
        if known.names is not None:
            return False
        self._lost += not known.lost
        known.lost = True
        return True

    def _load_node(self, node: str, record: KeptBirth, message: Any) -> None:
        known = self._nodes.get(node)
        if known is not None and known.received >= record.received:
            return
        which = hash(record.value)
        if known is not None and known.names is not None and known.payload == which:
            return
        if message is None:
            if known is not None and _session_of(record) == known.session:
                self._drop(node)
            return
        self._drop(node)
        loaded = _Node(_room(node), names(message), record.received, payload=which, session=session(message))
        if known is not None:
            since = {name: one for name, one in known.devices.items() if one.received >= record.received}
            loaded.devices = since
        if known is not None and known.names is None:
            loaded.sequence = known.sequence  # it speaks here already
        self._nodes[node] = loaded
        self._bytes += _taken(loaded)

    def _load_device(self, node: str, device: str, record: KeptBirth, message: Any) -> None:
        known = self._nodes.get(node)
        if known is None:
            if message is None:
                return
            known = self._nodes[node] = _Node(_room(node))
            self._bytes += known.room
        spoke = known.devices.get(device)
        if record.received < known.received or (spoke is not None and spoke.received >= record.received):
            return
        if message is not None:
            self._rename(self._device(known, device), names(message), record.received)
        elif spoke is not None:
            del known.devices[device]
            self._bytes -= _size(spoke)

    def _device(self, known: _Node, device: str) -> _Device:
        spoke = known.devices.get(device)
        if spoke is None:
            spoke = known.devices[device] = _Device(_room(device))
            self._bytes += spoke.room
        return spoke

    def _rename(self, spoke: _Device, by: Names, received: int) -> None:
        self._bytes += by.bytes - (spoke.names.bytes if spoke.names is not None else 0)
        spoke.names, spoke.received = by, received

    def _drop(self, node: str) -> None:
        known = self._nodes.pop(node, None)
        if known is not None:
            self._bytes -= _taken(known)

    def _forget(self, speaking: str) -> None:
        """Keep the bound: forget the node that speaks if it has more than its share, else who was silent longest."""
        while self._bytes > self._memory and self._nodes:
            known = self._nodes.get(speaking)
            greedy = known is not None and _taken(known) > self._memory // SHARE
            self._drop(speaking if greedy else next(iter(self._nodes)))
            self._given_up += 1


def _all(node: _Node) -> Iterator[_Device]:
    yield node
    yield from node.devices.values()


def _taken(node: _Node) -> int:
    return sum(map(_size, _all(node)))


def _size(known: _Device) -> int:
    return known.room + (known.names.bytes if known.names is not None else 0)


def _room(name: str) -> int:
    """Return the bytes of memory of a node or a device beside its birth's names."""
    return _ENTRY + _WIDEST * len(name)


def _stamp(now: int, *before: _Device) -> int:
    """Return when a birth or death is said to be received: later than what it follows, whatever the clock does."""
    return max(now, *(one.received + 1 for one in before))


def _sequence(message: Any) -> int | None:
    return int(message.seq) if message.HasField("seq") else None


def _kept(key: str, value: bytes | None, received: int, of: int | None) -> KeptBirth:
    return KeptBirth(key, value, received, () if of is None else ((HEADER, str(of).encode()),))


def _session_of(record: KeptBirth) -> int | None:
    said = dict(record.headers).get(HEADER, b"")
    return int(said) if said.isdigit() and len(said) <= _DIGITS else None
