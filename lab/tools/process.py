"""Runs the commands of a build: output into a log file, stopped with all they started, their cost measured."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.tools.errors import BuildCancelledError, CommandFailedError

POLL_SECONDS = 0.2
REPORT_SECONDS = 2.0
GRACE_SECONDS = 5.0
TAIL_LINES = 25


@dataclass(frozen=True)
class Cost:
    """What commands took: processor seconds (user and system) and the largest resident set, in bytes."""

    processor_seconds: float = 0.0
    peak_bytes: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Return the cost of both, one after the other."""
        return Cost(self.processor_seconds + other.processor_seconds, max(self.peak_bytes, other.peak_bytes))


def run(
    task: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    folder: Path,
    environment: Mapping[str, str],
    cancelled: threading.Event,
    report: Callable[[int], None] | None = None,
) -> Cost:
    """Run `command` in `folder`, with its output appended to `log`; `report` hears how many lines it has written.

    Raises `CommandFailedError` with the end of the output, and `BuildCancelledError` once `cancelled` is set;
    whatever the command started is then ended too.
    """

    def heard() -> None:
        if report:
            report(_lines_from(log, start))

    with log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        exit_code, cost = _wait(process.pid, task, cancelled, heard)
    except BaseException:
        _end_group(process)
        raise
    process.returncode = exit_code
    if exit_code != 0:
        raise CommandFailedError(task, exit_code, log, _tail(log, start))
    return cost


def _wait(
    process_id: int, task: str, cancelled: threading.Event, heard: Callable[[], None]
) -> tuple[int, Cost]:
    reported = time.monotonic()
    while True:
        ended, status, usage = os.wait4(process_id, os.WNOHANG)
        if ended:
            # Linux counts kibibytes, macOS bytes.
            unit = 1 if os.uname().sysname == "Darwin" else 1024
            cost = Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)
            return os.waitstatus_to_exitcode(status), cost
        if cancelled.wait(POLL_SECONDS):
            raise BuildCancelledError(task)
        if time.monotonic() - reported > REPORT_SECONDS:
            heard()
            reported = time.monotonic()


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    for deadly in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, deadly)
            process.wait(GRACE_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _lines_from(log: Path, start: int) -> int:
    with log.open("rb") as written:
        written.seek(start)
        return sum(block.count(b"\n") for block in iter(lambda: written.read(1 << 16), b""))


def _tail(log: Path, start: int) -> str:
    with log.open("rb") as written:
        written.seek(start)
        return "\n".join(written.read().decode(errors="replace").splitlines()[-TAIL_LINES:])
