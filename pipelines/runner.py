"""Serves a bare repository with no forge: for sites that no hosted runner reaches.

What a forge's pipelines do by events, this does by looking: each new commit of a change's branch is reviewed once, and
when the branch that is deployed has moved, what was merged is released. What is done already is known by git alone:
reviews by their notes, the last release by a ref of this runner.

Only the branch that is deployed is ever checked out, and only its program runs: a change is read as data.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from components.protected import VARIABLE as PROTECTED
from pipelines import notes
from sitectl import git

RELEASED = "refs/iot-broker/released"
REVIEWED = "refs/iot-broker/reviewed"


Task = Literal["review", "release"]


def serve(
    repository: str,
    branch: str,
    changes: str,
    work: Path,
    sites: Sequence[str],
    tell: Callable[[str], None],
    only: Task | None = None,
) -> bool:
    """Do what is to be done now, and say whether all of it went well; raises git.GitError.

    `only` is for two runners with logins of their own: one that may but read reviews, one that may deploy releases.
    """
    fetched = _fetch(repository, work, branch)
    if not fetched:
        tell(f"the first look at {repository}: from now on, what is merged into {branch} is released")
    well, head = True, _ref(work, f"refs/remotes/origin/{branch}")
    for name, commit in _branches(work, changes) if only != "release" and head else ():
        if _ref(work, f"{REVIEWED}/{name}") == commit:
            continue
        tell(f"review of {name} ({commit[:12]})")
        step = ("review", "--push", "--against", f"refs/remotes/origin/{branch}", "--change", commit)
        if not _step(work, branch, str(head), step, sites, tell):
            well = False  # looked at again the next time: the reason may be a server that was away
            continue
        git.must(work, "update-ref", f"{REVIEWED}/{name}", commit)
    released = _ref(work, RELEASED)
    if only != "review" and head and released and head != released:
        tell(f"release of {branch} ({head[:12]})")
        if not _step(work, branch, head, ("release", "--against", released), sites, tell):
            return False
        git.must(work, "update-ref", RELEASED, head)
    return well


def _fetch(repository: str, work: Path, branch: str) -> bool:
    """Fetch what is new; return False when this was the first look, whose state counts as released."""
    if not (work / ".git").exists():
        work.mkdir(parents=True, exist_ok=True)
        git.must(work, "clone", "--quiet", "--no-checkout", "--no-tags", repository, ".")
    # No tags: one that is named like a branch would be found in its place.
    git.must(
        work, "fetch", "--quiet", "--prune", "--no-tags", "origin", "+refs/heads/*:refs/remotes/origin/*"
    )
    notes.fetch(work)
    if _ref(work, RELEASED) is None:
        head = _ref(work, f"refs/remotes/origin/{branch}")
        if head:
            git.must(work, "update-ref", RELEASED, head)
        return False
    return True


def _branches(work: Path, changes: str) -> list[tuple[str, str]]:
    form, pattern = "%(refname:lstrip=3) %(objectname)", f"refs/remotes/origin/{changes}"
    lines = git.must(work, "for-each-ref", f"--format={form}", pattern).splitlines()
    return [(name, commit) for name, _, commit in (line.partition(" ") for line in lines)]


def _ref(work: Path, name: str) -> str | None:
    return git.resolved(work, name)


def _step(
    work: Path,
    branch: str,
    head: str,
    step: Sequence[str],
    sites: Sequence[str],
    tell: Callable[[str], None],
) -> bool:
    """Run one step on the last commit of the branch that is deployed, as it could be run by hand."""
    git.must(work, "checkout", "--quiet", "--force", "--detach", head)
    chosen = [argument for site in sites for argument in ("--site", site)]
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", *step, *chosen],
        cwd=work,
        env={**os.environ, PROTECTED: f"refs/remotes/origin/{branch}"},
        capture_output=True,
        text=True,
        check=False,
    )
    tell((done.stdout + done.stderr).strip())
    return done.returncode == 0
