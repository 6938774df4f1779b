"""What a rule between fields is, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from model.nodes import Step
from model.site import Site
from model.units import Duration
from model.words import quoted


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


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a time may be, both ends allowed, and why not less and not more."""

    lowest: Duration
    highest: Duration
    why_not_less: str
    why_not_more: str

    def find(self, key: tuple[Step, ...], value: Duration) -> Iterator[Finding]:
        """Yield what is wrong with the time at a key."""
        if value < self.lowest:
            yield Finding(
                key, f"{quoted(value)} is too short: {self.why_not_less}", f"write {self.lowest} or more"
            )
        if value > self.highest:
            yield Finding(
                key, f"{quoted(value)} is too long: {self.why_not_more}", f"write {self.highest} or less"
            )


def rule(*needs: str) -> Callable[[Find], Rule]:
    """Make a rule of a function that yields findings, reading the named parts only."""
    return lambda find: Rule(frozenset(needs), find)
