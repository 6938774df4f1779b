"""What the official plugins were asked and what they answered, read from the folder of recordings."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = Any

FILES = (
    "0-first-preview",
    "1-up",
    "2-empty-preview",
    "3-changed-preview",
    "4-changed-up",
    "5-refresh",
    "6-after-refresh-preview",
    "7-repair-up",
    "8-destroy",
)


def reference_folder() -> Path | None:
    """The folder of recordings, if this machine has it."""
    named = os.environ.get("IOT_BROKER_REFERENCE")
    folder = Path(named) if named else Path(__file__).parents[4] / "shared" / "reference"
    return folder / "plugins" if (folder / "plugins").is_dir() else None


@dataclass(frozen=True)
class Exchange:
    """One recorded request with its answer."""

    file: str
    method: str
    request: Json
    response: Json
    errors: tuple[str, ...]

    @property
    def urn(self) -> str:
        """The resource's URN without what all of them share."""
        return "::".join(str(self.request.get("urn", "")).split("::")[2:])


def load(plugin: str) -> list[Exchange] | None:
    """What was recorded for `plugin`, in order; None without the reference folder."""
    folder = reference_folder()
    if folder is None:
        return None
    found = []
    for name in FILES:
        for line in (folder / f"{name}.jsonl").read_text().splitlines():
            entry = json.loads(line)
            if entry["plugin"] == plugin:
                errors = tuple(entry.get("errors") or ())
                found.append(Exchange(name, entry["method"], entry["request"], entry["response"], errors))
    return found
