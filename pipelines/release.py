"""Deploys what was reviewed, wave by wave, and nothing else; the first failure stops everything after it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from model.errors import report
from model.estate import Estate, load_estate
from pipelines.review import reviewed
from pipelines.stack import PulumiError, Stack, counted
from sitectl import git


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
                words = deploy(root, site, promoted=site in found.promoted)
            except (RefusedError, PulumiError, git.GitError) as error:
                return [*done, Deployed(site, number, False, str(error))]
            done.append(Deployed(site, number, True, words))
    return done


def deploy(root: Path, site: str, *, promoted: bool) -> str:
    """Deploy one site as it was reviewed, and return what was done; raises RefusedError or PulumiError.

    Refused: files that nobody reviewed, a state or a plan that moved since, a change of phase that lacks approvals, and
    one that would take something away.
    """
    expected = reviewed(root, site)
    if isinstance(expected, str):
        raise RefusedError(expected)
    if promoted:
        _approved(root, site)
    stack = Stack(root, site)
    if stack.state() != expected.state:
        raise RefusedError(
            f"{site}: the stack's state moved since the review: somebody deployed it in between\n"
            "    review the change again on the state as it is now"
        )
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
    return counted(plan)


def _valid(root: Path, against: str) -> Estate:
    from sitectl import append_only

    estate = load_estate(root / "stacks")
    errors = (*estate.errors, *append_only.mistakes(root, against))
    if errors:
        raise RefusedError(report(errors))
    return estate


def _approved(root: Path, site: str) -> None:
    from model.promotion import read_chain
    from model.promotion.files import read_approvers
    from sitectl.approve import approvals_of

    read = read_approvers(root / "stacks")
    if read.value is None:
        raise RefusedError(report(read.errors))
    record = read_chain(root / "stacks", site).records[-1]
    # A rollback may be needed at any hour: it is approved by whoever merges it.
    if record.kind == "rollback":
        return
    given = approvals_of(root / "stacks", record)
    count = len(given.approvals) if given else 0
    if count < read.value.needed:
        raise RefusedError(
            f"{site}: record {record.sequence} has {count} of {read.value.needed} approvals\n"
            f"    have it approved: `python -m pipelines approvals`, or `sitectl approve {site} --by NAME`"
        )
