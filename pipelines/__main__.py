"""`python -m pipelines STEP`: one step of a pipeline, in the checkout in which it is run."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Literal

import click

from model.words import lines

AGAINST = click.option(
    "--against",
    # In full: a short name could be a tag, which anybody may push.
    default="refs/remotes/origin/main",
    show_default=True,
    metavar="REVISION",
    help="What the change is compared with.",
)
SITES = click.option(
    "--site", "sites", multiple=True, help="Only this site, of those that are touched; repeatable."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group(no_args_is_help=True)
def main() -> None:
    """The steps of a pipeline, for any forge and for none."""


def told(function: Callable[..., None]) -> Callable[..., None]:
    """Turn what can go wrong into sentences and exit code 1."""

    @wraps(function)
    def wrapper(*arguments: Any, **named: Any) -> None:
        from components.protected import ProtectedBranchError
        from pipelines.forge import ForgeError
        from pipelines.policy import PolicyError
        from pipelines.release import RefusedError
        from pipelines.stack import PulumiError
        from sitectl.git import GitError
        from sitectl.signing import SigningError

        try:
            function(*arguments, **named)
        except (
            ForgeError,
            PolicyError,
            ProtectedBranchError,
            RefusedError,
            PulumiError,
            GitError,
            SigningError,
        ) as error:
            click.echo(lines(str(error)), err=True)
            sys.exit(1)

    return wrapper


@main.command()
@AGAINST
@JSON
@told
def affected(against: str, as_json: bool) -> None:
    """List the sites that the change touches, and why."""
    from pipelines.affected import affected as compare

    found = compare(_root(), against)
    if as_json:
        _json({"sites": found.sites, "why": found.why, "promoted": found.promoted})
        return
    for site in found.sites:
        click.echo(lines(f"{site}: {found.why[site]}"))
    if not found.sites:
        click.echo("no site is touched")


@main.command()
@AGAINST
@SITES
@click.option(
    "--change",
    metavar="COMMIT",
    help="The change, which is read as data; default: the checkout itself, for what is merged.",
)
@click.option("--signer", help="Who signs the review; needed when more than one may.")
@click.option(
    "--push", is_flag=True, help="Give the signed review to the repository, where a release finds it."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the comment to this file as well.")
@JSON
@told
def review(
    against: str,
    sites: tuple[str, ...],
    change: str | None,
    signer: str | None,
    push: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Validate, preview each touched stack, and sign what was seen as a git note. Exits 1 on a problem.

    The program that runs is the checkout's: have the protected branch checked out, and nothing else.
    """
    from pipelines import comment
    from pipelines.review import keep
    from pipelines.review import review as look

    root = _root()
    found = look(root, against, sites, change)
    keep(root, found, signer, push=push)
    text = comment.text(found)
    if out is not None:
        out.write_text(text, encoding="utf-8")
    if as_json:
        plans = {
            site: {"plan": plan.digest, "state": found.states[site]} for site, plan in found.plans.items()
        }
        _json({"commit": found.commit, "problems": found.problems, "stacks": plans})
    else:
        click.echo(text, nl=False)
    sys.exit(1 if found.problems else 0)


@main.command()
@AGAINST
@SITES
@click.option(
    "--number", type=int, help="This change request alone; default: each open one without a good review."
)
@click.option("--into", default="main", show_default=True, help="Branch that the change requests are for.")
@click.option("--signer", help="Who signs the reviews; needed when more than one may.")
@click.option(
    "--push", is_flag=True, help="Give the signed reviews to the repository, where a release finds them."
)
@told
def reviews(
    against: str, sites: tuple[str, ...], number: int | None, into: str, signer: str | None, push: bool
) -> None:
    """Review the forge's open change requests: a comment and a status for each. Exits 1 when one must not be merged."""
    from pipelines.reviews import look

    sys.exit(0 if look(_root(), against, into, number, sites, signer, _say, push=push) else 1)


@main.command()
@click.option("--against", metavar="REVISION", help="What was released before.")
@click.option(
    "--since", metavar="NAME", help="Since the last release under this name, which the repository keeps."
)
@click.option("--signer", help="Who signs the notes; needed when more than one may.")
@click.option(
    "--push",
    is_flag=True,
    help="Give the forge's objections to the repository as signed notes, for who asks no forge.",
)
@told
def approvals(against: str | None, since: str | None, signer: str | None, push: bool) -> None:
    """Say what the new records of the checkout still lack: signed approvals, and no objection at the forge."""
    from pipelines.release import lacking

    root = _root()
    found = lacking(root, _before(root, against, since), signer, push=push)
    for words in found:
        _say(words)
    if not found:
        click.echo("nothing is lacking")
    sys.exit(1 if found else 0)


