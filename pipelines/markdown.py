"""Writes texts into Markdown, for comments and reports: whatever is in them, they stay texts."""

import re

from model.words import printable
from pipelines.stack import Step

# Words, numbers and the signs between them: nothing of it means anything inside a line.
_PLAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 .,:;/()=-]*[A-Za-z0-9.)])?")


# What readers make a link of.
_LINK = re.compile(r"://|www[.]", re.IGNORECASE)


def inline(text: str) -> str:
    """Return a text for a place inside a line: as it is where it is plain words, else as code.

    Nothing in code is a mark, a link, HTML or somebody's name.
    """
    return text if _PLAIN.fullmatch(text) and not _LINK.search(text) else code(text)


def cell(text: str) -> str:
    """Return a text for a cell of a table, which a `|` would end, also in code."""
    return inline(text).replace("|", "\\|")


def code(text: str) -> str:
    """Return a text as code inside a line."""
    shown = printable(text)
    fence = "`" * (_longest_run(shown) + 1)
    # Spaces keep backticks at the ends apart from the fence; a reader takes one of each away again.
    return (
        f"{fence} {shown} {fence}"
        if shown.strip("`") != shown or not shown.strip()
        else f"{fence}{shown}{fence}"
    )


def block(text: str) -> str:
    """Return lines as a block of code, which no line of them can end."""
    lines = [printable(line) for line in text.splitlines()]
    fence = "`" * max(3, _longest_run("\n".join(lines)) + 1)
    return "\n".join([f"{fence}text", *lines, fence])


def step_line(step: Step, most: int | None = None) -> str:
    """Return a step of a plan as an item's text: what happens to what, and to which properties, `most` of them."""
    shown = ", ".join(inline(name) for name in step.properties[:most])
    more = ", …" if most is not None and len(step.properties) > most else ""
    what = f": {shown}{more}" if shown else ""
    return f"{inline(step.operation)} {code(step.type_token)} **{inline(step.name)}**{what}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
