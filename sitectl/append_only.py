"""Compares a checkout's records with those of a revision: records are added, and never changed or removed."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import yaml

from model.datafile import content_of
from model.errors import SiteError
from model.promotion.approving import APPROVALS
from model.promotion.chain import FILE
from model.promotion.judge import AGAIN
from sitectl import git

FOLDER = "stacks/promotions"


def mistakes(root: Path, revision: str, data: Path | None = None) -> list[SiteError]:
    """Return what happened to the records since a revision that must not happen; raises git.GitError.

    `data` is the folder that holds `stacks/` where that is not the checkout itself.
    """
    before = {path: text for path, text in git.files_at(root, revision, FOLDER).items() if _is_record(path)}
    found = list(_changed(data or root, revision, before))
    found += _forks(data or root, revision, before)
    return found


def default_revision(root: Path) -> str | None:
    """Return the commit that is checked out, which uncommitted work is compared with; None outside of git."""
    try:
        return git.commit(root) if git.is_checkout(root) else None
    except git.GitError:
        return None


def _is_record(path: str) -> bool:
    pure = PurePosixPath(path)
    return len(pure.parts) == 4 and bool(FILE.fullmatch(pure.name) or pure.name.endswith(APPROVALS))


def _changed(root: Path, revision: str, before: Mapping[str, str]) -> Iterator[SiteError]:
    for path, text in before.items():
        file = root / path
        name = PurePosixPath(path).name
        if not file.is_file():
            remedy = f"restore it: `git restore --source {revision} -- {path}`"
            if _number_is_taken(file):
                remedy = AGAIN
            yield SiteError(
                file, None, "", f"was removed since {_short(revision)}: records are never removed", remedy
            )
        elif not name.endswith(APPROVALS) and _content(file.read_text(encoding="utf-8")) != _content(text):
            problem = (
                f"is not what {_short(revision)} has: another branch promoted the site, or it was edited"
            )
            yield SiteError(file, None, "", problem, f"{AGAIN}, or restore it")


def _forks(root: Path, revision: str, before: Mapping[str, str]) -> Iterator[SiteError]:
    """Yield records that are new here and have the number of one that the revision has."""
    taken: dict[str, set[str]] = {}
    for path in before:
        pure = PurePosixPath(path)
        if FILE.fullmatch(pure.name):
            taken.setdefault(pure.parts[2], set()).add(pure.name[:4])
    for site, numbers in taken.items():
        for file in sorted((root / FOLDER / site).glob("*.yaml")):
            path = f"{FOLDER}/{site}/{file.name}"
            if FILE.fullmatch(file.name) and path not in before and file.name[:4] in numbers:
                problem = f"{_short(revision)} has a record {file.name[:4]} already: another branch promoted the site"
                yield SiteError(file, None, "", problem, AGAIN)


def _number_is_taken(file: Path) -> bool:
    return any(FILE.fullmatch(other.name) for other in file.parent.glob(f"{file.name[:4]}-*.yaml"))


def _content(text: str) -> str:
    """Return the hash of what a record says: style and comments do not count, as for its signature."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return content_of(data) if isinstance(data, dict) else text


def _short(revision: str) -> str:
    return revision[:12] if len(revision) == 40 else revision
