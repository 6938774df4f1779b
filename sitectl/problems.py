"""How `sitectl` tells people what is wrong: the model's own words, shortened paths, colour where it helps."""

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from model.errors import SiteError, report
from model.words import lines
from sitectl.output import paint


def refuse(reason: str) -> NoReturn:
    """Say on stderr why the answer is no, and exit with status 1."""
    show(reason)
    sys.exit(1)


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
