"""`up` starts servers in the order of their needs, leaves alone what runs, and tells why one did not come up."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.certificates import Authority
from lab.errors import ServerEndedError, ServerNotReadyError, ServerUnsettledError, explanation
from lab.ports import Ports
from lab.progress import Silent
from lab.rising import Rising
from lab.servers.base import Lab, Server
from lab.servers.http import RefusedError
from lab.supervision import Launch, Supervisor

RUN = "import pathlib, time; pathlib.Path('{name}.up').touch(); time.sleep(600)"


class Play(Server):
    """A server that is ready when the file that it writes at its start is there."""

    start_seconds = 10.0
    stop_seconds = 5.0

    def __init__(self, name: str, needs: tuple[str, ...] = (), code: str = RUN) -> None:
        self.name = name  # type: ignore[misc]  # a class of its own for each would say no more
        self.needs = needs  # type: ignore[misc]
        self.code = code

    def launch(self, lab: Lab) -> Launch:
        missing = [need for need in self.needs if not (lab.state / f"{need}.up").exists()]
        assert not missing, f"{self.name} starts before {missing}"
        return Launch((sys.executable, "-c", self.code.format(name=self.name)), lab.state, {})

    def is_ready(self, lab: Lab) -> bool:
        return (lab.state / f"{self.name}.up").exists()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab("play", tmp_path, Ports(tmp_path), Authority(tmp_path, "play"), {})


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    yield supervisor
    for file in (tmp_path / "pids").glob("*.json"):
        supervisor.stop(file.stem, 0)


def rise(lab: Lab, supervisor: Supervisor, *servers: Server) -> dict[str, bool]:
    return {start.name: start.began for start in Rising(lab, supervisor, Silent()).run(servers)}


def test_a_server_starts_after_those_that_it_needs(lab: Lab, supervisor: Supervisor) -> None:
    began = rise(lab, supervisor, Play("store"), Play("api", ("store",)), Play("nodes", ("api",)))
    assert began == {"store": True, "api": True, "nodes": True}


def test_what_runs_already_is_left_alone(lab: Lab, supervisor: Supervisor) -> None:
    servers = (Play("store"), Play("api", ("store",)))
    rise(lab, supervisor, *servers)
    assert rise(lab, supervisor, *servers) == {"store": False, "api": False}


def test_what_was_killed_is_started_again(lab: Lab, supervisor: Supervisor) -> None:
    servers = (Play("store"), Play("api", ("store",)))
    rise(lab, supervisor, *servers)
    supervisor.stop("store", 0)
    assert rise(lab, supervisor, *servers) == {"store": True, "api": False}


def test_what_runs_with_other_settings_is_started_anew(lab: Lab, supervisor: Supervisor) -> None:
    rise(lab, supervisor, Play("store"))
    assert rise(lab, supervisor, Play("store", code="verbose = 1; " + RUN)) == {"store": True}


def test_a_server_that_ends_at_its_start_shows_the_end_of_its_log(lab: Lab, supervisor: Supervisor) -> None:
    with pytest.raises(ServerEndedError) as failure:
        rise(lab, supervisor, Play("store", code="raise SystemExit('the disk is full')"))
    assert "the disk is full" in explanation(failure.value)


def test_a_server_is_not_started_when_one_that_it_needs_failed(lab: Lab, supervisor: Supervisor) -> None:
    with pytest.raises(ServerEndedError) as failure:
        rise(lab, supervisor, Play("store", code="raise SystemExit(1)"), Play("api", ("store",)))
    assert failure.value.server == "store"
    assert supervisor.running("api") is None


def test_the_others_go_on_running_after_a_failure(lab: Lab, supervisor: Supervisor) -> None:
    rise(lab, supervisor, Play("store"))
    with pytest.raises(ServerEndedError):
        rise(lab, supervisor, Play("store"), Play("broken", ("store",), code="raise SystemExit(1)"))
    assert supervisor.running("store")


def test_a_server_that_is_not_ready_in_time_is_named(lab: Lab, supervisor: Supervisor) -> None:
    slow = Play("slow", code="import time; time.sleep(600)")
    slow.start_seconds = 0.3  # type: ignore[misc]
    with pytest.raises(ServerNotReadyError) as failure:
        rise(lab, supervisor, slow)
    assert "slow" in explanation(failure.value)


def test_a_server_that_refuses_what_it_must_hold_is_named(lab: Lab, supervisor: Supervisor) -> None:
    class Refusing(Play):
        def settle(self, _lab: Lab) -> None:
            raise RefusedError("PUT /policy", 400, "no such thing")

    with pytest.raises(ServerUnsettledError) as failure:
        rise(lab, supervisor, Refusing("vault"))
    assert "no such thing" in explanation(failure.value)
