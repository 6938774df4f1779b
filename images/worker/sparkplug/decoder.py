"""Reads Sparkplug B messages in their order: records, births to keep, and gaps to ask about."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from google.protobuf.message import DecodeError

from images.worker.sparkplug.births import Births, Heard
from images.worker.sparkplug.rebirth import Rebirths
from images.worker.sparkplug.record import Record, TooDeep, TooLarge
from images.worker.sparkplug.results import Counts, Decoded, Rebirth, Unreadable
from images.worker.sparkplug.schema import Payload

NOT_PROTOBUF: Final = "sparkplug_not_protobuf"
"""Reason: the payload is no message of Sparkplug B's form."""
NOTHING_KNOWN: Final = "sparkplug_nothing_known"
"""Reason: the payload has fields, and none that Sparkplug B knows."""
JSON_TOO_LARGE: Final = "sparkplug_json_too_large"
"""Reason: the record would be larger than it may be, by the names that a birth gives, say."""
NESTED_TOO_DEEP: Final = "sparkplug_nested_too_deep"
"""Reason: templates or property sets are nested deeper than `record.DEPTH`."""
# How many levels the topic of each kind of message has: namespace, group, kind, edge node, and a device's own.
_LEVELS: Final = {"NBIRTH": 4, "NDEATH": 4, "NDATA": 4, "DBIRTH": 5, "DDEATH": 5, "DDATA": 5}


class Decoder:
    """Decodes messages of one Sparkplug group; `decode` is called from one thread, `counts` and `births` from any.

    `largest` bounds a record's JSON, `memory` all known births (both in bytes). Where `host_id` is given, edge nodes
    are asked for their births, each at most once in `rebirth_seconds`. `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        *,
        largest: int,
        memory: int = 64 * 2**20,
        host_id: str | None = None,
        rebirth_seconds: float = 60.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.births = Births(memory)
        self._largest = largest
        self._rebirths = Rebirths(rebirth_seconds) if host_id else None
        self._clock = clock
        self._nameless = 0

    def decode(self, levels: Sequence[str], payload: bytes, *, again: bool = False) -> Decoded | Unreadable:
        """Decode a message by its topic's levels (`spBv1.0`, group, kind, edge node, device); raises nothing.

        `again` says that the broker sent it before (DUP): its `seq` is then no gap. A topic that is not of Sparkplug's
        form means no birth, death or data of anyone: the payload is decoded, and that is all.
        """
        try:
            message = Payload.FromString(payload)
        except DecodeError:
            return Unreadable(NOT_PROTOBUF)
        if payload and not message.ListFields():
            return Unreadable(NOTHING_KNOWN)
        now = self._clock()
        heard, rebirth = Heard(), None
        if len(levels) == _LEVELS.get(levels[2] if len(levels) > 2 else ""):
            _, group, kind, node, *rest = levels
            device = rest[0] if rest else None
            heard = self.births.hear(kind, node, device, message, payload, int(now * 1000), again=again)
            if heard.ask:
                rebirth = self._ask(group, node, now)
        record = Record(message, payload, heard.names, self._largest, heard.after_gap)
        try:
            written = record.json()
        except TooLarge:
            return Unreadable(JSON_TOO_LARGE, heard.kept, rebirth)
        except TooDeep:
            return Unreadable(NESTED_TOO_DEEP, heard.kept, rebirth)
        self._nameless += record.nameless
        return Decoded(written, heard.kept, rebirth)

    def counts(self) -> Counts:
        """Return the figures so far."""
        asked = self._rebirths.count if self._rebirths else 0
        return replace(self.births.counts(), nameless=self._nameless, rebirths=asked)

    def _ask(self, group: str, node: str, now: float) -> Rebirth | None:
        return self._rebirths.due(group, node, now) if self._rebirths else None
