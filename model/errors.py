"""What can be wrong with site data, as facts; `model.report` words them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SiteError:
    """One mistake in the data: where it is, what it is, and what would be right."""

    file: Path
    line: int | None
    key: str
    problem: str
    remedy: str


class SiteErrors(Exception):  # noqa: N818 - it carries all the errors, and is named after them
    """All the mistakes found in the data of one or more sites."""

    def __init__(self, errors: Iterable[SiteError]) -> None:
        self.errors = tuple(errors)
        super().__init__(report(self.errors))


def report(errors: Iterable[SiteError]) -> str:
    """Word the errors for people, one paragraph for each."""
    return "\n".join(
        f"{error.file}:{error.line or 1}: {error.key}: {error.problem}\n    {error.remedy}"
        for error in errors
    )
