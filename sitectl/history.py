"""`sitectl history SITE`: what has happened to a site's phase, and why that was allowed."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from model import Site
    from model.promotion import Chain, Record


@click.command("history")
@click.argument("site")
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
def command(site: str, as_json: bool) -> None:
    """Tell SITE's story from its records, the earliest first. Exits 1 when the records are broken."""
    from model import SiteErrors, load_site
    from model.promotion import read_chain
    from sitectl import output, problems
    from sitectl.judging import judge
    from sitectl.root import program_root

    stacks = program_root() / "stacks"
    try:
        found = load_site(stacks, site)
    except SiteErrors as errors:
        problems.refuse_data(errors.errors)
    chain = read_chain(stacks, site, judge(stacks.parent))
    if as_json:
        output.write_json(
            {
                "site": site,
                "started": str(found.started),
                "phase": found.phase,
                "head": chain.head,
                "records": [record.model_dump(mode="json", exclude_none=True) for record in chain.records],
                "errors": [problems.as_data(error) for error in chain.errors],
            }
        )
    else:
        _tell(found, chain)
        if chain.errors:
            problems.show(f"\n{problems.worded(chain.errors)}")
    sys.exit(1 if chain.errors else 0)


def _tell(site: "Site", chain: "Chain") -> None:
    from sitectl import output

    click.echo(f"{site.started}  {site.name} began its pilot beside {site.incumbent.product}.")
    for record in chain.records:
        click.echo(f"{record.made_at.at.date()}  {_sentence(record)}")
        for result in record.gates:
            mark = output.paint("passed", "good") if result.passed else output.paint("NOT PASSED", "bad")
            click.echo(f"            {result.gate}: {mark}: {result.figure} (asked for: {result.threshold})")
            if result.reason:
                click.echo(f"                {result.reason}")
        if record.override is not None:
            text = f"            OVERRIDE by {record.override.approver}: {record.override.reason}"
            click.echo(output.paint(text, "bad"))
        standing = chain.standings.get(record.sequence)
        if standing is not None and standing.approved:
            click.echo(f"            approved by {', '.join(standing.approved)}")
        if standing is not None and standing.lacking:
            click.echo(f"            {output.paint('not approved', 'bad')}: {standing.lacking}")
    if not chain.records:
        click.echo("Nothing has happened to its phase since.")


def _sentence(record: "Record") -> str:
    deed = {
        "promotion": f"was promoted from {record.leaves} to {record.enters}",
        "rollback": f"went back from {record.leaves} to {record.enters}",
        "retirement": "retired its incumbent broker",
    }[record.kind]
    return (
        f"{record.site} {deed} (record {record.sequence} by {record.made_by}, from commit {record.commit[:12]}, "
        f"signed by {record.signature.signer})."
    )
