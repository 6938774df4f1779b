"""However a command ends as a process, it ends in words: also where its output goes nowhere, or it is interrupted."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sitectl import entry
from tests.support.shell import REPOSITORY

COMMAND = (sys.executable, "-m", "sitectl")


def ended(
    arguments: Sequence[str], redirected: str = "", folder: Path = REPOSITORY
) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell that redirects its output somewhere."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirected}', "sh", *COMMAND, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("redirected", [">/dev/full", ">&-", "2>&-", "| true", ">&- 2>&-"])
def test_output_that_goes_nowhere_shows_no_traceback(redirected: str) -> None:
    done = ended(("explain", "eagle-ford"), redirected)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_full_disk_is_a_failure() -> None:
    done = ended(("sites",), ">/dev/full")
    assert done.returncode == 1
    assert done.stderr == "standard output: no space left on device\n"


def test_an_interrupt_at_the_start_shows_no_traceback() -> None:
    process = subprocess.Popen(
        [*COMMAND, "sites"], cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=60)
    assert process.returncode != 0
    # Python itself may not have begun to run the command: what it says then is its own.
    assert b"sitectl/" not in words


INTERRUPTS = {
    "while a mistake is worded": "click.UsageError.show = interrupt",
    "while the output is flushed": "entry._flushed = interrupt",
}


@pytest.mark.parametrize("moment", INTERRUPTS.values(), ids=INTERRUPTS.keys())
def test_an_interrupt_at_the_end_shows_no_traceback_either(moment: str) -> None:
    program = (
        "import os, signal, sys, click; from sitectl import entry\n"
        "def interrupt(*_): os.kill(os.getpid(), signal.SIGINT)\n"
        f"{moment}\nsys.argv = ['sitectl', 'sites', '--jsn']\nentry.main()"
    )
    done = subprocess.run(
        (sys.executable, "-c", program),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (entry.INTERRUPTED, False), done.stderr
