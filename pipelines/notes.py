"""Reviews and objections as git notes: they travel with the repository, forge or none, and change no commit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sitectl import git

REF = "refs/notes/iot-broker-reviews"
# Somebody else's push may come between fetch and push; not as often as this.
ATTEMPTS = 5


def put(root: Path, what: str, data: dict[str, Any], ref: str = REF) -> None:
    """Attach data to a commit or another object, in place of what it had before; raises git.GitError."""
    text = json.dumps(data, indent=1, ensure_ascii=False)
    git.must(root, *git.AS_PIPELINE, "notes", f"--ref={ref}", "add", "--force", "--file=-", what, text=text)


def fetch(root: Path, ref: str = REF) -> None:
    """Take in the notes that the repository has, beside those made here; raises git.GitError."""
    if git.must(root, "ls-remote", "origin", ref).strip():
        incoming = f"{ref}-incoming"
        git.must(root, "fetch", "--quiet", "origin", f"+{ref}:{incoming}")
        git.must(
            root, *git.AS_PIPELINE, "notes", f"--ref={ref}", "merge", "--quiet", "--strategy=ours", incoming
        )


def publish(root: Path, ref: str = REF) -> None:
    """Give the notes made here to the repository, also while another does so; raises git.GitError."""
    for left in reversed(range(ATTEMPTS)):
        fetch(root, ref)
        try:
            git.must(root, "push", "--quiet", "origin", f"{ref}:{ref}")
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
