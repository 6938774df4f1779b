"""Preflight sees what a `pulumi` on this machine lacks before it runs the program."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sitectl.checks import Finding, pulumi

Plugins = Callable[[Sequence[dict[str, str]]], list[Finding]]


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """What is found by a CLI that lists some plugins, with nothing else on the PATH."""

    def look(plugins: Sequence[dict[str, str]]) -> list[Finding]:
        answers = {"version": "v3.259.0", "plugin": json.dumps(plugins), "stack": "[]"}
        program = tmp_path / "bin" / "pulumi"
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f"#!{sys.executable}\nimport sys\nprint({answers!r}[sys.argv[1]])\n", encoding="utf-8"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))
        return pulumi.check(tmp_path, "eagle-ford")

    return look


def of(findings: list[Finding], what: str) -> Finding:
    return next(finding for finding in findings if finding.what == what)


def test_a_program_without_its_environment_is_a_finding(found: Plugins, tmp_path: Path) -> None:
    lacking = of(found([]), "the program's environment")
    assert not lacking.passed
    assert "make setup" in lacking.remedy
    (tmp_path / ".venv").symlink_to(sys.prefix)
    assert of(found([]), "the program's environment").passed


def test_an_environment_without_pip_is_a_finding(found: Plugins, tmp_path: Path) -> None:
    """The official language host asks the environment's own pip."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho pip\n")
    python.chmod(0o755)
    assert of(found([]), "the program's environment").detail == "lacks pip"


def test_a_machine_without_a_language_host_is_a_finding(found: Plugins, tmp_path: Path) -> None:
    what = "the language host for Python"
    assert not of(found([]), what).passed
    assert of(found([{"kind": "language", "name": "python"}]), what).passed
    host = tmp_path / "bin" / "pulumi-language-python"
    host.write_text("#!/bin/sh\n")
    host.chmod(0o755)
    assert of(found([]), what).passed


@pytest.mark.parametrize(("pending", "passed"), [([], True), ([{"type": "creating"}], False)])
def test_an_interrupted_deployment_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pending: list[dict[str, str]], passed: bool
) -> None:
    answers = {
        "stack ls": '[{"name": "eagle-ford"}]',
        "stack export": json.dumps({"deployment": {"pending_operations": pending}}),
    }
    program = tmp_path / "pulumi"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nprint({answers!r}.get(' '.join(sys.argv[1:3]), '[]'))\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = of(pulumi.check(tmp_path, "eagle-ford"), "stack eagle-ford")
    assert finding.passed is passed
    assert passed or finding.remedy == "sitectl recover eagle-ford"
