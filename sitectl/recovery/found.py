"""What a look at the servers gave: which of the program's resources are there, and under which ids."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class LookError(Exception):
    """A server could not be looked at: which one, why, and what would help."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(
            f"{server}: {reason}\n    nothing was changed; `sitectl preflight` says what is missing, then do this again"
        )
        self.server = server


@dataclass(frozen=True)
class Found:
    """A resource that is on its server: its id, and outputs that no reading gives again."""

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """A look at one server: `found` by URN, and remarks by URN on what is there and is not to be imported."""

    found: Mapping[str, Found] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)
