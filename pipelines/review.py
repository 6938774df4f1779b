"""Reviews a change: is the data right, what would it do to each affected stack, and what must a person look at?"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.promotion.chain import APPROVALS
from model.promotion.review import REVIEW_FORMAT, Review, ReviewedStack
from pipelines import notes
from pipelines.affected import Affected, affected
from pipelines.stack import Plan, PulumiError, Stack
from sitectl import git

MADE_BY = "pipelines review"


@dataclass
class Reviewed:
    """What a review found; `problems` are reasons why the change must not be merged."""

    commit: str
    against: str
    affected: Affected
    plans: dict[str, Plan] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    bootstraps: dict[str, Plan] = field(default_factory=dict)
    """What Vault's administrator has to run before the merge, where that is anything."""
    problems: list[str] = field(default_factory=list)


def review(root: Path, against: str, only: Iterable[str] = ()) -> Reviewed:
    """Look at everything that a change does against a revision; raises git.GitError.

    `only` are the sites that this runner reaches; all when it is empty.
    """
    found = Reviewed(git.commit(root), against, Affected((), {}, ()))
    found.problems += _validation(root, against)
    if found.problems:
        return found
    found.affected = affected(root, against)
    chosen = [site for site in found.affected.sites if not (reachable := set(only)) or site in reachable]
    for site in chosen:
        stack = Stack(root, site)
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
    return found


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


def reviewed(root: Path, site: str) -> ReviewedStack | str:
    """Return how a site's stack was when exactly these files were reviewed, or why no review counts."""
    from pydantic import ValidationError

    from model.datafile import content_of
    from model.promotion.signers import read_signers, refusal

    signers = read_signers(root / "stacks").value
    if signers is None:
        return "stacks/promotions/signers.yaml cannot be read: nobody's signature counts"
    reasons = ["nobody has reviewed exactly these files: `python -m pipelines review` does, before the merge"]
    latest: tuple[str, ReviewedStack] | None = None
    for data in notes.of_files(root, git.files_digest(root, "HEAD", APPROVALS)):
        try:
            found = Review.model_validate(_as_tuples(data))
        except ValidationError:
            reasons.append("a review of these files is not in the format of this version")
            continue
        wrong = refusal(signers, "review", found.format, found.content, found.signature)
        if found.content != content_of(data):
            wrong = ("a review of these files was edited", "review again")
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


def _validation(root: Path, against: str) -> list[str]:
    from model.errors import report
    from model.estate import load_estate
    from sitectl import append_only

    errors = [*load_estate(root / "stacks").errors, *append_only.mistakes(root, against)]
    here = [replace(error, file=_relative(error.file, root)) for error in errors]
    return [report(here)] if here else []


def _relative(file: Path, root: Path) -> Path:
    return file.relative_to(root) if file.is_relative_to(root) else file


def _as_tuples(value: Any) -> Any:
    """Return JSON's lists as the tuples that the model holds."""
    if isinstance(value, dict):
        return {key: _as_tuples(entry) for key, entry in value.items()}
    return tuple(_as_tuples(entry) for entry in value) if isinstance(value, list) else value
