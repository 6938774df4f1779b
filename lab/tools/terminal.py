"""Shows the progress of long work to people: live lines on a terminal, plain lines anywhere else."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from lab.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

PLAIN_INTERVAL_SECONDS = 30.0


@contextmanager
def shown(stream: TextIO | None = None) -> Iterator[Progress]:
    """Yield a `Progress` that writes to `stream` (the standard error output when None) in the form it can show."""
    target = stream or sys.stderr
    if not target.isatty():
        yield Plain(target)
        return
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn

    console = Console(file=target)
    columns = (SpinnerColumn(), TextColumn("{task.description:<12}"), TextColumn("[dim]{task.fields[doing]}"))
    with Bars(*columns, console=console, transient=True) as bars:
        yield Live(bars, console)


class Plain:
    """One line when a task begins, one when it ends, and what it does meanwhile every half minute."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}

    def begin(self, task: str) -> None:
        """Write that the task began."""
        self._last[task] = 0.0
        self._write(f"… {task}")

    def step(self, task: str, doing: str) -> None:
        """Write what the task does now, unless a line on it has just been written."""
        now = time.monotonic()
        if now - self._last.get(task, 0.0) >= PLAIN_INTERVAL_SECONDS:
            self._last[task] = now
            self._write(f"… {task}: {doing}")

    def end(self, task: str, seconds: float) -> None:
        """Write that the task is done."""
        self._write(f"✓ {task} ({seconds:.1f} s)")

    def note(self, text: str) -> None:
        """Write a line."""
        self._write(text)

    def _write(self, line: str) -> None:
        with self._lock:
            self._stream.write(f"{line}\n")
            self._stream.flush()


class Live:
    """A line per running task that changes in place; what is done stays readable above."""

    def __init__(self, bars: "Bars", console: "Console") -> None:
        self._bars = bars
        self._console = console
        self._lines: "dict[str, TaskID]" = {}  # noqa: UP037 - rich is loaded only when there is a terminal

    def begin(self, task: str) -> None:
        """Show the task's line."""
        self._lines[task] = self._bars.add_task(task, total=None, doing="")

    def step(self, task: str, doing: str) -> None:
        """Change what the task's line says."""
        if task not in self._lines:
            self.begin(task)
        self._bars.update(self._lines[task], doing=doing)

    def end(self, task: str, seconds: float) -> None:
        """Replace the task's line by a lasting one."""
        if task in self._lines:
            self._bars.remove_task(self._lines.pop(task))
        self._console.print(f"[green]✓[/green] {task} [dim]({seconds:.1f} s)[/dim]", highlight=False)

    def note(self, text: str) -> None:
        """Show a lasting line."""
        self._console.print(text, highlight=False, markup=False)
