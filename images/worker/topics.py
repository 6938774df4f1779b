"""Where a message goes: which Kafka topic has it, under which key, or why it is a dead letter. Pure.

Each message goes one way. What devices are told (commands) is no data: the worker takes it and writes nothing.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from images.worker.json_text import is_json
from images.worker.settings import Topics

RAW, SPARKPLUG, EVENTS, DEAD_LETTER = "raw", "sparkplug", "events", "dead-letter"
OT, AUDIT, METRICS = "ot", "audit", "metrics"

# Kinds of Sparkplug B 3.0 messages: what a node or device says, and what it is told.
BIRTHS_AND_DEATHS = frozenset({"NBIRTH", "NDEATH", "DBIRTH", "DDEATH"})
SPOKEN = BIRTHS_AND_DEATHS | {"NDATA", "DDATA"}
TOLD = frozenset({"NCMD", "DCMD"})
NAMESPACE = "spBv1.0"

# Reasons: header `reason` of a dead letter, and a label of the figures.
NOT_JSON = "not_json"
EMPTY_LEVEL = "empty_level"
NOT_SPARKPLUG = "not_sparkplug"
NOT_A_NUMBER = "not_a_number"
NOT_A_STATE = "not_a_state"
HELD_BACK = "held_back"
UNKNOWN_TOPIC = "unknown_topic"

COMMAND = "command"
"""Reason for which a message is taken and not written."""
_EVENT = "event"
_DELAYED = "$delayed/"
_STATES = f"{NAMESPACE}/STATE/"
_STATES_2_2 = "STATE/"
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LARGEST_READ_FOR_KEY = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Routed:
    """Where one message goes.

    `topic` is the Kafka topic by the site file's name, None for what is taken and not written. `device` is the device
    that published, or the edge node; `space` what its topic begins with. `value` replaces the payload where the topic's
    records are JSON and the payload is not.
    """

    topic: str | None
    key: str | None = None
    device: str | None = None
    space: str | None = None
    reason: str | None = None
    value: bytes | None = None
    levels: tuple[str, ...] = ()
    """The levels of a Sparkplug topic, for the decoder."""


def filters(topics: Topics) -> tuple[str, ...]:
    """Return the topic filters of what is the worker's."""
    found: list[str] = [f"{space}/+/#" for space in topics.spaces]
    if topics.ot:
        found.append(f"{topics.ot}/+/#")
    if topics.sparkplug_group:
        found += [f"{NAMESPACE}/{topics.sparkplug_group}/+/+/#", f"{_STATES}+"]
    if topics.states_2_2:
        found.append(f"{_STATES_2_2}+")
    if topics.spaces:
        # EMQX acknowledges what is published to `$delayed/SECONDS/TOPIC`, and holds nothing back with `delayed` off.
        found.append(f"{_DELAYED}#")
    if topics.audit:
        found.append(f"{topics.audit}/#")
    if topics.figures:
        found += [f"{topics.figures}/+/stats/#", f"{topics.figures}/+/metrics/#"]
    return tuple(found)


def route(topic: str, payload: bytes, topics: Topics, received: str = "") -> Routed:
    """Return where a message goes; `received` is its arrival (ISO 8601), for values that are made of it."""
    for begins, decide in _ways(topics):
        if topic.startswith(begins):
            return decide(topic, payload, received)
    return Routed(DEAD_LETTER, reason=UNKNOWN_TOPIC)


_Decide = Callable[[str, bytes, str], Routed]


@functools.lru_cache(maxsize=8)
def _ways(topics: Topics) -> tuple[tuple[str, _Decide], ...]:
    """Return who decides about topics by their beginning, the longest first."""
    ways: dict[str, _Decide] = {}
    for space in topics.spaces:
        ways[f"{space}/"] = functools.partial(_telemetry, space)
    if topics.ot:
        ways[f"{topics.ot}/"] = functools.partial(_ot, topics.ot)
    if topics.sparkplug_group:
        group = f"{NAMESPACE}/{topics.sparkplug_group}"
        ways[f"{group}/"] = functools.partial(_sparkplug, group)
        ways[_STATES] = _state
    if topics.states_2_2:
        ways[_STATES_2_2] = _state_2_2
    if topics.audit:
        ways[f"{topics.audit}/"] = _audit
    if topics.figures:
        ways[f"{topics.figures}/"] = functools.partial(_figure, topics.figures)
    ways[_DELAYED] = _held_back
    return tuple(sorted(ways.items(), key=lambda way: -len(way[0])))


