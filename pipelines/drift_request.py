"""Keeps one branch, and where there is a forge one change request, with the report of drift."""

from pathlib import Path

from pipelines.drift import BRANCH, FILE
from pipelines.forge import present
from sitectl import git

TITLE = "Drift: what exists is not what was deployed"


def request(root: Path, text: str | None, into: str) -> str:
    """Push the report (None: there is no drift) to the branch; open or update its request; say what was done.

    Nothing in the checkout is touched. Raises git.GitError or forge.ForgeError.
    """
    known = git.must(root, "ls-remote", "--heads", "origin", BRANCH).strip()
    if text is None:
        if not known:
            return "no drift, and no request for it"
        git.must(root, "push", "--quiet", "origin", "--delete", BRANCH)
        return f"no drift any more: the branch `{BRANCH}` is gone, and its request with it"
    git.must(root, "push", "--quiet", "--force", "origin", f"{_commit(root, text, into)}:refs/heads/{BRANCH}")
    forge = present()
    if forge is None:
        return f"the branch `{BRANCH}` tells what has drifted"
    return f"the request tells what has drifted: {forge.change_request(BRANCH, into, TITLE, text)}"


def _commit(root: Path, text: str, into: str) -> str:
    """Return a commit on top of the branch with the report in it, made with no checkout."""
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        index = {**os.environ, "GIT_INDEX_FILE": str(Path(folder) / "index")}
        base = f"refs/remotes/origin/{into}"
        blob = git.must(root, "hash-object", "-w", "--stdin", text=text).strip()
        prefix = git.must(root, "rev-parse", "--show-prefix").strip()
        git.must(root, "read-tree", base, variables=index)
        git.must(
            root, "update-index", "--add", "--cacheinfo", f"100644,{blob},{prefix}{FILE}", variables=index
        )
        tree = git.must(root, "write-tree", variables=index).strip()
        return git.must(root, *git.AS_PIPELINE, "commit-tree", tree, "-p", base, "-m", TITLE).strip()
