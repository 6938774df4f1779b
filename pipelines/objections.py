"""Who asks for changes at the forge, as signed git notes beside the reviews: what asks no forge sees it by them.

A note is of a record, whatever commit brings it. It is attached to the blob of the record's content hash.
"""

from datetime import UTC, datetime
from pathlib import Path

from components.protected import OBJECTIONS
from model.promotion import Chain, Record
from model.promotion.objection import OBJECTIONS_FORMAT
from pipelines import notes
from pipelines.approvals import after, request_of
from pipelines.forge import Request, present
from sitectl import git

MADE_BY = "pipelines approvals"


def keep(
    root: Path, chain: Chain, head: str, signer: str | None, request: Request | None = None, *, push: bool
) -> None:
    """Note who asks for changes of the records after a content hash, and who does no more.

    `request` is the change request that brings them; without it the one that brought each is looked for.

    Raises ForgeError, git.GitError or sitectl.signing.SigningError. Without a forge there is nothing to note.
    """
    forge, noted = present(), False
    if forge is None:
        return
    for record in after(chain, head):
        brought = request or request_of(root, forge, record)
        people = forge.objections(brought.number) if brought is not None else ()
        if brought is not None and (people or chain.standings[record.sequence].objection):
            _note(root, record, people, brought.address, signer)
            noted = True
    if noted and push:
        notes.publish(root, OBJECTIONS)


def forget(root: Path, record: Record) -> None:
    """Take a note out of this checkout: the forge was asked, and knows of no objection any more."""
    git.must(
        root,
        *git.AS_PIPELINE,
        "notes",
        f"--ref={OBJECTIONS}",
        "remove",
        "--ignore-missing",
        _object(root, record),
    )


def _note(root: Path, record: Record, people: tuple[str, ...], address: str, signer: str | None) -> None:
    from model.calendar import Moment
    from sitectl.sign import able
    from sitectl.signing import signed

    now = datetime.now(UTC)
    data = {
        "format": OBJECTIONS_FORMAT,
        "site": record.site,
        "record": record.content,
        "people": list(people),
        "address": address,
        "made_by": MADE_BY,
        "made_at": str(Moment.of(now)),
    }
    notes.put(root, _object(root, record), signed(data, able("review", signer), now), OBJECTIONS)


def _object(root: Path, record: Record) -> str:
    return git.must(root, "hash-object", "-w", "--stdin", text=record.content).strip()
