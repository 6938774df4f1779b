"""Turns by hand what a site has in Kubernetes: every field that the kit states, of every kind, all of them at once.

Which values an API server takes only it knows: each turn is tried as a dry run, and all that it takes are written
together, as kubectl writes. What it refuses for every value tried is returned, so that a test can say why it stays.
"""

import copy
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.plugins.kubernetes.client import Client, Endpoint, RefusedError
from lab.plugins.kubernetes.kinds import ObjectKind
from lab.plugins.kubernetes.kubeconfig import access
from tests.support.other_values import other_values
from tests.support.shell import Shell
from tests.support.turns import Path, Turn, at, chosen, named

Named = tuple[str, str]
"""A kind and a field of it, with `*` for a place in a list."""

_ADDED = {"limits": "ephemeral-storage", "requests": "ephemeral-storage"}
_ADDED_ELSEWHERE = "turned-by-hand"
# As Pulumi's export marks what is secret.
_SECRET = "4dabf18193072939515e22adb298388d"
# Whose keys are data: a hand may take one away and add another.
_FREE = frozenset(
    {"annotations", "config", "data", "labels", "limits", "matchLabels", "requests", "selector", "stringData"}
)

# Kafka takes no partition back (docs/adr/0014): a hand asks for fewer, which no topic gets.
_LOWERED = {("KafkaTopic", "spec.partitions")}


@dataclass(frozen=True)
class Stated:
    """One object, and what the program says of it; `ignored` are fields that the program leaves to others."""

    kind: str
    namespace: str | None
    name: str
    inputs: Mapping[str, Any]
    ignored: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace or ''}/{self.name}"


def objects(shell: Shell, site: str) -> list[Stated]:
    """Return what the stack has in Kubernetes."""
    return [
        Stated(
            one["inputs"]["kind"],
            one["inputs"]["metadata"].get("namespace"),
            one["inputs"]["metadata"]["name"],
            one["inputs"],
            frozenset(one.get("ignoreChanges") or ()),
        )
        for one in shell.state(site)
        if one["type"].startswith("kubernetes:")
    ]


def administrator(shell: Shell) -> Client:
    """Return a client of the API server that may do everything."""
    return Client(access(shell.administration["KUBECONFIG"], None, None))


def read_objects(client: Client, found: Sequence[Stated]) -> dict[str, Any]:
    """Return what each object has now of what the kit states, and what a hand added to it."""
    return {str(one): stated(one.inputs, _live(client, one)[1]) for one in found}


def turn_objects(client: Client, found: Sequence[Stated], fixed: Callable[[Named], bool]) -> set[Named]:
    """Turn every field of each; return the fields that the API server did not let turn.

    What is `fixed` is tried at the first object of its kind that has it, so that it is seen to be refused there.
    """
    refused: set[Named] = set()
    for one in found:
        endpoint, live = _live(client, one)
        wanted = [
            turn
            for turn in turns(one, live)
            if (one.kind, named(turn.path)) not in refused or not fixed((one.kind, named(turn.path)))
        ]

        def agrees(
            edits: Sequence[tuple[Turn, int]],
            one: Stated = one,
            endpoint: Endpoint = endpoint,
            live: Mapping[str, Any] = live,
        ) -> bool:
            after = _patched(client, one, endpoint, edits, dry=True)
            return after is not None and all(at(after, turn.path) != at(live, turn.path) for turn, _ in edits)

        edits, stuck = chosen(wanted, agrees)
        assert edits, one
        assert _patched(client, one, endpoint, edits, dry=False), one
        refused |= {(one.kind, named(turn.path)) for turn in stuck}
    return refused


def stated(said: Any, live: Any) -> Any:
    """Return the part of a live object that the kit states, with what a hand added."""
    if isinstance(said, Mapping) and isinstance(live, Mapping) and _SECRET not in said:
        added = {name: live[name] for name in (*_ADDED.values(), _ADDED_ELSEWHERE) if name in live}
        return {name: stated(value, live.get(name)) for name, value in said.items()} | added
    if isinstance(said, list) and isinstance(live, list) and len(said) == len(live):
        return [stated(one, other) for one, other in zip(said, live, strict=True)]
    return live


def rendered(one: Stated, live: Mapping[str, Any]) -> Any:
    """Return what the program says of an object; what is secret as the object has it."""
    return _rendered(one.inputs, live)


def _rendered(said: Any, live: Any) -> Any:
    if isinstance(said, Mapping):
        return live if _SECRET in said else {name: _rendered(said[name], live.get(name)) for name in said}
    if isinstance(said, list) and isinstance(live, list) and len(said) == len(live):
        return [_rendered(one, other) for one, other in zip(said, live, strict=True)]
    return said


