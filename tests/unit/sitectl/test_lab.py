"""`sitectl lab` tells people what is wrong in a sentence, and machines in JSON."""

import json
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner, Result

from sitectl.lab import command
from tests.support.shell import REPOSITORY


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: iot-broker\n")
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IOT_BROKER_LAB", "paper")
    return tmp_path


def lab(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_status_exits_with_1_while_the_lab_is_down() -> None:
    assert lab("status").exit_code == 1


def test_status_speaks_json() -> None:
    statuses = json.loads(lab("status", "--json").stdout)
    assert {"name", "pid", "address", "version", "memory", "ready"} == statuses[0].keys()


def test_the_environment_of_a_lab_that_was_never_up_is_an_error() -> None:
    result = lab("env")
    assert result.exit_code == 1
    assert "sitectl lab up" in result.output


def test_an_unknown_server_is_answered_with_the_known_ones() -> None:
    result = lab("logs", "emqx")
    assert result.exit_code == 1
    assert "keycloak" in result.output


def test_a_log_is_printed(checkout: Path) -> None:
    log = checkout / ".lab" / "paper" / "logs" / "vault.log"
    log.parent.mkdir(parents=True)
    log.write_text("unsealed\n")
    assert lab("logs", "vault").stdout == "unsealed\n"


def test_taking_down_what_is_not_up_is_no_error() -> None:
    result = lab("down", "--purge")
    assert result.exit_code == 0
    assert "0 processes stopped" in result.output


def test_a_history_of_a_site_that_is_not_there_is_refused() -> None:
    result = lab("history", "nowhere")
    assert result.exit_code == 1
    assert "nowhere" in result.output


def test_a_history_needs_a_running_lab(checkout: Path) -> None:
    copytree(REPOSITORY / "stacks", checkout / "stacks", dirs_exist_ok=True)
    result = lab("history", "eagle-ford")
    assert result.exit_code == 1
    assert "run `sitectl lab up` first" in result.output


def test_a_story_that_is_not_known_is_answered_with_the_known_ones() -> None:
    result = lab("history", "eagle-ford", "--story", "sad")
    assert result.exit_code == 2
    assert "'good', 'breached', 'gap'" in result.output
