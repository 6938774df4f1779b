"""How `sitectl` tells people what is wrong: the model's own words, shortened paths, colour where it helps."""

import errno
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from model.errors import SiteError, report
from model.words import lines, printable
from sitectl.output import paint, write_json


def refuse(reason: str, mistakes: Iterable[SiteError] = ()) -> NoReturn:
    """Say why the answer is no, and exit with status 1; `mistakes` are what JSON lists one by one."""
    context = click.get_current_context(silent=True)
    as_json = bool(context and context.params.get("as_json"))
    sys.exit(failed(reason, 1, mistakes, as_json=as_json))


def refuse_data(errors: Iterable[SiteError]) -> NoReturn:
    """Say what is wrong with site data, and exit with status 1."""
    found = tuple(errors)
    refuse(worded(found), found)


def failed(reason: str, code: int, mistakes: Iterable[SiteError] = (), *, as_json: bool) -> int:
    """Say why a verb failed, on stderr or as JSON on stdout (`docs/reference/error.schema.json`); return the code."""
    if as_json:
        error = {
            "message": click.unstyle(reason),
            "exit_code": code,
            "mistakes": [as_data(mistake) for mistake in mistakes],
        }
        write_json({"error": error})
    else:
        show(reason)
    return code


def worded_os(error: OSError) -> str:
    """Word what the operating system refused: which file, and why."""
    reason = (error.strerror or str(error) or "cannot be read or written").lower()
    if error.errno == errno.ENOSPC and not error.filename:
        return f"standard output: {reason}"
    names = [printable(os.fsdecode(name)) for name in (error.filename, error.filename2) if name]
    return f"{' and '.join(names)}: {reason}" if names else reason


def show(words: str) -> None:
    """Say on stderr what is wrong, remedies in colour on a terminal, and nothing of it for the terminal to act on."""
    click.echo("\n".join(_toned(line) for line in lines(words).split("\n")), err=True)


def worded(errors: Iterable[SiteError]) -> str:
    """Word mistakes in site data, with paths as short as they can be from here."""
    return report(replace(error, file=short(error.file)) for error in errors)


def as_data(error: SiteError) -> dict[str, object]:
    """Return a mistake as plain data for JSON."""
    return {
        "file": str(short(error.file)),
        "line": error.line,
        "key": error.key,
        "problem": error.problem,
        "remedy": error.remedy,
    }


def short(path: Path) -> Path:
    """Return the path relative to the current folder where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _toned(line: str) -> str:
    return paint(line, "good", sys.stderr) if line.startswith("    ") else line
