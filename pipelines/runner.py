"""Serves a bare repository with no forge: for sites that no hosted runner reaches.

What a forge's pipelines do by events, this does by looking: each new commit of a change's branch is reviewed once, and
when the branch that is deployed has moved, what was merged is released. What is done already is known by git alone:
reviews by their notes, the last release by a ref of this runner.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines import notes
from sitectl import git

RELEASED = "refs/iot-broker/released"
REVIEWED = "refs/iot-broker/reviewed"


def serve(
    repository: str, branch: str, changes: str, work: Path, sites: Sequence[str], tell: Callable[[str], None]
) -> bool:
    """Do what is to be done now, and say whether all of it went well; raises git.GitError."""
    fetched = _fetch(repository, work, branch)
    if not fetched:
        tell(f"the first look at {repository}: from now on, what is merged into {branch} is released")
    well = True
    for name, commit in _branches(work, changes):
        if _ref(work, f"{REVIEWED}/{name}") == commit:
            continue
        tell(f"review of {name} ({commit[:12]})")
        if not _step(work, commit, ("review", "--push", "--against", f"origin/{branch}"), sites, tell):
            well = False  # looked at again the next time: the reason may be a server that was away
            continue
        git.must(work, "update-ref", f"{REVIEWED}/{name}", commit)
    head, released = _ref(work, f"refs/remotes/origin/{branch}"), _ref(work, RELEASED)
    if head and released and head != released:
        tell(f"release of {branch} ({head[:12]})")
        if not _step(work, head, ("release", "--against", released), sites, tell):
            return False
        git.must(work, "update-ref", RELEASED, head)
    return well


def _fetch(repository: str, work: Path, branch: str) -> bool:
    """Fetch what is new; return False when this was the first look, whose state counts as released."""
    if not (work / ".git").exists():
        work.mkdir(parents=True, exist_ok=True)
        git.must(work, "clone", "--quiet", "--no-checkout", repository, ".")
    git.must(work, "fetch", "--quiet", "--prune", "origin", "+refs/heads/*:refs/remotes/origin/*")
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
    work: Path, commit: str, step: Sequence[str], sites: Sequence[str], tell: Callable[[str], None]
) -> bool:
    """Run one step on a commit, as it could be run by hand."""
    git.must(work, "checkout", "--quiet", "--force", "--detach", commit)
    chosen = [argument for site in sites for argument in ("--site", site)]
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", *step, *chosen],
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )
    tell((done.stdout + done.stderr).strip())
    return done.returncode == 0
