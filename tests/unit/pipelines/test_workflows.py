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
RIGHTS = {"contents", "pull-requests", "statuses", "id-token"}
# The steps that reach stacks, each with the runners that it may run on: what reviews may not deploy.
RUNNERS = {
    **dict.fromkeys(("review", "approvals", "drift"), "iot-broker-review"),
    "release": "iot-broker-release",
}


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
    uses = re.findall(r"\buses: (\S+)(.*)", file.read_text())
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


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_on_github_no_change_says_what_runs_where_logins_are(file: Any) -> None:
    """The event `pull_request` runs the change's own file; what it starts has no login, and a runner of GitHub's."""
    workflow = load(file)
    events = workflow[True]  # YAML's reading of `on`
    for name, job in workflow["jobs"].items():
        if "id-token" not in job["permissions"]:
            assert job["permissions"] == {"contents": "read"}, name
            assert job["runs-on"] == "ubuntu-24.04", name
            continue
        assert "pull_request" not in events, name
        assert job["runs-on"] == ["self-hosted", RUNNERS[file.stem]], name
        assert events.get("pull_request_target", {}) in ({}, {"branches": ["main"]}), name
        checkouts = [step["with"]["ref"] for step in job["steps"] if "checkout" in step.get("uses", "")]
        assert checkouts == ["main"], name


def test_on_gitlab_no_change_says_what_runs_where_logins_are() -> None:
    """A merge request's pipeline runs the change's own steps: it has neither the runners nor the variables."""
    for name, job in load(GITLAB).items():
        if not isinstance(job, dict) or "script" not in job:
            continue
        rules = [rule["if"] for rule in job["rules"]]
        if name == "test":
            assert "extends" not in job
            assert not any(tag.startswith("iot-broker") for tag in job["tags"])
            continue
        assert job["tags"] == [RUNNERS[name]]
        protected = '$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && $CI_COMMIT_REF_PROTECTED == "true"'
        assert rules
        assert all(rule.startswith(protected) and "merge_request_event" not in rule for rule in rules), name


def test_what_is_compared_is_named_in_full() -> None:
    """A short name may be a tag, which anybody may push."""
    for command in commands_of_github() | commands_of_gitlab():
        assert "origin/" not in command
    for step in main.commands.values():
        for parameter in step.params:
            if parameter.name == "against" and isinstance(parameter.default, str):
                assert parameter.default == "refs/remotes/origin/main", step.name


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
    """Return a step without the number of one change request: GitHub starts a run for each, GitLab one for all."""
    return command.replace(' --number "$NUMBER"', "")
