"""Reads the protected branch from git: promotions are judged by what it says, never by what a change brings along."""

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from model.promotion.branch import Arrival, Branch, Judge

VARIABLE = "IOT_BROKER_PROTECTED"
"""Names the protected branch where git does not say it: `refs/remotes/origin/main`, or `main`."""
OBJECTIONS = "refs/notes/iot-broker-objections"
"""The notes of who asked for changes at a forge; each stands for itself, whatever it is attached to."""
SECONDS = 60.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
# Whatever a branch brings along stays text: no hook, no watcher, no pattern in a path, no replaced object.
_PLAIN = (
    "--literal-pathspecs",
    "--no-replace-objects",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.quotePath=false",
)


class ProtectedBranchError(Exception):
    """The protected branch cannot be asked: why, and what would help."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n    {remedy}")


class GitBranch(Branch):
    """The protected branch in the git checkout that the program lies in."""

    def __init__(self, root: Path, ref: str) -> None:
        tip = _git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        if tip is None:
            raise ProtectedBranchError(
                f"the protected branch `{ref}` is not here, and promotions are judged by it",
                f"fetch it, or name it: {VARIABLE}=origin/BRANCH",
            )
        super().__init__(re.sub(r"^refs/(remotes|heads)/", "", ref), tip.strip())
        if (_git(root, "rev-parse", "--is-shallow-repository") or "").strip() == "true":
            raise ProtectedBranchError(
                "this is a shallow clone: it does not say since when a record is there",
                "fetch the whole history: `git fetch --unshallow`",
            )
        self._root = root
        self._prefix = (_git(root, "rev-parse", "--show-prefix") or "").strip()
        self._contents: dict[tuple[str, str], bytes | None] = {}
        self._objections: tuple[bytes, ...] | None = None
        self._arrivals: dict[tuple[str, bool], Arrival | None] = {}

    def content(self, commit: str, path: str) -> bytes | None:
        """Return what a file held at a commit."""
        key = (commit, path)
        if key not in self._contents:
            self._contents[key] = _blob(self._root, f"{commit}:{self._place(path)}")
        return self._contents[key]

    def arrival(self, path: str, *, last: bool) -> Arrival | None:
        """Return by which commit the branch itself, not one that was merged into it, got a file."""
        key = (path, last)
        if key not in self._arrivals:
            self._arrivals[key] = self._arrival(path, "AM" if last else "A")
        return self._arrivals[key]

    def _arrival(self, path: str, how: str) -> Arrival | None:
        if self.content(self.tip, path) is None:
            return None
        found = _git(
            self._root,
            "log",
            "-1",
            "--first-parent",
            "--diff-merges=first-parent",
            "--no-renames",
            f"--diff-filter={how}",
            "--format=%H %ct %P",
            self.tip,
            "--",
            f"stacks/{path}",
        )
        # The first line alone: what merges are compared with makes git show the difference, too.
        commit, seconds, *parents = (found or "").partition("\n")[0].split() or ("", "")
        if not commit:
            return None
        return Arrival(commit, parents[0] if parents else None, datetime.fromtimestamp(int(seconds), UTC))

    def held(self, commit: str) -> datetime | None:
        """Return when a commit was made that the branch holds."""
        if not _COMMIT.fullmatch(commit):
            return None
        if _git(self._root, "merge-base", "--is-ancestor", commit, self.tip) is None:
            return None
        return datetime.fromtimestamp(int(_git(self._root, "show", "-s", "--format=%ct", commit) or 0), UTC)

    def objections(self) -> tuple[bytes, ...]:
        """Return the notes of objections that are in the checkout."""
        if self._objections is None:
            listing = _git(self._root, "notes", f"--ref={OBJECTIONS}", "list") or ""
            notes = (_blob(self._root, line.partition(" ")[0]) for line in listing.splitlines())
            self._objections = tuple(note for note in notes if note is not None)
        return self._objections

    def _place(self, path: str) -> str:
        return f"{self._prefix}stacks/{path}"


def judge(root: Path, stacks: Path | None = None, now: datetime | None = None) -> Judge:
    """Return by what the promotions of a data folder are judged; raises ProtectedBranchError.

    `root` is the program's folder, `stacks` its data where that lies elsewhere. Where no promotion was ever recorded,
    git is not asked; outside of git (an unpacked copy) the folder's own signers and approvers are all there is.
    """
    moment = now or datetime.now(UTC)
    data = stacks or root / "stacks"
    evidence = any(True for folder in ("promotions", "reports") for _ in (data / folder).glob("*/*"))
    return Judge(moment, protected(root) if evidence else None)


def protected(root: Path) -> GitBranch | None:
    """Return the protected branch; None outside of git. Raises ProtectedBranchError where it cannot be known."""
    named = os.environ.get(VARIABLE)
    if not _in_git(root):
        if named:
            raise ProtectedBranchError(f"{VARIABLE} is set, and {root} is no git checkout", "run it in one")
        return None
    return GitBranch(root, _full(root, named) if named else _known(root))


def _known(root: Path) -> str:
    """Return the full name of the branch that the remote calls its own; without a remote, of `main`."""
    if not (_git(root, "remote") or "").strip():
        return "refs/heads/main"
    return (_git(root, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD") or "").strip() or (
        "refs/remotes/origin/main"
    )


def _full(root: Path, name: str) -> str:
    """Return a branch's full name: short ones could be tags, which anybody may push."""
    if name.startswith("refs/"):
        return name
    known = (f"refs/remotes/{name}", f"refs/heads/{name}")
    return next((ref for ref in known if _git(root, "rev-parse", "--verify", "--quiet", ref)), known[0])


def _in_git(root: Path) -> bool:
    marked = any((folder / ".git").exists() for folder in (root.resolve(), *root.resolve().parents))
    if marked and _git(root, "rev-parse", "--git-dir") is None:
        raise ProtectedBranchError(
            f"git cannot read the checkout of {root}, and promotions are judged by its protected branch",
            "see what `git status` says there",
        )
    return marked and _git(root, "rev-parse", "--verify", "--quiet", "HEAD") is not None


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints; None when its answer is no."""
    found = _run(root, *arguments)
    return None if found is None else found.decode(errors="replace")


def _blob(root: Path, name: str) -> bytes | None:
    return _run(root, "cat-file", "blob", name)


def _run(root: Path, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(
            ("git", *_PLAIN, *arguments), cwd=root, capture_output=True, timeout=SECONDS, check=False
        )
    except FileNotFoundError:
        raise ProtectedBranchError(
            "there is no `git` on the PATH, and promotions are judged by the protected branch", "install git"
        ) from None
    except subprocess.TimeoutExpired:
        raise ProtectedBranchError(
            f"`git {arguments[0]}` is not done after {SECONDS:g} s",
            "look whether another git holds the checkout",
        ) from None
    return done.stdout if done.returncode == 0 else None
