"""Merges the layers of a site: this file is the definition.

- A map over a map merges key by key.
- A list of maps that all have a `name`, over another such list, merges item by item: items of the same name
  merge as maps, in the lower list's order, and new ones follow in the upper list's. `remove: true` beside the
  `name` removes the item.
- Anything else replaces what is below it: a value, any other list, a map over a value.
- `null` removes the key, whatever is below it; a layer further up may set it again, from nothing.

Merging is associative: `merge(merge(a, b), c)` and `merge(a, merge(b, c))` settle to the same data. To that
end removals stay in the tree until `settle` takes them out, and a node that has replaced something remembers
it.
Merging is idempotent: `merge(a, a)` settles to the same data as `a`.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce

from model.nodes import Mapping, Node, Scalar, Sequence


def merge(lower: Node, upper: Node) -> Node:
    """Lay the upper layer over the lower one; each value keeps its origin and what it overrode."""
    if not upper.replaces:
        if isinstance(lower, Mapping) and isinstance(upper, Mapping) and not (lower.removes or upper.removes):
            return _merge_maps(lower, upper)
        if isinstance(lower, Sequence) and isinstance(upper, Sequence):
            below, above = lower.named, upper.named
            if below is not None and above is not None:
                return _merge_named(lower, below, upper, above)
    return replace(upper, replaces=True, overrode=(*upper.overrode, lower, *lower.overrode))


def _merge_maps(lower: Mapping, upper: Mapping) -> Mapping:
    return replace(upper, entries=_merge_each(lower.entries, upper.entries), replaces=lower.replaces)


def _merge_named(
    lower: Sequence, below: dict[str, Mapping], upper: Sequence, above: dict[str, Mapping]
) -> Sequence:
    items = _merge_each(dict[str, Node](below), dict[str, Node](above))
    return replace(upper, items=tuple(items.values()), replaces=lower.replaces)


def _merge_each(lower: dict[str, Node], upper: dict[str, Node]) -> dict[str, Node]:
    merged = dict(lower)
    for key, node in upper.items():
        merged[key] = merge(merged[key], node) if key in merged else node
    return merged


def merge_all(layers: Iterable[Mapping]) -> Mapping:
    """Merge layers, the lowest first; there must be one at least."""
    merged = reduce(merge, layers)  # type: ignore[arg-type]  # maps merge to a map
    assert isinstance(merged, Mapping)  # noqa: S101 - by the first rule above
    return merged


def settle(node: Mapping) -> Mapping:
    """Return the tree without what was removed."""
    kept = {key: _settled(entry) for key, entry in node.entries.items() if not _is_null(entry)}
    return replace(node, entries=kept)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _settled(node: Node) -> Node:
    if isinstance(node, Mapping):
        return settle(node)
    if isinstance(node, Sequence):
        return replace(
            node,
            items=tuple(
                _settled(item) for item in node.items if not (isinstance(item, Mapping) and item.removes)
            ),
        )
    return node
