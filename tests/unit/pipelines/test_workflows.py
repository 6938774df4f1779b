"""Both forges run the same steps; actions are pinned, rights are few, and no key is stored."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import click
import pytest
import yaml

from pipelines.__main__ import main
from tests.support.shell import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
GITLAB = REPOSITORY / ".gitlab-ci.yml"
STEP = re.compile(r"python -m pipelines (.*)")
# Rights that a job may ask for, and nothing beyond.
RIGHTS = {"contents", "pull-requests", "id-token"}


def load(file: Any) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in WORKFLOWS:
        for name, job in load(file)["jobs"].items():
            yield f"{file.stem}/{name}", job


def commands_of_github() -> set[str]:
    return {step["run"] for _, job in jobs() for step in job["steps"] if STEP.search(step.get("run", ""))}


def commands_of_gitlab() -> set[str]:
    scripts = [
        entry for job in load(GITLAB).values() if isinstance(job, dict) for entry in job.get("script", ())
    ]
    return {entry for entry in scripts if STEP.search(entry)}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_is_pinned_by_its_digest(file: Any) -> None:
    uses = re.findall(r"uses: (\S+)(.*)", file.read_text())
    assert uses
    for action, comment in uses:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), action
        assert re.search(r"# v\d", comment), f"{action} does not say which version it is"


def test_a_workflow_has_no_right_but_what_a_job_asks_for() -> None:
    assert all(load(file)["permissions"] == {} for file in WORKFLOWS)
    for name, job in jobs():
        assert set(job["permissions"]) <= RIGHTS, name
        assert job["timeout-minutes"] <= 360, name


def test_no_key_is_stored() -> None:
    text = "".join(file.read_text() for file in (*WORKFLOWS, GITLAB))
    assert "secrets." not in text
    assert not re.search(
        r"(?i)(password|private[_-]key|vault_token)\s*[:=]\s*[\"']?\w", text.replace("password=\\$", "")
    )
    logins = [command for command in commands_of_github() | commands_of_gitlab() if " login " in command]
    assert logins


def test_only_one_release_runs_at_a_time() -> None:
    release = next(file for file in WORKFLOWS if file.stem == "release")
    assert load(release)["concurrency"] == {"group": "release", "cancel-in-progress": False}
    assert load(GITLAB)["release"]["resource_group"] == "release"


def test_a_fork_never_reaches_a_stack() -> None:
    review = dict(jobs())["review/review"]
    assert "head.repo.full_name == github.repository" in review["if"]
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in str(load(GITLAB)["review"]["rules"])


def test_what_a_stranger_writes_is_never_part_of_a_script() -> None:
    for name, job in jobs():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), name


def test_both_forges_run_the_same_steps() -> None:
    assert sorted(map(form, commands_of_github())) == sorted(map(form, commands_of_gitlab()))


@pytest.mark.parametrize("text", sorted(commands_of_github() | commands_of_gitlab()))
def test_each_step_is_a_command_that_there_is(text: str) -> None:
    found = STEP.search(text)
    assert found is not None
    verb, *arguments = shlex.split(found[1])
    command = main.commands[verb]
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert {argument for argument in arguments if argument.startswith("--")} <= known
    given = [argument if not argument.startswith("$") else "1" for argument in arguments]
    command.make_context(verb, given, resilient_parsing=False)
    assert isinstance(command, click.Command)


def form(command: str) -> str:
    """Return a step with the forge's own variables taken out."""
    return re.sub(r"\$\w+", "$", command.replace('"', ""))
