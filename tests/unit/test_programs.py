"""A unit test that starts a program which a machine may lack fails."""

import subprocess
import sys

import pytest

from tests.unit import conftest


def test_a_foreign_program_fails_the_test_that_starts_it() -> None:
    subprocess.run(("git", "--version"), check=True, capture_output=True)
    ending = conftest.pytest_runtest_teardown()
    # What the hook for the next test does: this one is none of those that fail.
    next(ending)
    conftest.pytest_runtest_setup()
    with pytest.raises(AssertionError, match=r"this one started .*/git"):
        next(ending)


def test_python_and_a_program_of_the_tests_own_do_not() -> None:
    subprocess.run((sys.executable, "-c", ""), check=True)
    ending = conftest.pytest_runtest_teardown()
    next(ending)
    with pytest.raises(StopIteration):
        next(ending)
