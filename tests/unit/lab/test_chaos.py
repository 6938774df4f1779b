"""What `make chaos` does follows from its seed, and goes on where it was stopped; it strikes when it should."""

import json
import os
import sys
from pathlib import Path

import psutil

from lab.chaos.fingerprint import differences
from lab.chaos.plan import SERVERS, Ended, Record, Result, Trial, errors, report, trials
from lab.chaos.striking import Checkpoint, Operation, checkpoint, strike


def state(file: Path, resources: int, *pending: tuple[str, str, str]) -> None:
    operations = [
        {"type": doing, "resource": {"type": f"a:b:{kind}", "urn": f"urn:pulumi:s::p::t::{name}"}}
        for doing, kind, name in pending
    ]
    latest = {"resources": [{}] * resources, "pending_operations": operations}
    file.write_text(json.dumps({"checkpoint": {"latest": latest}}))


def test_a_seed_gives_the_same_trials() -> None:
    assert list(trials(7)) == list(trials(7))
    assert list(trials(7)) != list(trials(8))


def test_every_kind_is_killed_thirty_times_and_every_server_stopped_and_hung() -> None:
    kinds = [trial.kind for trial in trials(1)]
    assert [kinds.count(kind) for kind in ("first", "update", "destroy")] == [30, 30, 30]
    for how in ("stopped", "hung"):
        assert [trial.server for trial in trials(1) if trial.kind == how] == list(SERVERS)
    assert kinds.count("full") == 1


def test_a_campaign_that_is_stopped_early_has_something_of_every_kind() -> None:
    kinds = [trial.kind for trial in trials(1)]
    assert len(set(kinds)) == len(set(kinds[:6])) == 6


def test_a_campaign_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    first, second = list(trials(1))[:2]
    Record(tmp_path / "record.json", 1).add(Result(first, 12.5, 3, ("/vault: missing",)))
    again = Record(tmp_path / "record.json", 1)
    assert again.has(first)
    assert not again.has(second)
    assert again.results[0].differences == ("/vault: missing",)
    assert not Record(tmp_path / "record.json", 2).results


def test_a_report_names_what_did_not_converge() -> None:
    good, bad = Trial(0, "first", 40), Trial(1, "hung", 60, "vault")
    text = report([Result(good, 80, 5), Result(bad, 90, 0, problem="the lock stays", struck=False)], 4)
    assert "| first | 1 | 1 | 1 | 80 s |" in text
    assert "| hung | 1 | 0 | 0 | 90 s |" in text
    assert "vault hung in an up" in text
    assert "    the lock stays" in text


def test_a_report_says_how_an_up_ended_that_lost_a_server(tmp_path: Path) -> None:
    ended = Ended(61.2, 255, ("Vault does not answer at https://…",))
    by_itself = Result(Trial(0, "hung", 60, "vault"), 90, 2, ended=ended)
    never = Result(Trial(1, "hung", 60, "opa"), 900, 2, ended=Ended(660, None, ()))
    text = report([by_itself, never], 4)
    assert "| vault hung | ended with 255 after 61 s | Vault does not answer at https://… |" in text
    assert "| opa hung | not ended after 660 s |  |" in text
    assert [by_itself.converged, never.converged] == [True, False]
    Record(tmp_path / "record.json", 4).add(by_itself)
    assert Record(tmp_path / "record.json", 4).results == [by_itself]


def test_errors_are_taken_from_what_pulumi_prints() -> None:
    text = "  a:b:C (name):\n    error: Vault does not answer\n    error: Vault does not answer\nerror: update failed\n"
    assert errors(text) == ("Vault does not answer",)


def test_a_state_file_says_what_is_under_way(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    state(file, 3, ("creating", "Job", "probe"))
    now = checkpoint(file)
    assert now == Checkpoint(3, (Operation("creating", "Job", "probe"),))
    assert now.doing("creating", "Job")
    assert not now.doing("deleting", "Job")
    file.write_text('{"checkpoint": ')
    assert checkpoint(file) == Checkpoint(0, ())


def test_a_run_is_killed_with_its_children_at_the_moment(tmp_path: Path) -> None:
    file, pids = tmp_path / "s.json", tmp_path / "pids"
    state(file, 0)
    later = json.dumps({"checkpoint": {"latest": {"resources": [{}] * 5}}})
    program = (
        "import os, pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(pids)!r}).write_text(f'{{os.getpid()}} {{child.pid}}')\n"
        f"pathlib.Path({str(file)!r}).write_text({later!r})\n"
        "time.sleep(60)\n"
    )
    command = (sys.executable, "-c", program)
    struck = strike(command, tmp_path, os.environ, file, lambda now: now.resources == 5, tmp_path / "log")
    assert (struck.struck, struck.code) == (True, -9)
    assert not any(psutil.pid_exists(int(pid)) for pid in pids.read_text().split())


def test_a_run_that_ends_by_itself_is_not_struck(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "print('done'); raise SystemExit(3)")
    struck = strike(
        command, tmp_path, os.environ, tmp_path / "none.json", lambda _now: False, tmp_path / "log"
    )
    assert (struck.struck, struck.code, struck.text.strip()) == (False, 3, "done")


def test_differences_name_their_place() -> None:
    before = {"vault": {"a": 1, "b": 2}, "kafka": {"c": 3}}
    after = {"vault": {"a": 1, "b": 4}, "kafka": {"c": 3, "d": 5}}
    assert differences(before, after) == ["/kafka/d: too much", "/vault/b: 2 became 4"]
    assert differences(before, before) == []
