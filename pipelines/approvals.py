"""Adds the approvals that a forge knows to the records of a merge."""

import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from model.promotion import Record, read_chain
from model.promotion.chain import folder_of
from pipelines.forge import Forge, ForgeError, present
from sitectl import git

FOLDER = "stacks/promotions"


def add(
    root: Path, sites: Iterable[str], signer: str | None, tell: Callable[[str], None], *, push: bool
) -> bool:
    """Add and commit the approvals of each site's last record that lacks them; say whether they suffice everywhere.

    Raises ForgeError, or git.GitError.
    """
    forge = present()
    enough = True
    for site in sites:
        record = read_chain(root / "stacks", site).records[-1]
        if record.kind == "rollback" or _sitectl(root, "approve", site, "--check") is None:
            continue
        if forge is None:
            raise ForgeError("this is no forge's runner: people approve by `sitectl approve SITE --by NAME`")
        refused = _approve(root, forge, record, signer)
        if refused is not None:
            tell(refused)
            enough = False
    if git.uncommitted(root, FOLDER):
        git.must(root, "add", "--", FOLDER)
        git.must(root, *git.AS_PIPELINE, "commit", "--quiet", "--message", "Approvals of what was merged")
        if push:
            git.must(root, "push", "--quiet", "origin", "HEAD:main")
    return enough


def _approve(root: Path, forge: Forge, record: Record, signer: str | None) -> str | None:
    """Add the approvals of the change request that brought a record; return why they do not suffice."""
    path = folder_of(Path("stacks"), record.site) / record.file_name
    added = git.must(root, "log", "--diff-filter=A", "--format=%H", "-1", "--", str(path)).strip()
    given = forge.approved(added)
    if given is None:
        return f"{record.site}: record {record.sequence} came from no change request: nobody has approved it"
    if not given.accounts:
        return f"{record.site}: nobody has approved {given.address}"
    command = ["approve", record.site, "--author", given.author, "--source", given.address]
    command += [argument for account in given.accounts for argument in ("--by", account)]
    return _sitectl(root, *command, *(("--signer", signer) if signer else ()))


def _sitectl(root: Path, *arguments: str) -> str | None:
    """Run `sitectl`; return what it said when its answer was no, else None."""
    command = (sys.executable, "-m", "sitectl", *arguments)
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip() if done.returncode else None
