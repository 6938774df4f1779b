"""What a measurement is: wall and CPU time of a piece of work, and the ratio of two of them."""

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What a piece of work took: wall seconds, and CPU seconds of this process and of all children that ended."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Ratio:
    """One line of the report: two figures in `unit`, and the goal that the documentation names for their ratio."""

    what: str
    measured: float
    reference: float
    unit: str
    goal: float | None = None

    @property
    def value(self) -> float:
        """Measured by reference."""
        return self.measured / self.reference

    def row(self) -> tuple[str, str, str, str, str]:
        """Return the line's cells as text."""
        goal = f"≤ {self.goal:g}" if self.goal is not None else ""
        return (
            self.what,
            f"{self.measured:.2f} {self.unit}",
            f"{self.reference:.2f} {self.unit}",
            f"{self.value:.2f}",
            goal,
        )

    def plain(self) -> dict[str, object]:
        """Return the line for machines."""
        return {
            "what": self.what,
            "measured": self.measured,
            "reference": self.reference,
            "unit": self.unit,
            "ratio": self.value,
            "goal": self.goal,
        }


def cost(work: Callable[[], object]) -> Cost:
    """Do the work once and return what it took."""
    cpu, wall = _cpu(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - wall, _cpu() - cpu)


def alternating(first: Callable[[], object], second: Callable[[], object], rounds: int) -> tuple[Cost, Cost]:
    """Do both works in turn, `rounds` times after one for warming up, and return the median cost of each."""
    first()
    second()
    costs = [(cost(first), cost(second)) for _ in range(rounds)]
    return _median([pair[0] for pair in costs]), _median([pair[1] for pair in costs])


def _median(costs: list[Cost]) -> Cost:
    return Cost(statistics.median(one.wall for one in costs), statistics.median(one.cpu for one in costs))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)
