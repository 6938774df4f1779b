"""What long work in the lab tells whoever watches: a terminal, a log, or nobody."""

from typing import Protocol


class Progress(Protocol):
    """Hears of named tasks (a build, a server) from several threads at once."""

    def begin(self, task: str) -> None:
        """Hear that the task began."""

    def step(self, task: str, doing: str) -> None:
        """Hear what the task is doing now: a few words, replaced by the next."""

    def end(self, task: str, seconds: float) -> None:
        """Hear that the task was done, and how long it took."""

    def note(self, text: str) -> None:
        """Hear something that must stay readable when the work is over."""


class Silent:
    """A `Progress` that nobody watches."""

    def begin(self, task: str) -> None:
        """Keep silent."""

    def step(self, task: str, doing: str) -> None:
        """Keep silent."""

    def end(self, task: str, seconds: float) -> None:
        """Keep silent."""

    def note(self, text: str) -> None:
        """Keep silent."""
