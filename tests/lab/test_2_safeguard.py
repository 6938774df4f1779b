"""The engine holds what the safeguard holds, and what a killed run left is got past: stacks without a server."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lab import demo
from sitectl.recovery.stack import LockedError, Stack, StackError
from tests.support.shell import REPOSITORY, Shell

PROGRAM = """
import os, sys
sys.path.insert(0, {repository!r})
import pulumi
from components.safeguard import safeguard

class Site(pulumi.ComponentResource):
    def __init__(self):
        super().__init__("iot-broker:site:IotSite", "site")
        for number in range(int(os.environ.get("RESOURCES", "3"))):
            pulumi.Stash(f"r{{number}}", input=number, opts=pulumi.ResourceOptions(parent=self))

safeguard("little", Site(), protect=os.environ.get("PROTECT", "true") == "true")
"""
UP = ("up", "--yes", "--skip-preview", "--stack", "little")
DESTROY = ("destroy", "--yes", "--skip-preview", "--stack", "little")


@pytest.fixture(scope="module")
def stack(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A stack of resources that are in its state alone, in a back end of its own."""
    folder, state = tmp_path_factory.mktemp("program"), tmp_path_factory.mktemp("state")
    (folder / "Pulumi.yaml").write_text("name: iot-broker\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM.format(repository=str(REPOSITORY)))
    own = {"PULUMI_BACKEND_URL": f"file://{state}", "PULUMI_OPTION_CONFIG_FILE": ""}
    made = replace(shell, folder=folder, environment={**shell.environment, **own})
    made.pulumi("stack", "init", "little")
    return made


@pytest.fixture
def little(stack: Shell) -> Shell:
    """The stack, deployed; a test may have taken it away."""
    if not stack.state("little"):
        stack.pulumi(*UP)
    return stack


def lock(shell: Shell, pid: int) -> None:
    """Leave a lock as a `pulumi` of this pid would."""
    state = Path(shell.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    file = state / ".pulumi" / "locks" / "organization" / "iot-broker" / "little" / "left.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "pid": pid,
        "username": "me",
        "hostname": os.uname().nodename,
        "timestamp": "2026-11-01T00:00:00Z",
    }
    file.write_text(json.dumps(content))


def gone_pid() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    "how",
    [(), ("--continue-on-error",), ("--exclude-protected",), ("--target", "**r1", "--target-dependents")],
)
def test_no_way_of_destroying_begins(little: Shell, how: tuple[str, ...]) -> None:
    before = little.state("little")
    outcome = little.pulumi(*DESTROY, *how, check=False)
    assert "protected" in outcome.text
    assert little.state("little") == before


def test_resources_come_and_go_by_updates(little: Shell) -> None:
    for number in ("5", "2"):
        little.run("pulumi", *UP, "--non-interactive", variables={"RESOURCES": number})
        names = [entry["urn"].rpartition("::")[2] for entry in little.state("little")]
        assert sum(name.startswith("r") for name in names) == int(number)


def test_a_site_whose_protection_is_taken_away_goes(little: Shell) -> None:
    little.run("pulumi", *UP, "--non-interactive", variables={"PROTECT": "false"})
    little.pulumi(*DESTROY)
    assert little.state("little") == []


def test_a_lock_is_read_and_taken_away(little: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in little.environment.items():
        monkeypatch.setenv(name, value)
    found, pid = Stack(little.folder, "little"), gone_pid()
    lock(little, pid)
    document = found.export()
    with pytest.raises(LockedError) as locked:
        found.write(document)
    assert [(holder.user, holder.pid) for holder in locked.value.holders] == [("me", pid)]
    found.unlock()
    found.write(document)
    found.unprotect()
    found.destroy(quiet=True)
    with pytest.raises(StackError, match="no stack named"):
        Stack(little.folder, "nosuch").export()


def test_cleaning_gets_past_a_lock_and_a_protection(little: Shell) -> None:
    lock(little, gone_pid())
    environment = {**os.environ, **little.environment}
    assert demo.destroy(little.folder, environment, "little") == 0
    assert little.state("little") == []


def test_cleaning_does_not_take_a_running_deployments_lock(
    little: Shell, capfd: pytest.CaptureFixture[str]
) -> None:
    running = subprocess.Popen(
        ["pulumi", "logs", "--follow", "--stack", "little"],
        cwd=little.folder,
        env={**os.environ, **little.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        lock(little, running.pid)
        assert demo.destroy(little.folder, {**os.environ, **little.environment}, "little") == 1
    finally:
        running.kill()
        running.wait()
    assert f"pid {running.pid}" in capfd.readouterr().err
    assert little.state("little")