@main.command()
@click.option("--against", metavar="REVISION", help="What was released before.")
@click.option(
    "--since", metavar="NAME", help="Since the last release under this name, which the repository keeps."
)
@SITES
@JSON
@told
def release(against: str | None, since: str | None, sites: tuple[str, ...], as_json: bool) -> None:
    """Deploy what was merged, wave by wave, exactly as it was reviewed. Exits 1 and stops at the first failure."""
    from components.protected import OBJECTIONS
    from pipelines import notes, released
    from pipelines.release import release as deploy
    from sitectl import git

    root = _root()
    before = _before(root, against, since)
    if since is not None:
        notes.fetch(root)
        notes.fetch(root, OBJECTIONS)
    done = deploy(root, before, sites, lambda words: click.echo(lines(words), err=True))
    well = all(entry.done for entry in done)
    if well and since is not None:
        released.mark(root, since, git.commit(root))
    if as_json:
        _json([entry.__dict__ for entry in done])
    else:
        for entry in done:
            state = "deployed" if entry.done else "STOPPED"
            click.echo(lines(f"wave {entry.wave}  {entry.site}  {state}: {entry.words}"))
        if not done:
            click.echo("nothing to deploy")
    sys.exit(0 if well else 1)


@main.command()
@told
def policy() -> None:
    """Check the policy's rules and run their own tests."""
    from pipelines.policy import check

    click.echo(check(_root()))


@main.command()
@click.option("--role", required=True, help="Role of Vault's JWT login.")
@click.option("--mount", default="jwt", show_default=True, help="Where that login is mounted.")
@told
def login(role: str, mount: str) -> None:
    """Sign this run in to Vault with the identity that its forge vouches for: no key is stored anywhere."""
    from pipelines.login import login as sign_in

    sign_in(mount, role)
    click.echo(f"signed in to Vault as {role}")


@main.command()
@SITES
@click.option(
    "--push", is_flag=True, help="Push the report to the branch `drift`, and open or update its request."
)
@click.option("--into", default="main", show_default=True, help="Branch that the request is for.")
@JSON
@told
def drift(sites: tuple[str, ...], push: bool, into: str, as_json: bool) -> None:
    """Compare what exists with what was deployed. Exits 1 when it differs, or cannot be known."""
    from model import site_names
    from pipelines import drift as looking
    from pipelines.drift_request import request

    root = _root()
    found = looking.look(root, sites or site_names(root / "stacks"))
    drifted = [entry for entry in found if entry.found]
    if push:
        click.echo(request(root, looking.text(found) if drifted else None, into), err=True)
    if as_json:
        _json([{"site": entry.site, "drifted": entry.found, "problem": entry.problem} for entry in found])
    else:
        click.echo(
            looking.text(found) if drifted else f"no drift: {', '.join(entry.site for entry in found)}"
        )
    sys.exit(1 if drifted else 0)


@main.command()
@click.argument("repository")
@click.option("--branch", default="main", show_default=True, help="The branch that is deployed.")
@click.option(
    "--changes", default="change/", show_default=True, help="What the names of changes' branches begin with."
)
@click.option(
    "--work", type=click.Path(path_type=Path), required=True, help="Folder of this runner's checkout."
)
@SITES
@click.option(
    "--only",
    type=click.Choice(["review", "release"]),
    help="Do only this: for two runners, of which the one that reviews has rights to read alone.",
)
@told
def runner(
    repository: str,
    branch: str,
    changes: str,
    work: Path,
    sites: tuple[str, ...],
    only: Literal["review", "release"] | None,
) -> None:
    """Serve a bare REPOSITORY once, with no forge: review new changes, and release what was merged.

    Run it by a timer inside a site that no hosted runner reaches. Exits 1 when a review or a release has failed.
    """
    from pipelines.runner import serve

    sys.exit(0 if serve(repository, branch, changes, work, sites, _say, only) else 1)


def _before(root: Path, against: str | None, since: str | None) -> str:
    """Return the revision that was released before, however it was named."""
    from pipelines import released

    if (against is None) == (since is None):
        raise click.UsageError("say --against REVISION, or --since NAME")
    return against or released.last(root, str(since))


def _root() -> Path:
    from sitectl.root import program_root

    return program_root()


def _say(words: str) -> None:
    click.echo(lines(words))


def _json(data: object) -> None:
    from sitectl.output import json_text

    click.echo(json_text(data))


if __name__ == "__main__":
    main()
