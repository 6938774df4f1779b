"""`sitectl sites`: all sites in one table."""

import sys
from datetime import date
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from model import Site


@click.command("sites")
@click.option("--json", "as_json", is_flag=True, help="Print the sites as JSON.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="Date to count the days in the phase by.")
def command(as_json: bool, today: date | None) -> None:
    """List the sites: kind, phase, days in it, edition, end of its support, service level.

    Of the broker that is replaced: when its licence ends, and what it costs. Broken sites are named.
    """
    from model.estate import load_estate
    from sitectl import output, problems
    from sitectl.judging import judge
    from sitectl.root import program_root

    root = program_root()
    estate = load_estate(root / "stacks", (), judge(root))
    when = date(today.year, today.month, today.day) if today else date.today()
    days = {site.name: estate.chains[site.name].days_in_phase(site, when) for site in estate.sites}
    described = [_described(site, days[site.name]) for site in estate.sites]
    if as_json:
        errors = [problems.as_data(error) for error in estate.errors]
        output.write_json({"sites": described, "errors": errors})
    else:
        header = (
            "site",
            "kind",
            "phase",
            "days in it",
            "edition",
            "support ends",
            "service level",
            "old licence ends",
            "costs a year",
            "region",
        )
        output.write_table(header, [_row(site) for site in described])
        if estate.errors:
            problems.show(f"\n{problems.worded(estate.errors)}")
    sys.exit(1 if estate.errors else 0)


def _described(site: "Site", days: int) -> dict[str, str | int | None]:
    from model.support import support_of

    level = site.monitoring.service_level
    end = support_of(site.broker).end
    return {
        "site": site.name,
        "title": site.title,
        "kind": site.kind,
        "phase": site.phase,
        "daysInPhase": days,
        "edition": site.broker.edition,
        "version": site.broker.version,
        "supportEnds": end.isoformat() if end else None,
        "availability": str(level.availability),
        "repair": str(level.repair),
        "hours": level.hours,
        "incumbent": site.incumbent.state,
        "licenceEnds": str(site.incumbent.licence_ends) if site.incumbent.licence_ends else None,
        "licenceCost": str(site.incumbent.licence_cost) if site.incumbent.licence_cost else None,
        "region": site.region,
    }


def _row(site: dict[str, str | int | None]) -> tuple[str, ...]:
    return (
        str(site["site"]),
        str(site["kind"]),
        str(site["phase"]),
        str(site["daysInPhase"]),
        f"{site['edition']} {site['version']}",
        str(site["supportEnds"] or "not named"),
        f"{site['availability']}, repair < {site['repair']}, {site['hours']}",
        _licence(site),
        str(site["licenceCost"] or "not named"),
        str(site["region"]),
    )


def _licence(site: dict[str, str | int | None]) -> str:
    """Say when the incumbent's licence ends; that it is retired where the site pays for none."""
    return "retired" if site["incumbent"] == "retired" else str(site["licenceEnds"] or "not named")
