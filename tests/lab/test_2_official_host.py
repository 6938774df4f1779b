"""With Pulumi's own language host on the PATH the program runs in the environment that `Pulumi.yaml` names."""

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import official_host
from tests.support.shell import REPOSITORY, Shell, copy_program

SITE = "eagle-ford"


@pytest.fixture
def official(deployed: Shell, tmp_path: Path) -> Shell:
    """A shell at the lab with an official language host on the PATH, in a copy of the program beside a lock file."""
    host = tmp_path / "bin" / "pulumi-language-python"
    host.parent.mkdir()
    host.write_text(
        f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}" exec "{sys.executable}" "{official_host.__file__}" "$@"\n'
    )
    host.chmod(0o755)
    folder = copy_program(tmp_path / "program")
    shutil.copy2(REPOSITORY / "uv.lock", folder)
    path = f"{host.parent}{os.pathsep}{deployed.environment.get('PATH', os.environ['PATH'])}"
    return replace(deployed, folder=folder, environment={**deployed.environment, "PATH": path})


def test_the_program_runs_in_the_environment_that_is_named(official: Shell) -> None:
    assert official.preview(SITE) == []


def test_a_project_that_names_none_is_not_run(official: Shell) -> None:
    """The control: beside a `uv.lock` the official host asks for `uv`, which `make setup` puts on no PATH."""
    project = official.folder / "Pulumi.yaml"
    project.write_text("name: iot-broker\nruntime: python\nstackConfigDir: stacks\n")
    outcome = official.pulumi("preview", "--stack", SITE, check=False)
    assert outcome.code != 0
    assert "Could not find `uv` executable" in outcome.text
