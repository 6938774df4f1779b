"""Adds the approvals that a forge knows to the records of a merge."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from pipelines.forge import ForgeError, present
from sitectl import git


def add(root: Path, sites: Iterable[str], signer: str | None, tell: Callable[[str], None]) -> bool:
    """Add and commit the approvals of each site's new record; say whether they suffice everywhere.

    Raises ForgeError, or git.GitError. The commit is the pipeline's to push.
    """
    import subprocess

    forge = present()
    if forge is None:
        raise ForgeError("this is no forge's runner: people approve by `sitectl approve SITE --by NAME`")
    given = forge.approved(git.commit(root))
    if given is None:
        raise ForgeError("the merged commit came from no change request: nobody has approved it")
    enough = True
    for site in sites:
        if not given.accounts:
            tell(f"{site}: nobody has approved {given.address}")
            enough = False
            continue
        command = [
            sys.executable,
            "-m",
            "sitectl",
            "approve",
            site,
            "--author",
            given.author,
            "--source",
            given.address,
        ]
        for account in given.accounts:
            command += ["--by", account]
        if signer:
            command += ["--signer", signer]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        tell((done.stdout + done.stderr).strip())
        enough = enough and done.returncode == 0
    if git.uncommitted(root, "stacks/promotions"):
        git.must(root, "add", "--", "stacks/promotions")
        git.must(root, "commit", "--quiet", "--message", f"Approvals of {given.address}")
    return enough
