"""The tests of one process, as `make test` has them: those that start programs leave nothing to the unit tests."""

import subprocess
import sys

from tests.support.shell import REPOSITORY


def test_what_was_started_before_a_test_is_not_its_own() -> None:
    """In one process, as `make test` has it: first a file that starts programs, then one that starts none."""
    files = ("tests/programs/words/test_configurations.py", "tests/unit/lab/test_certificates.py")
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files)
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
