"""The readiness probe's own sides: wrong calls, and a broker that is not there. What a broker answers: tests/lab."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from components.broker_probe import PROGRAM

ARGUMENTS = {
    "address": "127.0.0.1:1",
    "token-address": "127.0.0.1:1",
    "authorities": "/nowhere/trust.pem",
    "identity": "/nowhere",
    "stranger": "/nowhere",
    "may-read": "site/readiness",
    "may-not-write": "ot/site/readiness",
    "within": "1",
    "pause": "0.2",
}


def run(**changed: str) -> subprocess.CompletedProcess[str]:
    told = ARGUMENTS | changed
    line = [sys.executable, str(PROGRAM), *(f"--{name}={value}" for name, value in told.items())]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"address": "broker"}, "'broker' is no HOST:PORT"),
        ({"within": "soon"}, "'soon' is no number of seconds"),
        ({"within": "nan"}, "'nan' is no number of seconds"),
        ({"pause": "0"}, "'0' is no number of seconds"),
        ({"token-address": "broker:wss"}, "'broker:wss' is no HOST:PORT"),
        ({"token-user": "operator-1", "token-file": "/nowhere"}, "'/nowhere' cannot be read as a token"),
        ({"token-user": "operator-1"}, "--token-user and --token-file go together"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(changed: dict[str, str], words: str) -> None:
    done = run(**changed)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_certificate_that_is_not_there_yet_is_waited_for_and_then_named() -> None:
    done = run()
    assert done.returncode == 1
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("waiting: a certificate cannot be read")
    assert last.startswith("not ready within 1 s: a certificate cannot be read")
    assert done.stderr == ""


def test_the_same_condition_is_told_once(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = run(address=f"127.0.0.1:{port}", authorities=str(tmp_path / "none.pem"))
    assert done.stdout.count("waiting:") == 1


def test_the_program_stands_alone() -> None:
    text = PROGRAM.read_text()
    assert not [name for name in ("components", "model", "lab", "sitectl") if f"from {name}" in text]
