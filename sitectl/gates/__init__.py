"""What must be true before a site may change its phase: one module for each gate, each with a `measure`.

A gate never raises for what it measures: what cannot be measured is an outcome that has not passed, and says why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from model import Site


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
    """What gates may look at. `now` is aware; `prometheus` is None where the stack's settings name none."""

    site: Site
    now: datetime
    stacks: Path
    prometheus: object | None = None


Gate = Callable[[Context], Outcome]
