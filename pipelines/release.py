"""Deploys what was reviewed, wave by wave, and nothing else; the first failure stops everything after it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from components.protected import OBJECTIONS
from model.errors import report
from model.estate import Estate, load_estate
from model.promotion import Chain
from model.promotion.chain import unapproved_words
from model.promotion.review import ReviewedStack
from pipelines import notes, objections
from pipelines.approvals import after, objection
from pipelines.forge import ForgeError, present
from pipelines.review import reviewed
from pipelines.stack import PulumiError, Stack, counted
from sitectl import git, rules
from sitectl.checks import bootstrap


@dataclass(frozen=True)
class Deployed:
    """What became of one site: deployed, left alone (nothing to change), or why not."""

    site: str
    wave: int
    done: bool
    words: str


class RefusedError(Exception):
    """A site must not be deployed: why, and what would be right."""


def release(
    root: Path, against: str, only: Iterable[str] = (), tell: Callable[[str], None] = lambda _: None
) -> list[Deployed]:
    """Deploy the sites that the merge touched since a revision; stops at the first that fails.

    `only` are the sites that this runner reaches. Raises RefusedError for data that is not valid, git.GitError.
    """
    from pipelines.affected import affected
    from pipelines.waves import read_waves, waves, waves_file

    estate = _valid(root, against)
    reachable = set(only)
    found = affected(root, against)
    touched = [
        site
        for site in estate.sites
        if site.name in found.sites and (not reachable or site.name in reachable)
    ]
    order = read_waves(root / "stacks") if waves_file(root / "stacks").exists() else None
    if order is not None and order.value is None:
        raise RefusedError(report(order.errors))
    done: list[Deployed] = []
    for number, wave in enumerate(waves(touched, order.value if order else None), 1):
        for site in wave:
            tell(f"wave {number}: {site}")
            try:
                after = found.heads[site] if site in found.promoted else None
                words = _released(root, against, estate.chains[site], after)
            except (RefusedError, ForgeError, PulumiError, git.GitError) as error:
                return [*done, Deployed(site, number, False, str(error))]
            done.append(Deployed(site, number, True, words))
    return done


def lacking(root: Path, against: str, signer: str | None = None, *, push: bool = False) -> list[str]:
    """Return what the records since a revision still lack, in words; `push` notes the forge's objections for all.

    Raises RefusedError, ForgeError, git.GitError or sitectl.signing.SigningError.
    """
    from pipelines.affected import affected

    if push:
        notes.fetch(root, OBJECTIONS)
    estate, found, words = _valid(root, against), affected(root, against), []
    for site in found.promoted:
        if push:
            objections.keep(root, estate.chains[site], found.heads[site], signer, push=True)
        try:
            _approved(root, estate.chains[site], found.heads[site])
        except RefusedError as error:
            words.append(str(error))
    return words


def _released(root: Path, against: str, chain: Chain, promoted_after: str | None) -> str:
    """Release one site when everything lets it go on; `promoted_after` is its last record before a change of phase."""
    expected = reviewed(root, chain.site, against)
    if isinstance(expected, str):
        raise RefusedError(expected)
    if promoted_after is not None:
        _approved(root, chain, promoted_after)
    return deploy(root, chain.site, expected, promoted=promoted_after is not None)


def deploy(root: Path, site: str, expected: ReviewedStack, *, promoted: bool) -> str:
    """Deploy one site as it was reviewed, and return what was done; raises RefusedError or PulumiError.

    Refused: a state or a plan that moved since, a change of phase that would take something away, and a bootstrap that
    is behind the data. What was deployed must be there: a preview shows nothing more, and Prometheus evaluates the
    site's rules.
    """
    stack = Stack(root, site)
    if stack.state() != expected.state:
        raise RefusedError(
            f"{site}: the stack's state moved since the review: another deployment came in between\n"
            "    review the change again on the state as it is now"
        )
    # Before the plan: without what the bootstrap makes, a preview fails in other words.
    made = bootstrap.look(root, site)
    if not made.passed:
        raise RefusedError(f"{site}: {made.what}: {made.detail}\n    {made.remedy}")
    plan = stack.plan()
    if plan.digest != expected.plan:
        raise RefusedError(
            f"{site}: the plan moved since the review ({counted(plan)} now)\n"
            "    servers or settings are not what they were: review the change again"
        )
    if promoted and plan.destructive:
        names = ", ".join(step.name for step in plan.destructive)
        raise RefusedError(f"{site}: a change of phase would take away {names}: it may only update")
    stack.up()
    left = stack.plan()
    if left.steps:
        raise RefusedError(f"{site}: it was deployed, and a preview still shows {counted(left)}")
    _rules_are_live(root, site)
    return counted(plan)


def _rules_are_live(root: Path, site: str) -> None:
    """Refuse a deployment whose rules Prometheus, or its operator, did not take: the old ones are in force then."""
    found = rules.check(root, site, timedelta(seconds=rules.WITHIN_SECONDS))
    if found:
        name, words = next(iter(found.items()))
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise RefusedError(
            f"{site}: it was deployed, and its alerts are not in force: {name} {words}{more}\n"
            f"    `sitectl rules {site}` says all. Prometheus keeps old rules where it refuses new ones: "
            "look at the log of its operator\n"
            "    once they are in force, review the protected branch itself, and release from there"
        )


def _valid(root: Path, against: str, now: datetime | None = None) -> Estate:
    from components.protected import ProtectedBranchError, judge
    from sitectl import append_only

    try:
        estate = load_estate(root / "stacks", (), judge(root, now=now))
    except ProtectedBranchError as error:
        raise RefusedError(str(error)) from None
    errors = (*estate.errors, *append_only.mistakes(root, against))
    if errors:
        raise RefusedError(report(errors))
    return estate


def _approved(root: Path, chain: Chain, before: str) -> None:
    """Refuse records that lack approvals, or that the forge has an objection to."""
    asked = present() is not None  # the forge itself, which knows more than any note of it
    for record, lacking in chain.unapproved(after=before, objections=not asked):
        problem, remedy = unapproved_words(record, lacking)
        raise RefusedError(f"{chain.site}: {problem}\n    {remedy}")
    for record in after(chain, before):
        wrong = objection(root, record, chain.standings[record.sequence].approved)
        if wrong is not None:
            raise RefusedError(wrong)
        if asked:
            objections.forget(root, record)
