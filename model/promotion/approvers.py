"""Who may approve, who made a change, and whether a signature is a person's own."""

from collections.abc import Iterator
from pathlib import Path

from model.datafile import DataFile, read_file
from model.errors import SiteError
from model.promotion.record import Approver, Approvers, Record, Signature
from model.promotion.signers import names_of
from model.words import quoted

ADD_APPROVER = "add them to stacks/promotions/approvers.yaml, by a change of its own"
"""What to do where a name is no approver's, and no approver is known yet."""


def approvers_file(stacks: Path) -> Path:
    """Return the file that says who may approve a change of phase."""
    return stacks / "promotions" / "approvers.yaml"


def read_approvers(stacks: Path, content: bytes | None = None) -> DataFile[Approvers]:
    """Read who may approve; `content` is what the file holds elsewhere than in the folder."""
    return read_file(approvers_file(stacks), Approvers, content)


def approver_mistakes(stacks: Path) -> Iterator[SiteError]:
    """Yield the mistakes in the file: also what two people share, for then one of them could count as both."""
    entry = read_approvers(stacks)
    yield from entry.errors
    seen: dict[tuple[str, str], str] = {}
    for person in entry.value.approvers if entry.value else ():
        for what, value in _own(person):
            other = seen.setdefault((what, value.casefold()), person.name)
            if other != person.name:
                problem = f"{quoted(value)} is the {what} of {other}, too: one person would count as two"
                yield entry.error(("approvers", person.name), problem, "give each their own")


def may_approve(person: Approver, approvers: Approvers, site: str) -> tuple[str, str] | None:
    """Return why a person of the file does not approve for a site, and what would be right; None when they do."""
    if person.role not in approvers.roles:
        return f"{person.role} is not a role that approves", "have a person of such a role decide"
    if person.sites is not None and site not in person.sites:
        return f"{quoted(person.name)} does not approve for {site}", "have a person of this site decide"
    return None


def made(person: Approver, record: Record) -> bool:
    """Say whether a person made a record: by its signature, or by git's name and address in it."""
    return signed_by(person, record.signature) or is_author(person, record.made_by)


def is_author(person: Approver, made_by: str) -> bool:
    """Say whether git's name and address are a person's."""
    author = made_by.casefold()
    known = (person.name, *person.accounts, *((person.identity,) if person.identity else ()))
    return person.title.casefold() == author.partition(" <")[0] or any(
        account.casefold() in author for account in known
    )


def signed_by(person: Approver, signature: Signature) -> bool:
    """Say whether a signature (that counts) is of a person's own key, or of the name that is certified for them."""
    if person.signer is None or signature.signer != person.signer:
        return False
    return (
        signature.method == "transit"
        if person.identity is None
        else names_of(signature) == (person.identity,)
    )


def _own(person: Approver) -> Iterator[tuple[str, str]]:
    yield from (("account", account) for account in {*person.accounts, person.name})
    if person.identity is not None:
        yield "identity", person.identity
    elif person.signer is not None:
        yield "key", person.signer
