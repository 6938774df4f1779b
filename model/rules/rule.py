"""What a rule between fields is, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from model.nodes import Step
from model.site import Site


@dataclass(frozen=True, slots=True)
class Finding:
    """A combination that cannot be: the key to change first, what is wrong, and what would be right."""

    key: tuple[Step, ...]
    problem: str
    remedy: str


Find = Callable[[Site], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check that reads only the named top-level parts of a site."""

    needs: frozenset[str]
    find: Find


def rule(*needs: str) -> Callable[[Find], Rule]:
    """Make a rule of a function that yields findings, reading the named parts only."""
    return lambda find: Rule(frozenset(needs), find)
