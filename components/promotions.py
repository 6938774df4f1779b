"""Refuses to deploy a site whose records are not the ones that the stack was last deployed with."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from model import Site
from model.errors import SiteErrors
from model.promotion import Chain, mistakes_with, read_chain
from model.promotion.record import NOTHING_BEFORE

# What the engine says of a state that is being written at this moment.
HALF_WRITTEN = "failed to load checkpoint"
PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.05
OUTPUT = "promotions"
"""The stack output that keeps the last record: `{"head": "sha256:…", "sequence": 2}`."""


class RecordsError(Exception):
    """The site's records do not go with what its stack was last deployed with."""


class LostRecordError(RecordsError):
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


class UnreadableOutputsError(RecordsError):
    """The stack's last outputs cannot be read: the engine's own words."""

    def __init__(self, stack: str, words: str) -> None:
        super().__init__(
            f"{stack}: what was deployed last cannot be read, and so not whether a record is missing: {words}\n"
            "    look whether the stack's back end answers, and do this again"
        )
        self.stack = stack


def check(stacks: Path, site: Site) -> Chain:
    """Return the site's records.

    Raises SiteErrors when they are broken or the site's file says another phase, LostRecordError when the stack was
    deployed with a record that is not among them, and UnreadableOutputsError when nobody can say. Reads the stack's own
    last outputs; nothing is touched.
    """
    chain = read_chain(stacks, site.name)
    errors = (*chain.errors, *mistakes_with(stacks, site, chain))
    if errors:
        raise SiteErrors(errors)
    head = _deployed_head()
    if head not in {NOTHING_BEFORE, *(record.content for record in chain.records)}:
        raise LostRecordError(site.name, head)
    return chain


def as_output(chain: Chain) -> dict[str, object]:
    """Return what the stack exports of the records."""
    return {"head": chain.head, "sequence": len(chain.records)}


def _deployed_head() -> str:
    """Return the head that the stack's last deployment exported; `none` for a stack that was never deployed."""
    outputs = _last_outputs(f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}")
    return str((outputs.get(OUTPUT) or {}).get("head", NOTHING_BEFORE))


def _last_outputs(stack: str) -> Mapping[str, Any]:
    """Ask the engine for a stack's outputs; the engine itself writes the file of the state meanwhile, in place."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            answer = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": stack})
        except Exception as error:  # noqa: BLE001 - the SDK raises nothing more precise
            if HALF_WRITTEN not in str(error) or time.monotonic() > give_up:
                raise UnreadableOutputsError(stack, str(error)) from None
            time.sleep(PAUSE_SECONDS)
        else:
            return (answer.value or {}).get("outputs") or {}
