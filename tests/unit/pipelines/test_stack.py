"""What a plan counts as taking something away, and what an error says to do."""

from pathlib import Path

import pytest

from pipelines.stack import Plan, PulumiError, Stack, Step


def step(operation: str, kind: str) -> Step:
    return Step(operation, f"site-{kind.lower()}", f"kubernetes:{kind}", ())


def test_what_is_deleted_or_made_anew_is_destructive() -> None:
    topic, gone = step("replace", "kafka.strimzi.io/v1:KafkaTopic"), step("delete", "core/v1:ConfigMap")
    plan = Plan("sha256:…", (topic, step("update", "core/v1:ConfigMap"), gone))
    assert plan.destructive == (topic, gone)


def test_a_job_that_is_over_is_not() -> None:
    assert Plan("sha256:…", (step("replace", "batch/v1:Job"),)).destructive == ()


@pytest.mark.parametrize(
    ("words", "advised"),
    [("the stack is currently locked by 1 lock(s)", True), ("connection refused", False)],
)
def test_an_error_of_an_interrupted_deployment_names_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, advised: bool
) -> None:
    program = tmp_path / "pulumi"
    program.write_text(f"#!/bin/sh\necho 'error: {words}' >&2\nexit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(PulumiError) as raised:
        Stack(tmp_path, "eagle-ford").up()
    assert ("sitectl recover eagle-ford" in str(raised.value)) is advised
