"""The acceptance checks refuse to look at the lab when an engineer forgot to say which site to accept."""

import os
import subprocess
import sys

import pytest

from tests.acceptance.conftest import asked_for_alone
from tests.support.shell import REPOSITORY

USAGE = 4


def collected(*arguments: str, **variables: str) -> tuple[int, str]:
    """Return exit code and output of pytest that only collects."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IOT_BROKER_")}
    done = subprocess.run(
        (sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments),
        cwd=REPOSITORY,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_they_refuse_without_a_site() -> None:
    code, output = collected("tests/acceptance/test_doors.py")
    assert code == USAGE
    assert "export IOT_BROKER_SITE=SITE" in output


def test_they_run_where_a_site_is_named() -> None:
    code, output = collected("tests/acceptance/test_doors.py", IOT_BROKER_SITE="eagle-ford")
    assert code == 0, output


@pytest.mark.parametrize(
    ("asked", "alone"),
    [
        (["tests/acceptance"], True),
        (["tests/acceptance/test_doors.py::test_it"], True),
        (["tests"], False),
        (["tests/acceptance", "tests/unit/docs"], False),
    ],
)
def test_they_look_at_the_lab_as_a_part_of_all_tests(asked: list[str], alone: bool) -> None:
    assert asked_for_alone(asked, REPOSITORY) is alone
