"""What `validate` says of a git checkout whose sites are protected."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.unit.sitectl.test_model_verbs import edited, program, run

__all__ = ["program"]


@pytest.fixture
def checkout(program: Path) -> Path:
    """The program as a git checkout whose sites are protected."""
    for file in (program / "stacks" / "sites").glob("*.yaml"):
        file.write_text(file.read_text().replace("protect: false", "protect: true"))
    who = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    for words in (
        ("init", "--quiet"),
        ("add", "--all"),
        (*who, "commit", "--quiet", "--message=as deployed"),
    ):
        subprocess.run(("git", *words), cwd=program, check=True, capture_output=True)
    return program


def test_another_domain_of_a_protected_site_is_refused_until_it_is_given_up(checkout: Path) -> None:
    old = "eagle-ford.field.example"
    file = edited(checkout, (f"domain: {old}", "domain: karnes.field.example"))
    result = run("validate", "eagle-ford")
    assert result.exit_code == 1
    assert re.search(
        r"stacks/sites/eagle-ford.yaml:\d+: domain: is no longer `domain eagle-ford", result.stderr
    )
    file.write_text(file.read_text() + f'\ngives_up: ["domain {old}"]\n')
    assert run("validate", "eagle-ford").exit_code == 0, run("validate", "eagle-ford").stderr


def test_data_that_lose_nothing_are_valid_against_the_commit_before(checkout: Path) -> None:
    edited(checkout, ("title: Eagle Ford, Karnes County", "title: Eagle Ford"))
    assert run("validate").exit_code == 0


def test_a_site_whose_file_is_gone_is_warned_of(checkout: Path) -> None:
    (checkout / "stacks" / "sites" / "baytown.yaml").unlink()
    result = run("validate", "eagle-ford")
    assert "baytown: its file is gone since" in result.stderr
