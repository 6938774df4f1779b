"""What git knows of the data: who works here, on which commit, and what a revision holds."""

import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from model.words import lines

SECONDS = 30.0
# Who commits where no person does.
AS_PIPELINE = ("-c", "user.name=pipeline", "-c", "user.email=pipeline@localhost")


class GitError(Exception):
    """Git cannot answer: what was asked, and its own words."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{lines(what)}\n    {lines(remedy)}")


def commit(root: Path) -> str:
    """Return the full name of the commit that is checked out; raises GitError."""
    return _ask(
        root, "no commit is checked out here", "run it in a checkout of the program", "rev-parse", "HEAD"
    )


def user(root: Path) -> str:
    """Return `name <address>` of whoever works here; raises GitError."""
    remedy = "tell git: `git config user.name …` and `git config user.email …`"
    name = _ask(root, "git does not know who you are", remedy, "config", "user.name")
    return f"{name} <{_ask(root, 'git does not know your address', remedy, 'config', 'user.email')}>"


def is_checkout(root: Path) -> bool:
    """Say whether the folder belongs to a git checkout that has a commit."""
    return _run(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode == 0


def uncommitted(root: Path, folder: str) -> list[str]:
    """Return the files under a folder that differ from the commit, or that it does not have; raises GitError."""
    answer = _run(root, "status", "--porcelain", "--untracked-files=all", "--", folder)
    if answer.returncode:
        raise GitError(answer.stderr.strip() or "git status failed", "run it in a checkout of the program")
    return [line[3:] for line in answer.stdout.splitlines()]


def files_digest(root: Path, revision: str, without: str) -> str:
    """Return `sha256:…` of the names and contents of a revision's files, but those whose names end with a text.

    Raises GitError.
    """
    listing = _ask(
        root, f"`{revision}` is no revision here", "fetch it", "ls-tree", "-r", "--full-tree", revision
    )
    kept = "\n".join(line for line in listing.splitlines() if not line.endswith(without))
    return f"sha256:{hashlib.sha256(kept.encode()).hexdigest()}"


def changed(root: Path, revision: str, *paths: str) -> list[str]:
    """Return the files under the paths that differ between a revision and the checkout; raises GitError."""
    remedy = "name a branch, a tag or a commit that was fetched"
    return _ask(
        root,
        f"`{revision}` is no revision here",
        remedy,
        "diff",
        "--name-only",
        "--relative",
        revision,
        "--",
        *paths,
    ).splitlines()


def between(root: Path, range_: str, *paths: str) -> list[str]:
    """Return the files under the paths that differ between two revisions, `A..B` or `A...B`; raises GitError."""
    left, _, right = range_.partition("..")
    three = right.startswith(".")
    return must(
        root,
        "diff",
        "--name-only",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--relative",
        "-z",
        f"{left}{'...' if three else '..'}{right.lstrip('.')}",
        "--",
        *paths,
    ).split("\0")[:-1]


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a commit: how git keeps it, its content's name and size in bytes, and its path."""

    mode: str
    name: str
    size: int
    path: str


def entries(root: Path, commit: str, folder: str) -> Iterator[Entry]:
    """Yield the files of a commit under a folder, with paths relative to the program; raises GitError."""
    listing = must(root, "ls-tree", "-r", "-l", "-z", commit, "--", folder)
    for line in listing.split("\0")[:-1]:
        facts, _, path = line.partition("\t")
        mode, _, name, size = facts.split()
        yield Entry(mode, name, int(size) if size.isdecimal() else 0, path)


def blob(root: Path, name: str) -> bytes:
    """Return a content by its name, byte for byte: no filter and no attribute is applied; raises GitError."""
    done = subprocess.run(
        ("git", "cat-file", "blob", name), cwd=root, capture_output=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        raise GitError(
            f"{name} cannot be read: {done.stderr.decode(errors='replace').strip()}", "fetch again"
        )
    return done.stdout


def resolved(root: Path, name: str) -> str | None:
    """Return the commit or object that a ref names; None when there is no such ref."""
    answer = _run(root, "rev-parse", "--verify", "--quiet", name)
    return answer.stdout.strip() if answer.returncode == 0 else None


def must(
    root: Path, *arguments: str, text: str | None = None, variables: Mapping[str, str] | None = None
) -> str:
    """Return what git prints for a command that must succeed; raises GitError with git's own words.

    `variables` are the command's whole environment, this process's own when left out.
    """
    answer = _run(root, *arguments, text=text, variables=variables)
    if answer.returncode:
        raise GitError(f"`git {' '.join(arguments[-3:])}`: {answer.stderr.strip()}", "see what git says")
    return answer.stdout


def files_at(root: Path, revision: str, folder: str) -> dict[str, str]:
    """Return the texts of the files under a folder at a revision, by path relative to the program.

    Raises GitError when there is no such revision.
    """
    if revision.startswith("-"):
        raise GitError(f"`{revision}` is no revision", "name a branch, a tag or a commit")
    remedy = "name a branch, a tag or a commit that was fetched"
    listing = _ask(
        root,
        f"`{revision}` is no revision here",
        remedy,
        "ls-tree",
        "-r",
        "--name-only",
        revision,
        "--",
        folder,
    )
    return {
        path: _ask(root, f"{path} cannot be read", remedy, "show", f"{revision}:./{path}", strip=False)
        for path in listing.splitlines()
    }


def _ask(root: Path, problem: str, remedy: str, *arguments: str, strip: bool = True) -> str:
    answer = _run(root, *arguments)
    if answer.returncode:
        raise GitError(problem, remedy)
    return answer.stdout.strip() if strip else answer.stdout


def _run(
    root: Path, *arguments: str, text: str | None = None, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ("git", "-c", "core.quotePath=false", *arguments),
            cwd=root,
            input=text,
            env=variables,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise GitError("there is no `git` on the PATH", "install git") from None
    except subprocess.TimeoutExpired:
        raise GitError("git does not answer", "look whether another git holds the checkout") from None
