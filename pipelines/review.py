"""Reviews a change: is the data right, what would it do to each affected stack, and what must a person look at?"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.errors import SiteError
from model.estate import Estate
from model.promotion import Chain
from model.promotion.approving import APPROVALS
from model.promotion.branch import SKEW
from model.promotion.review import REVIEW_FORMAT, Review, ReviewedStack
from pipelines import notes
from pipelines.affected import Affected, affected
from pipelines.change import (
    Change,
    data_of,
    is_behind,
    other_code,
    program_files,
    settings_files,
    trust_files,
)
from pipelines.stack import Plan, PulumiError, Stack
from sitectl import git

MADE_BY = "pipelines review"


@dataclass
class Reviewed:
    """What a review found; `problems` are reasons why the change must not be merged.

    `program` are files of the program that the change touches: none of them was run, so no plan was seen. `code` is
    what else some tool runs; `settings` and `trust` are touched files that a reader must look at; `lacking` is what
    each new record still lacks, and `approved` by whom it was approved.
    """

    commit: str
    against: str
    affected: Affected
    plans: dict[str, Plan] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    bootstraps: dict[str, Plan] = field(default_factory=dict)
    """What Vault's administrator has to run before the merge, where that is anything."""
    problems: list[str] = field(default_factory=list)
    program: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    trust: list[str] = field(default_factory=list)
    chains: dict[str, Chain] = field(default_factory=dict)
    """The records of the sites that the change promotes."""
    lacking: dict[str, str] = field(default_factory=dict)
    approved: dict[str, tuple[str, ...]] = field(default_factory=dict)


def review(root: Path, against: str, only: Iterable[str] = (), change: str | None = None) -> Reviewed:
    """Look at everything that a change does against a revision; raises git.GitError.

    `change` is a commit that is read as data, by the program of the checkout; without it the checkout itself is looked
    at, which must be the protected branch's. `only` are the sites that this runner reaches; all when it is empty.
    """
    if change is None:
        found = Reviewed(git.commit(root), against, Affected((), {}, ()))
        _look(root, found, only, Change(found.commit, root))
        return found
    commit = git.resolved(root, f"{change}^{{commit}}")
    if commit is None:
        raise git.GitError(f"`{change}` is no commit here", "fetch it")
    found = Reviewed(commit, against, Affected((), {}, ()))
    found.program, found.code = program_files(root, commit), other_code(root, commit)
    found.settings, found.trust = settings_files(root, commit), trust_files(root, commit)
    with data_of(root, commit) as data:
        if data.mistakes:
            found.problems += [_worded(data.mistakes, data.folder)]
        elif found.program:
            found.problems += _promoted_by_its_own_program(root, found, data)
        elif is_behind(root, commit):
            found.problems += [
                f"the program of {commit[:12]} is older than the protected branch's\n"
                "    bring the branch up to date: what is reviewed is what is merged"
            ]
        else:
            _look(root, found, only, data)
    return found


def _look(root: Path, found: Reviewed, only: Iterable[str], data: Change) -> None:
    """Judge the data and preview each stack that it touches, by the program of the checkout."""
    estate, mistakes = _validation(root, found.against, data)
    if mistakes:
        found.problems += mistakes
        return
    elsewhere = data.stacks if data.folder != root else None
    found.affected = affected(root, found.against, elsewhere)
    for site in found.affected.promoted:
        found.chains[site] = estate.chains[site]
        for record, lacking in estate.chains[site].unapproved(after=found.affected.heads[site]):
            found.lacking[site] = f"record {record.sequence} has {lacking}"
        last = estate.chains[site].standings.get(len(estate.chains[site].records))
        found.approved[site] = last.approved if last else ()
    chosen = [site for site in found.affected.sites if not (reachable := set(only)) or site in reachable]
    for site in chosen:
        stack = Stack(root, site, elsewhere)
        try:
            found.states[site] = stack.state()
            found.plans[site] = stack.plan()
            if stack.bootstrap.exists() and (before := stack.bootstrap.plan()).steps:
                found.bootstraps[site] = before
        except PulumiError as error:
            found.problems.append(f"{site}: {error}")
            continue
        if site in found.affected.promoted:
            found.problems += [
                f"{site}: a change of phase would {step.operation} {step.type_token} {step.name}: it may only update"
                for step in found.plans[site].destructive
            ]


