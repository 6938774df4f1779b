"""What can be wrong with site data, as facts, and the one place that words a whole list of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from model.words import lines as printable_lines
from model.words import printable


@dataclass(frozen=True, slots=True)
class SiteError:
    """One mistake in the data: where it is, what it is, and what would be right."""

    file: Path
    line: int | None
    key: str
    problem: str
    remedy: str

    @property
    def place(self) -> str:
        """`file:line`, as editors and terminals make it a link."""
        return f"{self.file}:{self.line}" if self.line else str(self.file)


class SiteErrors(Exception):
    """All the mistakes found in the data of one or more sites."""

    def __init__(self, errors: Iterable[SiteError]) -> None:
        self.errors = tuple(errors)
        super().__init__(report(self.errors))


def report(errors: Iterable[SiteError]) -> str:
    """Word the errors for people: two lines for each, and how many there are."""
    found = tuple(errors)
    lines = []
    for error in found:
        key = f"{printable(error.key)}: " if error.key else ""
        lines.append(f"{printable(error.place)}: {key}{printable_lines(error.problem)}")
        lines.append(f"    {printable_lines(error.remedy)}")
    count = "1 mistake" if len(found) == 1 else f"{len(found)} mistakes"
    return "\n".join([*lines, f"{count} in the site data; nothing was touched."])