def _telemetry(space: str, topic: str, payload: bytes, _: str) -> Routed:
    levels = topic[len(space) + 1 :].split("/")
    device, kind = levels[0] or None, levels[1] if len(levels) > 1 else ""
    if kind == COMMAND:
        return Routed(None, device, device, space, COMMAND)
    return _json(EVENTS if kind == _EVENT else RAW, levels, payload, device, space)


def _ot(space: str, topic: str, payload: bytes, _: str) -> Routed:
    levels = topic[len(space) + 1 :].split("/")
    return _json(OT, levels, payload, levels[0] or None, space)


def _json(topic: str, levels: list[str], payload: bytes, device: str | None, space: str | None) -> Routed:
    reason = EMPTY_LEVEL if "" in levels else None if is_json(payload) else NOT_JSON
    return Routed(topic if reason is None else DEAD_LETTER, device, device, space, reason)


def _sparkplug(space: str, topic: str, _payload: bytes, _: str) -> Routed:
    levels = tuple(topic.split("/"))
    kind, node = levels[2], levels[3] or None if len(levels) > 3 else None
    device = "/".join(levels[3:5]) if len(levels) > 4 else node
    if kind in TOLD:
        return Routed(None, node, device, space, COMMAND)
    if "" in levels:
        return Routed(DEAD_LETTER, node, node, space, EMPTY_LEVEL)
    if kind not in SPOKEN or node is None:
        return Routed(DEAD_LETTER, node, node, space, NOT_SPARKPLUG)
    return Routed(SPARKPLUG, node, device, space, levels=levels)


def birth_event(levels: tuple[str, ...], topic: str, received: str) -> bytes:
    """Return the record of `events` that says that a node or device came or went."""
    return _compact({"node": levels[3], "event": levels[2], "topic": topic, "received": received})


def _state(topic: str, payload: bytes, _: str) -> Routed:
    host = topic[len(_STATES) :]
    return _json(EVENTS, host.split("/"), payload, host or None, None)


def _state_2_2(topic: str, payload: bytes, received: str) -> Routed:
    host = topic[len(_STATES_2_2) :]
    if not host or "" in host.split("/"):
        return Routed(DEAD_LETTER, host or None, host or None, None, EMPTY_LEVEL)
    if payload not in (b"ONLINE", b"OFFLINE"):
        return Routed(DEAD_LETTER, host, host, None, NOT_A_STATE)
    value = {"state": payload.decode(), "host": host, "topic": topic, "received": received}
    return Routed(EVENTS, host, host, value=_compact(value))


def _audit(_topic: str, payload: bytes, _: str) -> Routed:
    if not is_json(payload):
        return Routed(DEAD_LETTER, reason=NOT_JSON)
    return Routed(AUDIT, _client(payload))


def _client(payload: bytes) -> str | None:
    """Return the client that an audit record is of: all records of a client come in order."""
    if len(payload) > _LARGEST_READ_FOR_KEY:
        return None
    try:
        entry = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    client = entry.get("client") if isinstance(entry, dict) else None
    return client if isinstance(client, str) and client else None


def _figure(space: str, topic: str, payload: bytes, _: str) -> Routed:
    key = topic[len(space) + 1 :] or None
    if _NUMBER.fullmatch(payload) is None:
        return Routed(DEAD_LETTER, key, reason=NOT_A_NUMBER)
    return Routed(METRICS, key)


def _held_back(_topic: str, _payload: bytes, _: str) -> Routed:
    return Routed(DEAD_LETTER, reason=HELD_BACK)


def _compact(value: Mapping[str, str]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


REASONS: Final = (
    NOT_JSON,
    EMPTY_LEVEL,
    NOT_SPARKPLUG,
    NOT_A_NUMBER,
    NOT_A_STATE,
    HELD_BACK,
    UNKNOWN_TOPIC,
)
"""Every reason for which a message's topic or payload makes it a dead letter."""