def _promoted_by_its_own_program(root: Path, found: Reviewed, data: Change) -> list[str]:
    promoted = affected(root, found.against, data.stacks).promoted
    return [
        f"{site}: a change of phase comes together with a change of the program that judges it ({found.program[0]})\n"
        "    have the program merged first, by a change of its own"
        for site in promoted
    ]


def keep(root: Path, found: Reviewed, signer: str | None, *, push: bool) -> None:
    """Sign what was seen, so that a release finds it; nothing is signed where something is wrong or no plan was seen.

    Raises git.GitError or sitectl.signing.SigningError.
    """
    if found.problems or found.program:
        return
    record(root, found, signer)
    if push:
        notes.publish(root)


def record(root: Path, found: Reviewed, signer: str | None = None) -> Review:
    """Sign what was found and attach it to the commit; raises git.GitError or sitectl.signing.SigningError."""
    from model.calendar import Moment
    from model.datafile import as_data
    from sitectl.sign import able
    from sitectl.signing import signed

    now = datetime.now(UTC)
    data: dict[str, Any] = {
        "format": REVIEW_FORMAT,
        "files": git.files_digest(root, found.commit, APPROVALS),
        "commit": found.commit,
        "made_by": MADE_BY,
        "made_at": str(Moment.of(now)),
        "stacks": [as_data(_reviewed(site, plan, found.states[site])) for site, plan in found.plans.items()],
    }
    data = signed(data, able("review", signer), now)
    notes.put(root, found.commit, data)
    return Review.model_validate(_as_tuples(data))


def reviewed(root: Path, site: str, against: str) -> ReviewedStack | str:
    """Return how a site's stack was when exactly these files were reviewed, or why no review counts.

    A review must be signed by what counted before the merge (`against`) and counts still: no change brings its signer.
    """
    from pydantic import ValidationError

    from components.protected import protected
    from model.datafile import content_of
    from model.promotion.branch import own_trust
    from model.promotion.judge import refused

    now, branch = datetime.now(UTC), protected(root)
    trusts = [own_trust(root / "stacks")]
    before = git.resolved(root, f"{against}^{{commit}}")
    if branch is not None and before is not None:
        trusts.append(branch.trust(before))
    reasons = ["exactly these files have no review: `python -m pipelines review` makes one, before the merge"]
    latest: tuple[str, ReviewedStack] | None = None
    for data in notes.of_files(root, git.files_digest(root, "HEAD", APPROVALS)):
        try:
            found = Review.model_validate(_as_tuples(data))
        except ValidationError:
            reasons.append("a review of these files is not in the format of this version")
            continue
        wrong = refused(trusts, "review", found.format, found.content, found.signature, now)
        if found.content != content_of(data):
            wrong = ("a review of these files was edited", "review again")
        if found.made_at.at > now + SKEW:
            wrong = (
                f"a review of these files is of {found.made_at}, which is later than now",
                "review again",
            )
        if wrong:
            reasons.append(wrong[0])
            continue
        for stack in found.stacks:
            if stack.site == site and (latest is None or str(found.made_at) >= latest[0]):
                latest = str(found.made_at), stack
    return latest[1] if latest else f"no review of {site} counts: {reasons[-1]}"


def _reviewed(site: str, plan: Plan, state: str) -> ReviewedStack:
    return ReviewedStack(
        site=site,
        plan=plan.digest,
        state=state,
        creates=plan.count("create", "import"),
        updates=plan.count("update"),
        replaces=plan.count("replace"),
        deletes=plan.count("delete"),
    )


def _validation(root: Path, against: str, data: Change) -> tuple[Estate, list[str]]:
    from components.protected import judge
    from model.estate import load_estate
    from sitectl import append_only
    from sitectl.kept_since import since

    estate = load_estate(data.stacks, (), judge(root, data.stacks))
    lost = since(root, against, estate.sites, data.stacks).errors
    errors = [*estate.errors, *lost, *append_only.mistakes(root, against, data.folder)]
    return estate, [_worded(errors, data.folder)] if errors else []


def _worded(errors: Iterable[SiteError], folder: Path) -> str:
    from model.errors import report

    return report(replace(error, file=_relative(error.file, folder)) for error in errors)


def _relative(file: Path, root: Path) -> Path:
    return file.relative_to(root) if file.is_relative_to(root) else file


def _as_tuples(value: Any) -> Any:
    """Return JSON's lists as the tuples that the model holds."""
    if isinstance(value, dict):
        return {key: _as_tuples(entry) for key, entry in value.items()}
    return tuple(_as_tuples(entry) for entry in value) if isinstance(value, list) else value
