"""What decoding a Sparkplug B message gives: a record's value, births to keep, a rebirth to ask for, and figures."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeptBirth:
    """A record of the compacted topic of births, to be written before its message is acknowledged.

    `key` is `node` or `node/device`; `value` is the birth's payload as it came, None for what ended (a tombstone).
    `received` (milliseconds since 1970, UTC) must be the record's timestamp: by it, who reads the topic knows which of
    two births is the later one. `headers` are the record's.
    """

    key: str
    value: bytes | None
    received: int
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Rebirth:
    """A command that asks an edge node for its births: publish `payload` to `topic` (QoS 0, not retained)."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message that could be read: `json` is the record's value (UTF-8 text)."""

    json: bytes
    births: tuple[KeptBirth, ...] = ()
    rebirth: Rebirth | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that cannot become a record of its own; `reason` is one of the few words of `decoder`.

    A birth whose JSON is too large is still a birth: `births` are to be kept all the same.
    """

    reason: str
    births: tuple[KeptBirth, ...] = ()
    rebirth: Rebirth | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Figures of a decoder: all but `births` and `bytes` count since the start.

    `sequence_gaps` are messages whose `seq` did not follow; `lost_births` nodes and devices that were found to speak
    without a known birth; `nameless` metrics that no known birth names; `rebirths` commands handed out; `given_up`
    nodes forgotten because memory was full; `births` nodes and devices that are known now, in `bytes` of memory.
    """

    sequence_gaps: int = 0
    lost_births: int = 0
    nameless: int = 0
    rebirths: int = 0
    given_up: int = 0
    births: int = 0
    bytes: int = 0