def turns(one: Stated, live: Mapping[str, Any]) -> Iterator[Turn]:
    """Yield an edit of each stated field: another value, or of a list or a map an entry less or more."""
    managed = [entry.get("fieldsV1") or {} for entry in live["metadata"].get("managedFields") or ()]
    now = stated(one.inputs, live)
    siblings = _texts(now)
    for turn in _turns((), now, managed):
        field = named(turn.path)
        if field in one.ignored:
            continue
        if (one.kind, field) in _LOWERED:
            if at(now, turn.path) > 1:
                yield replace(turn, values=(at(now, turn.path) - 1,))
        elif turn.operation == "replace" and isinstance(turn.values[0], str):
            yield replace(turn, values=(*turn.values, *sorted(siblings[field] - {at(now, turn.path)})))
        else:
            yield turn


def _texts(value: Any, path: Path = ()) -> dict[str, set[str]]:
    """Return the texts of each field, those of a list's entries together: a hand may give one that another has."""
    found = defaultdict[str, set[str]](set)
    if isinstance(value, str):
        found[named(path)].add(value)
    inside = (
        value.items() if isinstance(value, Mapping) else enumerate(value if isinstance(value, list) else ())
    )
    for step, inner in inside:
        for field, texts in _texts(inner, (*path, step)).items():
            found[field] |= texts
    return found


def _turns(path: Path, value: Any, managed: list[Any]) -> Iterator[Turn]:
    if isinstance(value, Mapping):
        yield from _turns_of_map(path, value, managed)
    elif isinstance(value, list):
        yield from _turns_of_list(path, value, managed)
    elif value is not None:
        yield Turn("replace", path, tuple(other_values(value)))


def _turns_of_map(path: Path, value: Mapping[str, Any], managed: list[Any]) -> Iterator[Turn]:
    free = bool(path) and path[-1] in _FREE and all(isinstance(inner, str) for inner in value.values())
    for number, (name, inner) in enumerate(value.items()):
        below = [tree[f"f:{name}"] for tree in managed if f"f:{name}" in tree]
        found = tuple(_turns((*path, name), inner, below))
        if free and number and number == len(value) - 1:
            yield Turn("remove", (*path, name), instead=found)
        else:
            yield from found
    if free and value:
        added = _ADDED.get(str(path[-1]), _ADDED_ELSEWHERE)
        yield Turn("add", (*path, added), ("turned", "1Gi", "dHVybmVk"))


def _turns_of_list(path: Path, value: list[Any], managed: list[Any]) -> Iterator[Turn]:
    keys = [json.loads(key[2:]) for tree in managed for key in tree if key.startswith("k:")]
    identifying = {name for key in keys for name in key}
    for place, inner in enumerate(value):
        below = [
            subtree
            for tree in managed
            for key, subtree in tree.items()
            if key.startswith("k:") and _matches(json.loads(key[2:]), inner)
        ]
        # What tells one entry of a list from another is no field of it: another value is another entry.
        found = tuple(
            turn
            for turn in _turns((*path, place), inner, below)
            if not (len(turn.path) == len(path) + 2 and turn.path[-1] in identifying)
        )
        if place and place == len(value) - 1:
            yield Turn("remove", (*path, place), instead=found)
        else:
            yield from found
    if len(value) == 1:
        yield Turn("add", (*path, 1), tuple(_others(value[0], identifying)))


def _others(entry: Any, identifying: set[str]) -> Iterator[Any]:
    """Yield other entries of a list; what tells entries apart differs."""
    if not isinstance(entry, Mapping):
        yield from other_values(entry)
        return
    if not identifying:
        yield copy.deepcopy(entry)
        return
    for name in sorted(identifying & entry.keys()):
        for other in other_values(entry[name]):
            yield {**copy.deepcopy(entry), name: other}


def _matches(key: Mapping[str, Any], entry: Any) -> bool:
    return isinstance(entry, Mapping) and all(entry.get(name) == value for name, value in key.items())


def _live(client: Client, one: Stated) -> tuple[Endpoint, dict[str, Any]]:
    endpoint = client.endpoint(ObjectKind(one.inputs["apiVersion"], one.kind))
    found = client.get(endpoint, one.namespace, one.name)
    assert found is not None, one
    return endpoint, found


def _patched(
    client: Client, one: Stated, endpoint: Endpoint, edits: Sequence[tuple[Turn, int]], *, dry: bool
) -> dict[str, Any] | None:
    query = {"fieldManager": "kubectl-edit"} | ({"dryRun": "All"} if dry else {})
    path = endpoint.path(one.namespace, one.name)
    patch = [turn.edit(number) for turn, number in edits]
    try:
        return client.request(
            "PATCH", path, query, patch, "application/json-patch+json", doing=f"turning {one}"
        )
    except RefusedError:
        return None
