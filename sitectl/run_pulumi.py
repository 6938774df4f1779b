"""Runs the `pulumi` command, and says in words when it cannot be run."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 3600.0


class NotRunError(Exception):
    """`pulumi` gave no answer: why."""


def run_pulumi(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    text: str | None = None,
    shown: bool = False,
) -> "subprocess.CompletedProcess[str]":
    """Run a command in the program's folder, with `text` as its input; its output is kept, or shown as it comes.

    Raises NotRunError; the exit code is the caller's to look at.
    """
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=dict(environment),
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=not shown,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise NotRunError("there is no `pulumi` on the PATH") from None
    except subprocess.TimeoutExpired:
        raise NotRunError(f"not done after {SECONDS:g} s") from None
