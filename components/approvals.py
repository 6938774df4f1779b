"""Refuses a change that would replace what a site must keep (volumes, CAs), unless its data approves it."""

from collections.abc import Iterator
from dataclasses import dataclass

from components import data_move
from model import Site
from model.authorities import AUTHORITIES, Authority, approved_generation, authority, made_from
from model.nodes import Step, written


@dataclass(frozen=True)
class Refusal:
    """A change that nobody approved: the key of its approval, what is wrong, and what would be right."""

    key: tuple[Step, ...]
    problem: str
    remedy: str
    missing: bool = False
    """Whether the site's file names no approval yet."""


class UnapprovedChangeError(Exception):
    """The site's data would replace what it must keep; `refusals` says what."""

    def __init__(self, site: str, refusals: tuple[Refusal, ...]) -> None:
        self.refusals = refusals
        lines = (f"{site}: {written(found.key)} {found.problem}\n    {found.remedy}" for found in refusals)
        super().__init__("\n".join(lines))


def check(site: Site) -> None:
    """Refuse what the site's data does not approve; raises UnapprovedChangeError.

    A site that is not protected may leave an approval out: its data is nobody's yet.
    """
    if found := tuple(refusals(site)):
        raise UnapprovedChangeError(site.name, found)


def refusals(site: Site) -> Iterator[Refusal]:
    """Yield what the site's data does not approve."""
    try:
        data_move.check(site)
    except data_move.UnapprovedDataMoveError as error:
        missing = error.approved is None
        yield Refusal(("broker", "storage", "approved"), error.problem, error.remedy, missing)
    for kind in AUTHORITIES:
        yield from _of_authority(site, kind)


def _of_authority(site: Site, kind: Authority) -> Iterator[Refusal]:
    said, now, key = authority(site, kind), made_from(site, kind), ("pki", kind, "approved")
    if said.approved is None:
        if site.protect:
            problem = f"is missing, and the site is protected: one word would replace the {kind} CA"
            remedy = (
                f'write `approved: "{now}"` for a CA that is new; compare it with `pulumi stack output '
                "certificateAuthorities` where one is deployed (runbooks/authority-rotation.md)"
            )
            yield Refusal(key, problem, remedy, missing=True)
        return
    generation = approved_generation(said.approved)
    if generation > said.generation:
        problem = (
            f"is `{said.approved}`, and the data goes back to generation {said.generation}: generation {generation} "
            "would be removed, and every certificate below it void"
        )
        yield Refusal(key, problem, f"write `generation: {generation}`, or more")
    elif generation == said.generation and said.approved != now:
        problem = (
            f"is `{said.approved}`, and the {kind} CA would be `{now}`: another organization, key or life time "
            "replaces it, and every certificate below it is void"
        )
        remedy = (
            f"take the change back; or write `generation: {generation + 1}`, which makes a CA beside it "
            "(runbooks/authority-rotation.md); or, where nothing trusts it yet, approve that: write "
            f'`approved: "{now}"`'
        )
        yield Refusal(key, problem, remedy)
