"""Data as a tree in which every value knows the file and line that set it, and what it overrode."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = str | int | Decimal | bool | None
Plain: TypeAlias = "Value | dict[str, Plain] | tuple[Plain, ...]"


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a file; lines count from 1."""

    file: Path
    line: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value, with the text that was written for it."""

    origin: Origin
    value: Value
    text: str
    overrode: "tuple[Node, ...]" = field(default=(), compare=False)
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and their nodes, in the order of the file."""

    origin: Origin
    entries: "dict[str, Node]"
    overrode: "tuple[Node, ...]" = field(default=(), compare=False)
    replaces: bool = False

    @property
    def name(self) -> str | None:
        """The text under `name`, by which a list keeps its items apart."""
        entry = self.entries.get("name")
        return entry.value if isinstance(entry, Scalar) and isinstance(entry.value, str) else None

    @property
    def removes(self) -> bool:
        """Whether this item of a named list says `remove: true`."""
        entry = self.entries.get("remove")
        return isinstance(entry, Scalar) and entry.value is True and self.name is not None


@dataclass(frozen=True, slots=True)
class Sequence:
    """Items in the order of the file."""

    origin: Origin
    items: "tuple[Node, ...]"
    overrode: "tuple[Node, ...]" = field(default=(), compare=False)
    replaces: bool = False

    @property
    def named(self) -> "dict[str, Mapping] | None":
        """The items by name when each is a map with a `name`; None otherwise, and for an empty list."""
        found: dict[str, Mapping] = {}
        for item in self.items:
            if not isinstance(item, Mapping) or item.name is None:
                return None
            found[item.name] = item
        return found or None


# `replaces` marks a node that took the place of something it could not merge with: what lies further below
# does not shine through it. It is what makes merging associative.
Node: TypeAlias = Scalar | Mapping | Sequence
Step: TypeAlias = str | int


def plain(node: Node) -> Plain:
    """Return the bare data of a tree: maps, tuples and values."""
    if isinstance(node, Mapping):
        return {key: plain(entry) for key, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return tuple(plain(item) for item in node.items)
    return node.value


def child(node: Node, step: Step) -> Node | None:
    """Return the node one step below: a key, an item's name, or an item's index; None when there is none."""
    if isinstance(node, Mapping):
        return node.entries.get(str(step))
    if isinstance(node, Sequence):
        if isinstance(step, str):
            return (node.named or {}).get(step)
        return node.items[step] if 0 <= step < len(node.items) else None
    return None


def trail(root: Node, path: tuple[Step, ...]) -> list[Node]:
    """Return the nodes from the root along the path, as far as the tree goes."""
    nodes = [root]
    for step in path:
        below = child(nodes[-1], step)
        if below is None:
            break
        nodes.append(below)
    return nodes


def by_name(root: Node, path: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the path with the names of list items in place of their indexes, as far as the tree goes."""
    named: list[Step] = []
    node: Node | None = root
    for step in path:
        parent, node = node, child(node, step) if node is not None else None
        keyed = isinstance(parent, Sequence) and parent.named is not None and isinstance(node, Mapping)
        named.append(node.name if keyed and isinstance(node, Mapping) and node.name else step)
    return tuple(named)


def leaves(node: Node, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Node]]:
    """Yield, with its path, each value, each list that is not one of named items, and each removed item."""
    if isinstance(node, Mapping) and node.entries and not node.removes:
        for key, entry in node.entries.items():
            yield from leaves(entry, (*path, key))
    elif isinstance(node, Sequence) and node.named is not None:
        for name, item in node.named.items():
            yield from leaves(item, (*path, name))
    else:
        yield path, node


def written(path: tuple[Step, ...]) -> str:
    """Write a path as people do: `streams.topics.raw.partitions`, `scope[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def at(node: Node, origin: Origin) -> Node:
    """Return the node as set at another place."""
    return replace(node, origin=origin)
