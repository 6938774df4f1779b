"""Diff: which fields of an object change, and whether the change replaces it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lab.plugins.base import Diff, Difference, Kind
from lab.plugins.kubernetes import older
from lab.plugins.kubernetes.checking import is_autonamed
from lab.plugins.kubernetes.kinds import ObjectKind
from lab.plugins.values import UNKNOWN, Object, Value, plain

Path = tuple[str | int, ...]
_SIMPLE = re.compile(r"[A-Za-z_$][\w$]*")


def difference(request: Diff, kind: ObjectKind, *, mutable: frozenset[str]) -> Difference:
    """Compare old inputs with new ones, field by field."""
    old = plain(request.old_inputs) or plain(request.outputs.get("__inputs", {}))
    if older.stores_older(kind, old):
        old = older.compared(request.outputs, old)
    new = plain(request.news)
    fixed = kind.fixed_fields(mutable=mutable)
    paths: dict[str, Kind] = {}
    for path, change in changes(old, new):
        paths[written(path)] = change.replacing() if _touches(path, fixed) else change
    replaced = any(change.replaces for change in paths.values())
    return Difference(paths, delete_before_replace=replaced and _stands_in_its_own_way(old, new))


def changes(old: Value, new: Value, path: Path = ()) -> list[tuple[Path, Kind]]:
    """Every place where two values differ, with what happens to it."""
    if new is UNKNOWN:
        return [(path, Kind.UPDATE)]
    if isinstance(old, dict) and isinstance(new, dict):
        found: list[tuple[Path, Kind]] = []
        for key in sorted(old.keys() | new.keys()):
            if key not in new:
                found.append(((*path, key), Kind.DELETE))
            elif key not in old:
                found.append(((*path, key), Kind.ADD))
            else:
                found.extend(changes(old[key], new[key], (*path, key)))
        return found
    if isinstance(old, list) and isinstance(new, list):
        found = []
        for place in range(max(len(old), len(new))):
            if place >= len(new):
                found.append(((*path, place), Kind.DELETE))
            elif place >= len(old):
                found.append(((*path, place), Kind.ADD))
            else:
                found.extend(changes(old[place], new[place], (*path, place)))
        return found
    return [] if same(old, new) else [(path, Kind.UPDATE)]


def same(old: Value, new: Value) -> bool:
    """Equality that does not take true for 1."""
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def written(path: Path) -> str:
    """A path as the engine writes it: `spec.ports[0].port`, `metadata.labels["app.kubernetes.io/name"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _SIMPLE.fullmatch(step):
            text += f".{step}" if text else step
        else:
            escaped = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


def _touches(path: Path, fixed: Sequence[tuple[str, ...]]) -> bool:
    """Whether a change at `path` changes a fixed field: one below it, or all of what it lies in."""
    return any(path[: len(field)] == field[: len(path)] for field in fixed)


def _stands_in_its_own_way(old: Object, new: Object) -> bool:
    """Whether the new object would have the old one's name, so that the old one has to go first."""
    if is_autonamed(new):
        return False
    names = [
        (metadata.get("namespace"), metadata.get("name")) if isinstance(metadata, dict) else None
        for metadata in (old.get("metadata"), new.get("metadata"))
    ]
    return names[0] is not None and names[0] == names[1]
