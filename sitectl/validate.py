"""`sitectl validate [SITE…]`: is the site data right? Every mistake at once, each with place and remedy."""

import sys
from datetime import date

import click


@click.command("validate")
@click.argument("sites", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print sites, errors and warnings as JSON.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="Date to judge the end of support by.")
def command(sites: tuple[str, ...], as_json: bool, today: date | None) -> None:
    """Check the named sites, or all of them and every file they share. Exits 1 when anything is wrong."""
    from model.estate import load_estate
    from model.support import support_warning
    from sitectl import output, problems
    from sitectl.root import program_root

    estate = load_estate(program_root() / "stacks", dict.fromkeys(sites))
    when = date(today.year, today.month, today.day) if today else date.today()
    warnings = {
        site.name: warning
        for site in estate.sites
        if (warning := support_warning(site.broker, when)) is not None
    }
    if as_json:
        output.write_json(
            {
                "valid": not estate.errors,
                "sites": [site.name for site in estate.sites],
                "errors": [problems.as_data(error) for error in estate.errors],
                "warnings": [{"site": name, "warning": warning} for name, warning in warnings.items()],
            }
        )
        sys.exit(1 if estate.errors else 0)
    for name, warning in warnings.items():
        click.echo(f"{output.paint('warning', 'warning', sys.stderr)}: {name}: {warning}", err=True)
    if estate.errors:
        problems.refuse(problems.worded(estate.errors))
    names = ", ".join(site.name for site in estate.sites)
    click.echo(f"{output.paint('valid', 'good')}: {names}")
