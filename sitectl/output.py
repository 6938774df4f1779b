"""What every verb prints with: aligned tables, colour on a terminal only, JSON, and progress on stderr."""

import json
import os
import re
import sys
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from itertools import cycle
from typing import TextIO

import click

from model.words import printable

STDOUT, STDERR = 1, 2
# As `click.style` writes them.
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
COLOURS = {"good": "green", "warning": "yellow", "bad": "red", "quiet": "bright_black", "strong": None}


def colourful(stream: TextIO) -> bool:
    """Whether the stream is a terminal and its user has not switched colours off (`NO_COLOR`)."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def paint(text: str, tone: str, stream: TextIO | None = None) -> str:
    """Return the text in a tone (good, warning, bad, quiet, strong), bare where colour is not wanted."""
    if not colourful(stream or sys.stdout):
        return text
    return click.style(text, fg=COLOURS[tone], bold=tone == "strong")


def width(text: str) -> int:
    """Return how many columns of a terminal the text takes, colours not counted."""
    bare = click.unstyle(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in bare
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with aligned columns and two spaces between them; no trailing spaces."""
    lines = [
        tuple(paint(title, "strong") for title in header),
        *(tuple(_shown(cell) for cell in row) for row in rows),
    ]
    widths = [max(width(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell + " " * (size - width(cell)) for cell, size in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _shown(cell: str) -> str:
    """Return a cell with nothing in it for the terminal to act on, but the colours that it was painted in."""
    parts = _COLOUR.split(cell)
    parts[::2] = [printable(part) for part in parts[::2]]
    return "".join(parts)


def write_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; nothing but a dash when there are no rows."""
    click.echo(table(header, rows) if rows else "-")


def write_json(data: object) -> None:
    """Print data as JSON, indented, with keys in the order given."""
    click.echo(json_text(data))


def json_text(data: object) -> str:
    """Return data as JSON whose texts a terminal shows, and does not act on: the others are written by number."""
    text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
    if text.replace("\n", "").isprintable():
        return text
    # Outside of its texts JSON has no such character but the line feeds of the indent.
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in text)


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show on stderr that something takes its time: a turning mark on a terminal, nothing elsewhere."""
    if not colourful(sys.stderr):
        yield
        return
    done = threading.Event()
    turning = threading.Thread(target=_turn, args=(what, done), daemon=True)
    turning.start()
    try:
        yield
    finally:
        done.set()
        turning.join()
        click.echo("\r\x1b[K", nl=False, err=True)


@contextmanager
def aside(wanted: bool) -> Iterator[None]:
    """Send to stderr what this process and those that it starts print meanwhile: stdout has JSON alone."""
    if not wanted:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(STDOUT)
    try:
        os.dup2(STDERR, STDOUT)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, STDOUT)
        os.close(kept)


def _turn(what: str, done: threading.Event) -> None:
    for mark in cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"):
        click.echo(f"\r\x1b[K{mark} {what}", nl=False, err=True)
        if done.wait(0.1):
            return
