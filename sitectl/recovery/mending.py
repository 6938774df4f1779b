"""Mends an exported state as data: puts in what servers have, takes out what they cannot have; asks no server."""

import copy
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sitectl.recovery.found import Found
from sitectl.recovery.wanted import Frame, Wanted

# By which Pulumi marks a secret, in a program's values and in the state.
_MARK, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
_OPERATION = "creating"


def resources(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the resources of an exported state, in its order."""
    found: list[dict[str, Any]] = (document.get("deployment") or {}).get("resources") or []
    return found


def pending(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the operations that were under way when the last deployment ended: `type` and `resource` each."""
    found: list[dict[str, Any]] = (document.get("deployment") or {}).get("pending_operations") or []
    return found


def live(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the resources that the state takes for there, by URN.

    One that is being replaced stands in it as a mark alone, and one that is to be deleted under its successor's URN.
    """
    return {
        entry["urn"]: entry
        for entry in resources(document)
        if not entry.get("delete") and not entry.get("pendingReplacement")
    }


def in_state(wanted: Wanted, entries: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return what the state has for a resource, also under a former type; None for nothing."""
    return next((entries[urn] for urn in (wanted.urn, *wanted.former) if urn in entries), None)


def mended(
    document: Mapping[str, Any],
    found: Sequence[tuple[Wanted, Found]],
    gone: Iterable[str],
) -> dict[str, Any]:
    """Return the state with what was found, without the URNs that are gone, and with no operation pending.

    `found` is in the order of what needs what. Components and providers that the state lacks come with what is in them.
    """
    result: dict[str, Any] = copy.deepcopy(dict(document))
    deployment = result["deployment"]
    lost = set(gone)
    entries = [entry for entry in resources(result) if entry["urn"] not in lost]
    started = {
        operation["resource"]["urn"]: operation["resource"]
        for operation in pending(result)
        if operation["type"] == _OPERATION
    }
    for wanted, there in found:
        known = {entry["urn"] for entry in entries}
        entries += [_framed(frame) for frame in wanted.frames if frame.urn not in known]
        ids = {entry["urn"]: entry.get("id", "") for entry in entries}
        entries = _with(entries, _entry(wanted, there, started.get(wanted.urn), ids))
    deployment["resources"] = _without_loose_ends(entries)
    deployment.pop("pending_operations", None)
    return result


def _framed(frame: Frame) -> dict[str, Any]:
    """Return a stack, component or provider as the engine would have written it, but for outputs: `up` writes them."""
    entry: dict[str, Any] = {"urn": frame.urn, "custom": frame.inputs is not None, "type": frame.type}
    if frame.parent:
        entry["parent"] = frame.parent
    if frame.inputs is not None:
        entry |= {"id": str(uuid.uuid4()), "inputs": dict(frame.inputs), "outputs": dict(frame.inputs)}
    return entry


def _entry(
    wanted: Wanted, there: Found, started: Mapping[str, Any] | None, ids: Mapping[str, str]
) -> dict[str, Any]:
    """Return a resource as the engine would have written it; what a server answers comes by the next refresh."""
    given: dict[str, Any] = dict(started["inputs"]) if started else _kept(wanted.inputs)
    # Placeholders of a program that runs without servers.
    given |= {key: value for key, value in there.outputs.items() if key in given}
    entry: dict[str, Any] = dict(started) if started else {}
    return entry | {
        "urn": wanted.urn,
        "custom": True,
        "id": there.id,
        "type": wanted.made.type,
        "inputs": given,
        "outputs": {**given, **there.outputs},
        "parent": wanted.parent,
        "provider": f"{wanted.provider}::{ids[wanted.provider]}",
        "dependencies": entry.get("dependencies", list(wanted.depends_on)),
        "protect": wanted.made.protect,
        "retainOnDelete": wanted.made.retained,
    }


def _with(entries: list[dict[str, Any]], entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Put an entry in the place of its mark, or at the end; a predecessor is to be deleted by the next `up`."""
    result = []
    placed = False
    for old in entries:
        if old["urn"] != entry["urn"] or old.get("delete"):
            result.append(old)
        elif old.get("pendingReplacement"):
            result.append(entry)
            placed = True
        else:
            result.append({**old, "delete": True})
    result = result if placed else [*result, entry]
    # What was to go and is wanted again, as an edit taken back wants it, must not go at the end of the next `up`.
    return [
        old
        for old in result
        if not (old.get("delete") and (old["urn"], old.get("id")) == (entry["urn"], entry["id"]))
    ]


def _without_loose_ends(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take out of each entry what names something that is not before it, and what belonged to what is gone."""
    before: set[str] = set()
    result = []
    for entry in entries:
        if entry.get("parent") and entry["parent"] not in before:
            continue
        cleaned = dict(entry)
        if "dependencies" in entry:
            cleaned["dependencies"] = [urn for urn in entry["dependencies"] or () if urn in before]
        if "propertyDependencies" in entry:
            cleaned["propertyDependencies"] = {
                name: [urn for urn in urns or () if urn in before]
                for name, urns in (entry["propertyDependencies"] or {}).items()
            }
        if entry.get("deletedWith") and entry["deletedWith"] not in before:
            cleaned.pop("deletedWith")
        before.add(entry["urn"])
        result.append(cleaned)
    return result


def _kept(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _stored(inner) for key, inner in value.items() if inner is not None}


def _stored(value: Any) -> Any:
    """Return a program's value as the state holds it: a secret is text that Pulumi encrypts when it reads it."""
    if isinstance(value, Mapping):
        if value.get(_MARK) == _SECRET:
            return {_MARK: _SECRET, "plaintext": json.dumps(_stored(value["value"]))}
        return _kept(value)
    if isinstance(value, list | tuple):
        return [_stored(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
