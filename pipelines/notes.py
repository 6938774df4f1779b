"""Reviews as git notes: they travel with the repository, on a forge as without one, and change no commit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sitectl import git

REF = "refs/notes/iot-broker-reviews"
INCOMING = f"{REF}-incoming"
# Somebody else's push may come between fetch and push; not as often as this.
ATTEMPTS = 5


def put(root: Path, commit: str, data: dict[str, Any]) -> None:
    """Attach a review to a commit, in place of an earlier one; raises git.GitError."""
    text = json.dumps(data, indent=1, ensure_ascii=False)
    git.must(root, *git.AS_PIPELINE, "notes", f"--ref={REF}", "add", "--force", "--file=-", commit, text=text)


def fetch(root: Path) -> None:
    """Take in the reviews that the repository has, beside those made here; raises git.GitError."""
    if git.must(root, "ls-remote", "origin", REF).strip():
        git.must(root, "fetch", "--quiet", "origin", f"+{REF}:{INCOMING}")
        git.must(
            root, *git.AS_PIPELINE, "notes", f"--ref={REF}", "merge", "--quiet", "--strategy=ours", INCOMING
        )


def publish(root: Path) -> None:
    """Give the reviews made here to the repository, whoever else does so at the same time; raises git.GitError."""
    for left in reversed(range(ATTEMPTS)):
        fetch(root)
        try:
            git.must(root, "push", "--quiet", "origin", f"{REF}:{REF}")
        except git.GitError:
            if not left:
                raise
        else:
            return


def of_files(root: Path, files: str) -> Iterator[dict[str, Any]]:
    """Yield the reviews of these very files (as `git.files_digest` counts them), whichever commit they are on."""
    listing = git.must(root, "notes", f"--ref={REF}", "list").splitlines()
    for line in listing:
        try:
            data = json.loads(git.must(root, "cat-file", "blob", line.partition(" ")[0]))
        except ValueError:
            continue  # somebody else's note
        if isinstance(data, dict) and data.get("files") == files:
            yield data
