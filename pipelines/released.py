"""What was released last, as a ref of the repository: a release that was stopped is taken up by the next one."""

from pathlib import Path

from sitectl import git

PREFIX = "refs/iot-broker/released"


def last(root: Path, name: str) -> str:
    """Return the commit that was released last under a name; raises git.GitError when there is none yet."""
    ref = f"{PREFIX}/{name}"
    if not git.must(root, "ls-remote", "origin", ref).strip():
        raise git.GitError(
            f"nothing was released as `{name}` yet",
            f"say once from which commit on: git push origin COMMIT:{ref}",
        )
    git.must(root, "fetch", "--quiet", "origin", f"+{ref}:{ref}")
    return git.must(root, "rev-parse", ref).strip()


def mark(root: Path, name: str, commit: str) -> None:
    """Write down that a commit was released under a name; raises git.GitError."""
    git.must(root, "push", "--quiet", "--force", "origin", f"{commit}:{PREFIX}/{name}")
