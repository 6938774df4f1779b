"""A program that meets an interrupted deployment stops, and names the command that recovers it."""

import json
from pathlib import Path

import pytest

from components.interrupted import InterruptedDeploymentError, LastDeployment, check

URN = "urn:pulumi:eagle-ford::iot-broker::iot-broker:site:IotSite$kubernetes:batch/v1:Job::eagle-ford-probe"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that a `pulumi` of the test's own exports; the arguments that it was given lie beside it."""
    file = tmp_path / "state.json"
    command = tmp_path / "pulumi"
    command.write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/arguments"\nexec cat "{file}"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return file


def pending(count: int) -> str:
    operation = {"type": "creating", "resource": {"urn": URN, "type": "kubernetes:batch/v1:Job"}}
    return json.dumps({"version": 3, "deployment": {"pending_operations": [operation] * count}})


def test_a_deployment_that_ended_is_no_hindrance(state: Path) -> None:
    state.write_text(json.dumps({"version": 3, "deployment": {"resources": []}}))
    check("eagle-ford", LastDeployment(state.parent, "eagle-ford"))
    assert (state.parent / "arguments").read_text().split()[:4] == [
        "stack",
        "export",
        "--stack",
        "eagle-ford",
    ]


def test_an_interrupted_deployment_names_what_was_under_way_and_the_command(state: Path) -> None:
    state.write_text(pending(1))
    with pytest.raises(InterruptedDeploymentError) as refusal:
        check("eagle-ford", LastDeployment(state.parent, "eagle-ford"))
    assert "creating Job eagle-ford-probe\n" in str(refusal.value)
    assert "run `sitectl recover eagle-ford`;" in str(refusal.value)


def test_many_operations_are_not_all_named_and_the_bootstrap_has_its_option(state: Path) -> None:
    state.write_text(pending(5))
    with pytest.raises(InterruptedDeploymentError) as refusal:
        check("eagle-ford", LastDeployment(state.parent, "eagle-ford"), bootstrap=True)
    assert str(refusal.value).count("creating Job") == 3
    assert "`sitectl recover eagle-ford --bootstrap`" in str(refusal.value)


def test_a_provider_that_is_being_made_is_this_runs_own(state: Path) -> None:
    urn = "urn:pulumi:eagle-ford::iot-broker::pulumi:providers:pulumi::default"
    operation = {"type": "creating", "resource": {"urn": urn, "type": "pulumi:providers:pulumi"}}
    state.write_text(json.dumps({"version": 3, "deployment": {"pending_operations": [operation]}}))
    check("eagle-ford", LastDeployment(state.parent, "eagle-ford"))


@pytest.mark.parametrize("text", ["", '{"deployment": '])
def test_a_state_that_cannot_be_read_is_for_pulumi_itself_to_say(state: Path, text: str) -> None:
    state.write_text(text)
    check("eagle-ford", LastDeployment(state.parent, "eagle-ford"))


def test_without_pulumi_on_the_path_the_program_stops_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    check("eagle-ford", LastDeployment(tmp_path, "eagle-ford"))
