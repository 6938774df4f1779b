"""Explains a site: for each key its value, the file and line that set it, and what it overrode."""

from dataclasses import dataclass

from model.merge import settle
from model.nodes import Mapping, Node, Origin, Plain, Scalar, Sequence, Step, child, leaves, plain, written


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and the place that set it."""

    value: Plain
    origin: Origin


@dataclass(frozen=True, slots=True)
class Explanation:
    """A key, what decides it, and what that overrode, the nearest first; a removed key has no value."""

    key: str
    value: Plain
    origin: Origin
    removed: bool
    overrode: tuple[Setting, ...]


def explain(tree: Mapping, key: str = "") -> tuple[Explanation, ...]:
    """Explain a key of a merged tree and all that is below it; empty when there is no such key."""
    found = find(tree, key)
    if found is None:
        return ()
    path, node = found
    return tuple(_explained((*path, *below), leaf) for below, leaf in leaves(node))


def keys(tree: Mapping) -> tuple[str, ...]:
    """Return every key that can be asked for, maps and named items included."""
    every: dict[str, None] = {}
    for path, _ in leaves(tree):
        for length in range(1, len(path) + 1):
            every[written(path[:length])] = None
    return tuple(every)


def find(tree: Mapping, key: str) -> tuple[tuple[Step, ...], Node] | None:
    """Find the node of a written key; keys that contain dots themselves are found too."""
    return _find(tree, key.replace("[", ".").replace("]", "").strip("."))


def _find(node: Node, key: str) -> tuple[tuple[Step, ...], Node] | None:
    if not key:
        return (), node
    parts = key.split(".")
    for length in range(1, len(parts) + 1):
        word = ".".join(parts[:length])
        step: Step = int(word) if isinstance(node, Sequence) and word.isdecimal() and len(word) < 9 else word
        below = child(node, step)
        deeper = _find(below, ".".join(parts[length:])) if below is not None else None
        if deeper is not None:
            return (step, *deeper[0]), deeper[1]
    return None


def _explained(path: tuple[Step, ...], node: Node) -> Explanation:
    removed = node.removes if isinstance(node, Mapping) else isinstance(node, Scalar) and node.value is None
    overrode = tuple(
        Setting(plain(settle(lower)) if isinstance(lower, Mapping) else plain(lower), lower.origin)
        for lower in node.overrode
        if path[-1] != "name" or plain(lower) != plain(node)  # the name by which items of a list are merged
    )
    return Explanation(written(path), None if removed else plain(node), node.origin, removed, overrode)
