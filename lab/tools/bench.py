"""What a recipe works with: its folders, its log, its progress and its commands."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.tools.cache import Stopwatch
from lab.tools.process import run

# A setting of the user's that belongs to other work of theirs, and would change what is built here.
FOREIGN = (
    "GOFLAGS",
    "GOWORK",
    "GOOS",
    "GOARCH",
    "GOEXPERIMENT",
    "GODEBUG",
    "JAVA_TOOL_OPTIONS",
    "MAVEN_ARGS",
)


def inherited() -> dict[str, str]:
    """Return this process's environment without the settings that would change what is built."""
    return {name: value for name, value in os.environ.items() if name not in FOREIGN}


@dataclass(frozen=True)
class Bench:
    """The place of one build. `result` becomes the tool; `work` is shared by the builds of a lane and then removed."""

    name: str
    version: str
    result: Path
    work: Path
    log: Path
    say: Callable[[str], None]
    cancelled: threading.Event
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    def run(
        self,
        doing: str,
        command: Sequence[str | Path],
        *,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        counting: str | None = None,
    ) -> None:
        """Run one command of the build, named `doing` in progress and errors.

        `counting` names what each line of its output stands for ("packages", say), for the progress.
        Raises `CommandFailedError` and `BuildCancelledError`.
        """
        self.say(doing)

        def report(lines: int) -> None:
            if counting and lines:
                self.say(f"{doing}, {lines} {counting}")

        cost = run(
            f"{self.name}: {doing}",
            command,
            log=self.log,
            folder=folder or self.result,
            environment={**inherited(), **(environment or {})},
            cancelled=self.cancelled,
            report=report,
        )
        self.stopwatch.add(cost)
