"""The edits of a hand that turns an object's fields, and which of them a server takes together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Turn:
    """One edit of a hand, with the values that it may give; `instead` follows where the server does not let it."""

    operation: str
    path: Path
    values: tuple[Any, ...] = (None,)
    instead: tuple["Turn", ...] = ()

    def edit(self, number: int) -> dict[str, Any]:
        """Return the operation of a JSON patch that gives the value of that number."""
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in self.path)
        said = {} if self.operation == "remove" else {"value": self.values[number]}
        return {"op": self.operation, "path": "/" + "/".join(steps), **said}


def chosen(
    wanted: list[Turn], agrees: Callable[[Sequence[tuple[Turn, int]]], bool]
) -> tuple[list[tuple[Turn, int]], list[Turn]]:
    """Return as many edits as a server agrees to together, and the turns none of whose values it takes."""
    taken: list[tuple[Turn, int]] = []
    left, stuck = wanted, list[Turn]()
    while left:
        refused: list[Turn] = []
        tried = left
        for number in range(max(len(turn.values) for turn in left)):
            now = [turn for turn in tried if number < len(turn.values)]
            refused += [turn for turn in tried if number >= len(turn.values)]
            taken, tried = _taken(taken, [(turn, number) for turn in now], agrees)
        refused += tried
        stuck += [turn for turn in refused if not turn.instead]
        left = [inner for turn in refused for inner in turn.instead]
    return _in_order(taken), stuck


def _taken(
    taken: list[tuple[Turn, int]],
    tried: list[tuple[Turn, int]],
    agrees: Callable[[Sequence[tuple[Turn, int]]], bool],
) -> tuple[list[tuple[Turn, int]], list[Turn]]:
    """Add the edits that a server takes to those that it took; half of them at a time, until one alone is refused."""
    if not tried:
        return taken, []
    together = [*taken, *tried]
    if agrees(_in_order(together)):
        return together, []
    if len(tried) == 1:
        return taken, [tried[0][0]]
    half = len(tried) // 2
    taken, first = _taken(taken, tried[:half], agrees)
    taken, second = _taken(taken, tried[half:], agrees)
    return taken, first + second


def _in_order(edits: list[tuple[Turn, int]]) -> list[tuple[Turn, int]]:
    """Return the edits with those last that would move what another names by its place."""
    return sorted(edits, key=lambda edit: ("replace", "add", "remove").index(edit[0].operation))


def at(value: Any, path: Path) -> Any:
    """Return what is at a path; None where there is nothing."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value


def named(path: Path) -> str:
    """Return a field's name with `*` for a place in a list."""
    return ".".join("*" if isinstance(step, int) else step for step in path)
