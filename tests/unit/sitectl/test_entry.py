"""However a command ends, it ends in words: no traceback, a code that is not zero, and JSON where that is asked for."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sitectl import entry
from sitectl.failure import SCHEMA_FILE, ErrorDocument, schema
from tests.support.shell import REPOSITORY

LONG = "x" * 300
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


WRONG = {
    "a name of 300 letters": ("render", LONG),
    "a key of 300 letters": ("explain", "eagle-ford", LONG),
    "no such verb": ("vallidate",),
    "no such flag": ("sites", "--jsn"),
    "output on a file": ("render", "eagle-ford", "--out", str(REPOSITORY / "README.md")),
    "output where no file can be": ("render", "eagle-ford", "--out", "/proc/nowhere"),
    "output without a name": ("render", "eagle-ford", "--out", ""),
    "a file where a folder stands": ("new", LONG, "--kind", "onshore-field"),
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_done_is_said_in_words(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code = entry.run(arguments)
    assert code not in (0, entry.FAULT)
    words = capsys.readouterr().err
    assert words.strip()
    assert "Traceback" not in words


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG.keys())
def test_with_json_the_words_are_json(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    code = entry.run((*arguments, "--json"))
    assert code not in (0, entry.FAULT)
    failure = ErrorDocument.model_validate_json(capsys.readouterr().out).error
    assert failure.exit_code == code
    assert failure.message


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


def test_a_fault_of_the_kit_is_words_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("sitectl.main.main.main", fails)
    assert entry.run(["sites"]) == entry.FAULT
    assert "a fault of the kit: ZeroDivisionError: by nothing" in capsys.readouterr().err
    assert entry.run(["sites", "--json"]) == entry.FAULT
    assert ErrorDocument.model_validate_json(capsys.readouterr().out).error.exit_code == entry.FAULT
    # The control: who mends the kit can see where it was.
    monkeypatch.setenv("SITECTL_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        entry.run(["sites"])


def test_the_schema_of_errors_is_fresh() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema()


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
