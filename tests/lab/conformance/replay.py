"""Replays what the official plugins answered on the wire against a stand-in plugin, and tells every difference.

How a conformance test uses it::

    recording = load("vault")                                     # None without the reference folder
    with PluginProcess("vault") as plugin:
        replay = Replay(plugin, settings={"address": ..., "token": ...})
        replay.run(recording, before={"5-refresh": edit_by_hand}) # or offline: replay.run_offline(recording)
    assert unexplained(replay.differences, DEVIATIONS) == []

With servers, ids and outputs of the recording are exchanged for the ones this run got (`Replay.learn`); offline, Check
and Diff get the recorded requests as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tests.lab.conformance.plugin_process import PluginProcess
from tests.lab.conformance.recording import Exchange, Json, load

__all__ = ["Deviation", "Difference", "Exchange", "Json", "PluginProcess", "Replay", "load", "unexplained"]

MISSING = "(absent)"
SHOWN = 300
LEARNED_LENGTH = 6
SUBSTRING_LENGTH = 16
"""From this length on a learned value is also exchanged inside longer strings."""

ALIKE = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
        r"-----BEGIN [A-Z ]+-----.*",
        r"([0-9a-f]{2}[:-]){7,}[0-9a-f]{2}",
        r"pulumi-kubernetes-[0-9a-f]{8}",
        r"10\.\d+\.\d+\.\d+",
        r"[a-z_]+_[0-9a-f]{8}",
    )
)
"""Shapes of values that servers or chance make: two of one shape are equal, and the pair is learned."""


@dataclass(frozen=True)
class Difference:
    """One place where the stand-in answers otherwise."""

    file: str
    method: str
    urn: str
    path: str
    official: Json
    ours: Json

    def __str__(self) -> str:
        official, ours = (json.dumps(value, sort_keys=True)[:SHOWN] for value in (self.official, self.ours))
        return f"{self.file} {self.method} {self.urn} {self.path}: official {official} ours {ours}"


@dataclass(frozen=True)
class Deviation:
    """A difference that stays, with its reason; `methods`, `urn` and `path` are patterns of the whole text."""

    reason: str
    method: str = ".*"
    urn: str = ".*"
    path: str = ".*"
    file: str = ".*"

    def covers(self, difference: Difference) -> bool:
        """Whether `difference` is this one."""
        return all(
            re.fullmatch(pattern, text) is not None
            for pattern, text in (
                (self.method, difference.method),
                (self.urn, difference.urn),
                (self.path, difference.path),
                (self.file, difference.file),
            )
        )


def unexplained(differences: Sequence[Difference], deviations: Sequence[Deviation]) -> list[str]:
    """Differences that no deviation names, and deviations that nothing needs any more."""
    open_ones = [str(item) for item in differences if not any(known.covers(item) for known in deviations)]
    stale = [
        f"no longer needed: {known.reason}"
        for known in deviations
        if not any(known.covers(item) for item in differences)
    ]
    return open_ones + stale


@dataclass
class Replay:
    """One run of a recording against one plugin; `settings` replace the recorded provider's own."""

    plugin: PluginProcess
    settings: Mapping[str, Json] | None = None
    varying: Sequence[str] = ()
    """Patterns of paths (whole) whose values differ from run to run and are learned, not compared."""
    order: Mapping[str, Callable[[Json], str]] = field(default_factory=dict)
    """By pattern of a list's path: the key that its items are sorted by before they are compared."""
    differences: list[Difference] = field(default_factory=list)
    _learned: dict[str, str] = field(default_factory=dict)
    _made: dict[tuple[str, str], tuple[str, Json]] = field(default_factory=dict)

    def run_offline(
        self,
        recording: Sequence[Exchange],
        methods: Collection[str] = ("Configure", "CheckConfig", "Check", "Diff"),
    ) -> None:
        """Ask what needs no server, with the recorded requests as they are."""
        for exchange in recording:
            if exchange.method in methods:
                self._ask(exchange, self._with_settings(exchange, exchange.request))

    def run(self, recording: Sequence[Exchange], before: Mapping[str, Callable[[], None]]) -> None:
        """Ask everything in order; `before` names what to do before a file's first request."""
        reached: set[str] = set()
        for exchange in recording:
            if exchange.file not in reached:
                reached.add(exchange.file)
                before.get(exchange.file, lambda: None)()
            if exchange.method in ("Handshake", "Cancel"):
                continue
            request = self._with_settings(exchange, self._translated(exchange))
            answer = self._ask(exchange, request)
            if answer and exchange.response and _changes_state(exchange):
                self._remember(exchange, request, answer)

    def ours(self, recorded: str) -> str:
        """What this run has in the place of a recorded id, name or other text."""
        return self._exchange_text(recorded)

    def _with_settings(self, exchange: Exchange, request: Json) -> Json:
        if self.settings is None or exchange.method not in ("Configure", "CheckConfig", "DiffConfig"):
            return request
        name = {"Configure": "args"}.get(exchange.method, "news")
        changed = {**request, name: dict(self.settings)}
        if exchange.method == "DiffConfig":
            changed.update(oldInputs=dict(self.settings), olds=dict(self.settings))
        return changed

    def _ask(self, exchange: Exchange, request: Json) -> Json:
        answer, errors = self.plugin.ask(exchange.method, request)
        if exchange.method == "CheckConfig" and self.settings is not None:
            return answer
        if bool(errors) != bool(exchange.errors):
            self._differ(exchange, "errors", list(exchange.errors), list(errors))
        self._compare(exchange, "", exchange.response or {}, answer or {})
        return answer

    def _compare(self, exchange: Exchange, path: str, official: Json, ours: Json) -> None:
        if any(re.fullmatch(pattern, path) for pattern in self.varying):
            self._learn(official, ours)
        elif isinstance(official, dict) and isinstance(ours, dict):
            for key in sorted(official.keys() | ours.keys()):
                inner = f"{path}.{key}" if path else key
                self._compare(exchange, inner, official.get(key, MISSING), ours.get(key, MISSING))
        elif isinstance(official, list) and isinstance(ours, list) and len(official) == len(ours):
            pairs = zip(self._ordered(path, official), self._ordered(path, ours), strict=True)
            for place, (mine, theirs) in enumerate(pairs):
                self._compare(exchange, f"{path}[{place}]", mine, theirs)
        elif official != ours and self._exchange(official) != ours:
            if _alike(official, ours):
                self._learn(official, ours)
            else:
                self._differ(exchange, path, official, ours)

    def _ordered(self, path: str, items: list[Json]) -> list[Json]:
        for pattern, key in self.order.items():
            if re.fullmatch(pattern, path):
                return sorted(items, key=key)
        return items

    def _differ(self, exchange: Exchange, path: str, official: Json, ours: Json) -> None:
        self.differences.append(
            Difference(exchange.file, exchange.method, exchange.urn, path, official, ours)
        )

    def _learn(self, official: Json, ours: Json) -> None:
        """Short texts are not learned: they mean other things elsewhere."""
        if MISSING in (official, ours) or official == ours:
            return
        if isinstance(official, str) and isinstance(ours, str) and len(official) >= LEARNED_LENGTH:
            self._learned[official] = ours

    def _remember(self, exchange: Exchange, request: Json, answer: Json) -> None:
        recorded_id = exchange.response.get("id") or exchange.request.get("id", "")
        own_id = answer.get("id") or request.get("id", "")
        self._learn(recorded_id, own_id)
        key = (exchange.request["urn"], _canonical(exchange.response.get("properties", {})))
        self._made[key] = (own_id, answer.get("properties", {}))

    def _translated(self, exchange: Exchange) -> Json:
        """The request with the recorded state replaced by this run's own."""
        request = {
            key: self._exchange(value) for key, value in exchange.request.items() if key != "randomSeed"
        }
        if "randomSeed" in exchange.request:
            request["randomSeed"] = exchange.request["randomSeed"]
        name = {"Diff": "olds", "Update": "olds", "Delete": "properties", "Read": "properties"}.get(
            exchange.method
        )
        if name is None:
            return request
        key = (exchange.request["urn"], _canonical(exchange.request.get(name, {})))
        if key in self._made:
            own_id, outputs = self._made[key]
            request["id"], request[name] = own_id, outputs
        return request

    def _exchange(self, value: Json) -> Json:
        if isinstance(value, str):
            return self._exchange_text(value)
        if isinstance(value, list):
            return [self._exchange(item) for item in value]
        if isinstance(value, dict):
            return {key: self._exchange(item) for key, item in value.items()}
        return value

    def _exchange_text(self, text: str) -> str:
        if text in self._learned:
            return self._learned[text]
        for official, ours in self._learned.items():
            if len(official) >= SUBSTRING_LENGTH and official in text:
                text = text.replace(official, ours)
        return text


def _changes_state(exchange: Exchange) -> bool:
    return exchange.method in ("Create", "Read", "Update") and not exchange.request.get("preview")


def _alike(official: Json, ours: Json) -> bool:
    return (
        isinstance(official, str)
        and isinstance(ours, str)
        and any(shape.fullmatch(official) and shape.fullmatch(ours) for shape in ALIKE)
    )


def _canonical(value: Json) -> str:
    return json.dumps(value, sort_keys=True)
