"""A program beside a lab: awaited until it answers, and never left behind."""

import sys
from pathlib import Path

import psutil
import pytest

from lab.child import Child, ChildFailedError

WAITS = "import sys, time; print('up', flush=True); time.sleep(600)"
IGNORES = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


def child(folder: Path, program: str, *, stop_seconds: float = 5.0, start_seconds: float = 20.0) -> Child:
    def is_ready() -> bool:
        return "up" in made.log.read_text()

    made = Child(
        (sys.executable, "-c", program),
        folder,
        is_ready,
        start_seconds=start_seconds,
        stop_seconds=stop_seconds,
    )
    return made


def test_it_runs_once_it_answers_and_is_gone_afterwards(tmp_path: Path) -> None:
    with child(tmp_path, WAITS) as running:
        pid = running.pid
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)


def test_it_is_gone_also_when_the_test_fails(tmp_path: Path) -> None:
    pids = []

    def fails() -> None:
        with child(tmp_path, WAITS) as running:
            pids.append(running.pid)
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    assert not psutil.pid_exists(pids[0])


def test_one_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with child(tmp_path, IGNORES, stop_seconds=0.2) as running:
        pid = running.pid
    assert not psutil.pid_exists(pid)


def test_it_can_go_away_and_come_back(tmp_path: Path) -> None:
    with child(tmp_path, WAITS) as running:
        first = running.pid
        running.stop()
        assert not psutil.pid_exists(first)
        running.start()
        assert psutil.pid_exists(running.pid)


def test_one_that_ends_at_once_tells_why(tmp_path: Path) -> None:
    with pytest.raises(ChildFailedError, match="no such table"):
        child(tmp_path, "raise SystemExit('no such table')").start()


def test_one_that_never_answers_is_stopped(tmp_path: Path) -> None:
    silent = child(tmp_path, "import time; time.sleep(600)", start_seconds=0.3)
    with pytest.raises(ChildFailedError, match="not within"):
        silent.start()
    parent = psutil.Process()
    assert not [process for process in parent.children() if "time.sleep(600)" in process.cmdline()]
