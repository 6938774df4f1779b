"""A server is remembered as exactly the process that was started, and stopped with its children, whatever happened."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lab.supervision import MARK, Launch, Supervisor
from lab.waiting import wait_until

SLEEPER = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)
PARENT = (
    f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); time.sleep(600)"
)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    yield supervisor
    for file in (tmp_path / "pids").glob("*.json"):
        supervisor.stop(file.stem, 0)
    supervisor.stop_strays(0)


def python(code: str, folder: Path, **environment: str) -> Launch:
    return Launch((sys.executable, "-c", code), folder, environment)


def test_a_started_server_runs_until_it_is_stopped(supervisor: Supervisor, tmp_path: Path) -> None:
    pid = supervisor.start("one", python(SLEEPER, tmp_path)).pid
    assert supervisor.running("one")
    assert supervisor.stop("one", 5)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert supervisor.running("one") is None


def test_another_supervisor_of_the_same_state_can_stop_it(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start("one", python(SLEEPER, tmp_path))
    assert Supervisor(tmp_path).stop("one", 5)


def test_stopping_what_does_not_run_is_no_error(supervisor: Supervisor) -> None:
    assert not supervisor.stop("one", 5)


def test_a_server_that_does_not_listen_is_ended(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start("one", python(STUBBORN, tmp_path))
    wait_until(lambda: supervisor.tail("one") == ("deaf",), 10, "the server's word")
    assert supervisor.stop("one", 0.2)
    assert supervisor.running("one") is None


def test_children_are_stopped_too(supervisor: Supervisor, tmp_path: Path) -> None:
    parent = psutil.Process(supervisor.start("one", python(PARENT, tmp_path)).pid)
    wait_until(lambda: bool(parent.children()), 10, "the child")
    (child,) = parent.children()
    supervisor.stop("one", 5)
    assert not child.is_running()


def test_a_pid_that_belongs_to_somebody_else_now_is_left_alone(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    (tmp_path / "pids").mkdir()
    stranger = {"pid": os.getpid(), "started": psutil.Process().create_time() - 100, "fingerprint": ""}
    (tmp_path / "pids" / "one.json").write_text(json.dumps(stranger))
    assert supervisor.running("one") is None
    assert not supervisor.stop("one", 0)


def test_a_process_that_no_record_names_is_found_by_its_mark(supervisor: Supervisor, tmp_path: Path) -> None:
    pid = supervisor.start("one", python(SLEEPER, tmp_path)).pid
    (tmp_path / "pids" / "one.json").unlink()
    # A process that has only just begun shows no environment yet.
    wait_until(lambda: [stray.pid for stray in supervisor.strays()] == [pid], 10, "the stray")
    assert supervisor.stop_strays(5) == 1
    assert supervisor.strays() == []


def test_processes_of_another_lab_are_no_strays(supervisor: Supervisor, tmp_path: Path) -> None:
    environment = {**os.environ, MARK: str(tmp_path / "other")}
    with subprocess.Popen((sys.executable, "-c", SLEEPER), env=environment) as other:
        assert supervisor.strays() == []
        other.kill()


def test_a_server_gets_no_more_of_the_environment_than_it_needs(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "of the user")
    supervisor.start("one", python("import os; print(sorted(os.environ))", tmp_path, OWN="1"))
    wait_until(lambda: bool(supervisor.tail("one")), 10, "the output")
    assert "OWN" in supervisor.tail("one")[0]
    assert "VAULT_TOKEN" not in supervisor.tail("one")[0]


def test_the_log_is_private_and_its_end_can_be_read(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start("one", python("print(*range(100), sep='\\n')", tmp_path))
    wait_until(lambda: "99" in supervisor.tail("one"), 10, "the last line")
    assert supervisor.tail("one", 2) == ("98", "99")
    assert supervisor.log("one").stat().st_mode & 0o777 == 0o600


def test_a_changed_setting_changes_the_fingerprint(tmp_path: Path) -> None:
    settings = tmp_path / "settings"
    settings.write_text("a")
    before = Launch(("server",), tmp_path, {}, files=(settings,)).fingerprint
    settings.write_text("b")
    assert Launch(("server",), tmp_path, {}, files=(settings,)).fingerprint != before


def test_a_first_password_does_not_change_the_fingerprint(tmp_path: Path) -> None:
    prints = {
        Launch(("server",), tmp_path, {"PASSWORD": word}, passing=frozenset({"PASSWORD"})).fingerprint
        for word in ("a", "b")
    }
    assert len(prints) == 1
