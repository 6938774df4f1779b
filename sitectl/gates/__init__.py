"""What must be true before a site may change its phase: one module for each gate, each with a `measure`.

A gate never raises for what it measures: what cannot be measured is an outcome that has not passed, and says why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from model import Site
from model.promotion import Chain, Judge
from model.rollout import Leave
from sitectl.prometheus import Prometheus, PrometheusError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a gate found, each as people read it: the figure, what it is held against, and where it comes from.

    `window` is the time that was looked at; `reason` says why it has not passed, and is empty when it has.
    """

    gate: str
    passed: bool
    figure: str
    threshold: str
    source: str
    window: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What gates may look at.

    `leave` is what the phase asks for, and None in the last one; `judge` has the time, and says whose signatures count;
    `prometheus` is the reason where there is none.
    """

    site: Site
    leave: Leave | None
    chain: Chain
    judge: Judge
    stacks: Path
    prometheus: Prometheus | PrometheusError

    @property
    def now(self) -> datetime:
        """The moment of the measurement, aware."""
        assert self.judge.now is not None  # noqa: S101 - gates are measured at a time
        return self.judge.now

    @property
    def asked(self) -> Leave:
        """What must be true to leave the phase; only gates of a promotion ask."""
        assert self.leave is not None  # noqa: S101 - no promotion leaves the last phase
        return self.leave


Gate = Callable[[Context], Outcome]
