"""Refuses to deploy a site whose records do not count, or are not the ones that the stack was last deployed with."""

from pathlib import Path

from components.deployed import Deployed
from model import Site
from model.errors import SiteErrors
from model.promotion import Chain, Judge, mistakes_with, read_chain
from model.promotion.chain import unapproved_words
from model.promotion.record import NOTHING_BEFORE

OUTPUT = "promotions"
"""The stack output that keeps the last record: `{"head": "sha256:…", "sequence": 2}`."""


class LostRecordError(Exception):
    """The record that the stack was last deployed with is not among the site's records."""

    def __init__(self, site: str, head: str) -> None:
        super().__init__(
            f"{site}: the stack was last deployed with the record {head}, and stacks/promotions/{site}/ has no such "
            f"record: it was edited, cut off or lost, or another branch has promoted the site\n"
            f"    restore it (`git log -- stacks/promotions/{site}`), or rebase and promote again; "
            f"`sitectl rollback {site}` goes back one phase"
        )
        self.site = site
        self.head = head


class UnapprovedRecordError(Exception):
    """The site would be deployed with a record that too few people have approved."""

    def __init__(self, site: str, problem: str, remedy: str) -> None:
        super().__init__(f"{site}: {problem}\n    {remedy}")
        self.site = site


def check(stacks: Path, site: Site, deployed: Deployed, judge: Judge, *, preview: bool) -> Chain:
    """Return the site's records, judged as `validate` and the release judge them.

    A preview shows what is still to be approved; a deployment does not bring it. Raises SiteErrors when records are
    broken, do not count, or the site's file says another phase; LostRecordError when the stack was deployed with a
    record that is not among them; UnapprovedRecordError; UnreadableOutputsError when the last deployment is unknown.
    """
    chain = read_chain(stacks, site.name, judge)
    errors = (*chain.errors, *mistakes_with(stacks, site, chain))
    if errors:
        raise SiteErrors(errors)
    head = str((deployed.outputs.get(OUTPUT) or {}).get("head", NOTHING_BEFORE))
    if head not in {NOTHING_BEFORE, *(record.content for record in chain.records)}:
        raise LostRecordError(site.name, head)
    if not preview:
        for record, lacking in chain.unapproved(after=head):
            raise UnapprovedRecordError(site.name, *unapproved_words(record, lacking))
    return chain


def as_output(chain: Chain) -> dict[str, object]:
    """Return what the stack exports of the records."""
    return {"head": chain.head, "sequence": len(chain.records)}
