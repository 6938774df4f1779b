"""Reviews the change requests of a forge, from the protected branch: each is fetched and read as data.

No pipeline of a change request is needed for it, which would run the change's own steps: GitHub starts it by
`pull_request_target`, GitLab by a schedule or a webhook that runs a pipeline of the protected branch.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines import comment, objections
from pipelines.approvals import against as objection
from pipelines.forge import Forge, ForgeError, Request, present
from pipelines.review import Reviewed, keep, review
from sitectl import git

FETCHED = "refs/iot-broker/change"
REVIEW, APPROVED = "iot-broker/review", "iot-broker/approved"


def look(
    root: Path,
    against: str,
    into: str,
    number: int | None,
    sites: Sequence[str],
    signer: str | None,
    tell: Callable[[str], None],
    *,
    push: bool,
) -> bool:
    """Review one change request, or each open one that has no good review; say whether all may be merged.

    Raises ForgeError, git.GitError or sitectl.signing.SigningError.
    """
    forge = present()
    if forge is None:
        raise ForgeError("this is no forge's runner: `python -m pipelines review --change COMMIT` needs none")
    requests = [forge.request(number)] if number is not None else forge.open_requests(into)
    well = True
    for request in requests:
        if not request.own:
            tell(f"{request.address} comes from a fork: its data is not looked at where stacks are reached")
        elif number is None and forge.is_good(request.commit, REVIEW):
            tell(f"{request.address} was reviewed")
        else:
            found = _review(root, against, request, sites)
            if found is None:
                tell(f"{request.address} has moved on: it is reviewed the next time")
                continue
            keep(root, found, signer, push=push)
            tell(f"commented: {forge.comment(request.number, comment.MARK, comment.text(found))}")
            for site, chain in found.chains.items():
                objections.keep(root, chain, found.affected.heads[site], signer, request, push=push)
            _say(root, forge, request, found)
            well = well and not found.problems
    return well


def _review(root: Path, against: str, request: Request, sites: Sequence[str]) -> Reviewed | None:
    """Return what was found in a request's last commit; None when another one came meanwhile."""
    git.must(root, "fetch", "--quiet", "--no-tags", "origin", f"+{request.ref}:{FETCHED}")
    commit = git.resolved(root, FETCHED)
    return review(root, against, sites, commit) if commit == request.commit else None


def _say(root: Path, forge: Forge, request: Request, found: Reviewed) -> None:
    """Set both statuses: what the review found, and whether who must approve has."""
    forge.say(request.commit, REVIEW, good=not found.problems, words=comment.verdict(found))
    words = "; ".join(f"{site}: {lacking}" for site, lacking in found.lacking.items())
    for site in found.affected.promoted:
        words = words or objection(root, forge, request, found.approved.get(site, ()), site) or ""
    forge.say(request.commit, APPROVED, good=not words, words=words or "nothing is lacking")
