"""Runs a program beside a lab for as long as a test needs it: awaited until it answers, stopped whatever happens."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

from lab.errors import LabError
from lab.ports import HOST
from lab.waiting import NotInTimeError, wait_until

KILL_SECONDS = 5.0


class ChildFailedError(LabError):
    """A program did not start; the message is the end of what it said."""


class Child(AbstractContextManager["Child"]):
    """One program with its log in its folder; it can be stopped and started again, and is the same program."""

    def __init__(
        self,
        command: tuple[str | Path, ...],
        folder: Path,
        is_ready: Callable[[], bool],
        *,
        start_seconds: float,
        stop_seconds: float = 10.0,
        stop_signal: signal.Signals = signal.SIGTERM,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = [str(word) for word in command]
        self._folder = folder
        self._is_ready = is_ready
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._stop_signal = stop_signal
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Return the file that takes what the program prints."""
        return self._folder / "log"

    @property
    def pid(self) -> int:
        """Return the id of the running process."""
        assert self._process is not None  # noqa: S101 - asked for while it runs
        return self._process.pid

    def start(self) -> None:
        """Start the program and wait until it answers. Raises ChildFailedError, and leaves no process then."""
        with self.log.open("ab") as output:
            self._process = process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

        def answers() -> bool:
            if process.poll() is not None:
                raise ChildFailedError(self._last_words())
            return self._is_ready()

        try:
            wait_until(answers, self._start_seconds, f"{Path(self._command[0]).name} answers")
        except NotInTimeError as error:
            self.stop()
            raise ChildFailedError(f"{error}\n{self._last_words()}") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ask the program to end, and end it when it does not."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(self._stop_signal)
        try:
            process.wait(self._stop_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(KILL_SECONDS)

    def __enter__(self) -> "Child":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])


def listens(port: int) -> bool:
    """Say whether somebody takes connections on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
