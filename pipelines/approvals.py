"""Whether what was approved may go on: the approvals lie beside the records, signed; the forge may still object."""

from collections.abc import Iterator
from pathlib import Path

from model.promotion import Chain, Record
from model.promotion.chain import folder_of
from pipelines.forge import Forge, Request, present
from sitectl import git

INTO = "main"
"""The branch that is deployed, as forges name it."""


def after(chain: Chain, head: str) -> Iterator[Record]:
    """Yield the records that follow the one of a content hash; all where there is none."""
    contents = [record.content for record in chain.records]
    yield from chain.records[contents.index(head) + 1 if head in contents else 0 :]


def objection(root: Path, record: Record, approved: tuple[str, ...]) -> str | None:
    """Return why the forge does not let a merged record go on; None when nothing speaks against it.

    Without a forge nothing does. Raises ForgeError or git.GitError.
    """
    forge = present()
    if forge is None:
        return None
    request = request_of(root, forge, record)
    if request is None:
        # A rollback may be needed at any hour, and may come straight from a person who may push.
        came = f"{record.site}: record {record.sequence} came from no change request"
        return (
            None if record.kind == "rollback" else f"{came}\n    bring it by one, and have it approved there"
        )
    return against(root, forge, request, approved, record.site)


def request_of(root: Path, forge: Forge, record: Record) -> Request | None:
    """Return the change request that brought a merged record; raises ForgeError or git.GitError."""
    path = folder_of(Path("stacks"), record.site) / record.file_name
    added = git.must(root, "log", "--diff-filter=A", "--format=%H", "-1", "--", str(path)).strip()
    return forge.merged(added, INTO)


def against(root: Path, forge: Forge, request: Request, approved: tuple[str, ...], site: str) -> str | None:
    """Return what speaks against a change request: an objection, or that its author is among those who approved."""
    objecting = forge.objections(request.number)
    if objecting:
        return (
            f"{site}: {', '.join(objecting)} asked for changes at {request.address}\n"
            "    make them, or have the objection withdrawn there"
        )
    people = _people(root)
    own = [name for name in approved if request.author.casefold() in people.get(name, ())]
    if own:
        return (
            f"{site}: {own[0]} has opened {request.address} as {request.author}: people do not approve their own\n"
            "    have another person approve"
        )
    return None


def _people(root: Path) -> dict[str, tuple[str, ...]]:
    """Return the accounts of each approver, in small letters."""
    from model.promotion.approvers import read_approvers

    approvers = read_approvers(root / "stacks").value
    found = approvers.approvers if approvers else ()
    return {
        person.name: tuple(account.casefold() for account in (person.name, *person.accounts))
        for person in found
    }
