"""`sitectl validate [SITE…]`: is the site data right? Every mistake at once, each with place and remedy."""

import sys
from datetime import date
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from model import Site
    from model.errors import SiteError
    from model.promotion import Chain, Judge
    from sitectl.kept_since import Since


@click.command("validate")
@click.argument("sites", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print sites, errors and warnings as JSON.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="Date to judge the end of support by.")
@click.option(
    "--against",
    metavar="REVISION",
    help="Git revision whose records must all be here, unchanged, and of whose data nothing may be lost that the sites "
    "do not give up; default: the commit that is checked out.",
)
def command(sites: tuple[str, ...], as_json: bool, today: date | None, against: str | None) -> None:
    """Check the named sites, or all of them and every file they share. Exits 1 when anything is wrong.

    In a git checkout records are judged by the protected branch, and none may be changed or removed; and a change of
    data loses nothing that a server keeps.
    """
    from model.estate import load_estate
    from model.promotion.chain import approval_mistakes
    from model.warnings import warnings_of
    from sitectl import output, problems
    from sitectl.judging import judge
    from sitectl.root import program_root

    root = program_root()
    stacks, judged_by = root / "stacks", judge(root)
    estate = load_estate(stacks, dict.fromkeys(sites), judged_by)
    when = date(today.year, today.month, today.day) if today else date.today()
    lost = _lost_since(root, against, estate.sites)
    errors = (
        *estate.errors,
        *(error for chain in estate.chains.values() for error in approval_mistakes(stacks, chain)),
        *_unapproved(stacks, estate.sites),
        *_unsupported(stacks, estate.sites, when),
        *lost.errors,
        *_records_since(root, against),
    )
    warnings = [
        (site.name, warning)
        for site in estate.sites
        for warning in (
            *warnings_of(site, estate.chains[site.name], when),
            *_proposed(estate.chains[site.name]),
            *_judged_alone(estate.chains[site.name], judged_by),
        )
    ]
    warnings += lost.warnings
    if as_json:
        output.write_json(
            {
                "valid": not errors,
                "sites": [site.name for site in estate.sites],
                "errors": [problems.as_data(error) for error in errors],
                "warnings": [{"site": name, "warning": warning} for name, warning in warnings],
            }
        )
        sys.exit(1 if errors else 0)
    for name, warning in warnings:
        click.echo(f"{output.paint('warning', 'warning', sys.stderr)}: {name}: {warning}", err=True)
    if errors:
        problems.refuse_data(errors)
    names = ", ".join(site.name for site in estate.sites)
    click.echo(f"{output.paint('valid', 'good')}: {names}")


def _proposed(chain: "Chain") -> "Iterator[str]":
    """Yield what a record that is not merged yet still lacks: it is valid, and is not deployed."""
    for record, lacking in chain.unapproved(objections=False):
        if record.sequence not in chain.merged:
            yield f"record {record.sequence} has {lacking}: it is not deployed before"


def _judged_alone(chain: "Chain", judge: "Judge") -> "Iterator[str]":
    if chain.records and judge.branch is None:
        yield (
            "this is no git checkout. Its records are judged by the signers and approvers that lie beside them, "
            "not by those of the protected branch"
        )


def _unapproved(stacks: "Path", sites: "Sequence[Site]") -> "list[SiteError]":
    """Return, for each site that would lose volumes or CAs that nobody gave up, the approval to write."""
    from components import approvals
    from model import Stacks
    from model.check import locate
    from model.errors import SiteError
    from model.nodes import written

    found = []
    for site in sites:
        for refusal in approvals.refusals(site):
            layers = Stacks(stacks).layers(site.name)
            # What is missing is to be written in the site's own file.
            own = layers.documents[-1]
            tree = own.root if refusal.missing else layers.tree
            origin = locate(tree, refusal.key) if tree else None
            file, line = (origin.file, origin.line) if origin else (own.file, None)
            found.append(SiteError(file, line, written(refusal.key), refusal.problem, refusal.remedy))
    return found


def _unsupported(stacks: "Path", sites: "Sequence[Site]", today: date) -> "list[SiteError]":
    """Return, for each site whose broker's support has ended, that it accepts it no more, or never did."""
    from model import Stacks
    from model.check import locate
    from model.errors import SiteError
    from model.nodes import written
    from model.support import support_refusal

    key, found = ("broker", "version"), []
    for site in sites:
        refusal = support_refusal(site.broker, today)
        if refusal is not None:
            tree = Stacks(stacks).layers(site.name).tree
            assert tree is not None  # noqa: S101 - the site was loaded from it
            origin = locate(tree, key)
            found.append(SiteError(origin.file, origin.line, written(key), *refusal))
    return found


def _lost_since(root: "Path", against: str | None, sites: "tuple[Site, ...]") -> "Since":
    """Return what the sites would lose of what their servers keep, since a revision."""
    from sitectl import append_only, problems
    from sitectl.git import GitError
    from sitectl.kept_since import Since, since

    revision = against or append_only.default_revision(root)
    if revision is None:
        return Since((), ())
    try:
        return since(root, revision, sites, root / "stacks")
    except GitError as error:
        problems.refuse(f"--against: {error}" if against else str(error))


def _records_since(root: "Path", against: str | None) -> "list[SiteError]":
    """Return what happened to records that must not happen to them, since a revision."""
    from sitectl import append_only, problems
    from sitectl.git import GitError

    revision = against or append_only.default_revision(root)
    if revision is None:
        return []
    try:
        return append_only.mistakes(root, revision)
    except GitError as error:
        problems.refuse(f"--against: {error}" if against else str(error))
