"""Compares a bridged resource's state with new inputs, path by path, as the official plugins do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lab.plugins import base
from lab.plugins.base import Kind
from lab.plugins.bridged_schema import DEFAULTS, Property, ResourceType, Shape
from lab.plugins.values import UNKNOWN, Object, Value, plain

_PLAIN_KEY = re.compile(r"^[A-Za-z_$][A-Za-z0-9_$]*$")


def difference(described: ResourceType, request: base.Diff) -> base.Difference:
    """What changes when the resource whose outputs are `request.outputs` gets the inputs `request.news`."""
    old, new = plain(request.outputs), plain(request.news)
    changes = dict(_changes(described.inputs, old, new, "", False))
    paths = {path: kind for path, kind in changes.items() if not _ignored(path, request.ignore_changes)}
    tops = list(dict.fromkeys(_top(path) for path in sorted(paths)))
    replaces = [
        top for top in tops if any(_top(path) == top and kind.replaces for path, kind in paths.items())
    ]
    return base.Difference(
        paths=paths,
        diffs=tops,
        replaces=replaces,
        stables=described.stables,
        delete_before_replace=bool(replaces)
        and (described.delete_before_replace or _keeps_its_given_name(described, old, new)),
    )


def _changes(
    properties: Iterable[Property],
    old: Mapping[str, Value],
    new: Mapping[str, Value],
    above: str,
    replaces: bool,
) -> Iterator[tuple[str, Kind]]:
    for item in properties:
        if item.output_only:
            continue
        wanted = new.get(item.name)
        if wanted is None:
            if item.default is None and item.computed:
                continue
            wanted = item.default
        path = f"{above}.{item.name}" if above else item.name
        for at, kind in _change(item, old.get(item.name), wanted, path, replaces or item.replaces):
            yield at, kind.replacing() if replaces or item.replaces else kind


def _change(item: Property, old: Value, new: Value, path: str, replaces: bool) -> Iterator[tuple[str, Kind]]:
    if new is UNKNOWN:
        yield path, Kind.ADD if old is None else Kind.UPDATE
    elif not item.same_value(old, new):
        if old is None or new is None:
            yield path, Kind.ADD if old is None else Kind.DELETE
        else:
            yield from _changed(item, old, new, path, replaces)


def _changed(item: Property, old: Value, new: Value, path: str, replaces: bool) -> Iterator[tuple[str, Kind]]:
    if item.shape is Shape.BLOCK and isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _changes(item.fields, old, new, path, replaces)
    elif item.shape is Shape.BLOCKS and isinstance(old, list) and isinstance(new, list):
        yield from _block_changes(item, old, new, path, replaces)
    elif item.shape is Shape.SET and isinstance(old, list) and isinstance(new, list):
        yield from _set_changes(old, new, path)
    elif item.shape is Shape.LIST and isinstance(old, list) and isinstance(new, list):
        yield from _list_changes(old, new, path)
    elif item.shape is Shape.MAP and isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _map_changes(old, new, path)
    else:
        yield path, Kind.UPDATE


def _list_changes(old: Sequence[Value], new: Sequence[Value], path: str) -> Iterator[tuple[str, Kind]]:
    for at in range(max(len(old), len(new))):
        if at >= len(old):
            yield f"{path}[{at}]", Kind.ADD
        elif at >= len(new):
            yield f"{path}[{at}]", Kind.DELETE
        elif old[at] != new[at]:
            yield f"{path}[{at}]", Kind.UPDATE


def _set_changes(old: Sequence[Value], new: Sequence[Value], path: str) -> Iterator[tuple[str, Kind]]:
    gone = {at for at, element in enumerate(old) if element not in new}
    come = {at for at, element in enumerate(new) if element not in old}
    for at in sorted(gone | come):
        yield (
            f"{path}[{at}]",
            Kind.UPDATE if at in gone and at in come else Kind.ADD if at in come else Kind.DELETE,
        )


def _map_changes(old: Mapping[str, Value], new: Mapping[str, Value], path: str) -> Iterator[tuple[str, Kind]]:
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) == new.get(key):
            continue
        at = f"{path}.{key}" if _PLAIN_KEY.match(key) else f'{path}["{key}"]'
        yield at, Kind.ADD if key not in old else Kind.DELETE if key not in new else Kind.UPDATE


def _block_changes(
    item: Property, old: Sequence[Value], new: Sequence[Value], path: str, replaces: bool
) -> Iterator[tuple[str, Kind]]:
    for at in range(max(len(old), len(new))):
        if at >= len(old):
            yield f"{path}[{at}]", Kind.ADD
        elif at >= len(new):
            yield f"{path}[{at}]", Kind.DELETE
        elif new[at] is UNKNOWN:
            yield f"{path}[{at}]", Kind.UPDATE
        else:
            yield from _changes(item.fields, old[at], new[at], f"{path}[{at}]", replaces)


def _keeps_its_given_name(described: ResourceType, old: Object, new: Object) -> bool:
    """A name that the program fixed cannot be held by the old and the new resource at once."""
    named = [item.name for item in described.inputs if item.autoname]
    defaulted = new.get(DEFAULTS) or ()
    return any(name not in defaulted and new.get(name) == old.get(name) for name in named)


def _ignored(path: str, ignored: Sequence[str]) -> bool:
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in ignored)


def _top(path: str) -> str:
    return re.split(r"[.\[]", path, maxsplit=1)[0]
