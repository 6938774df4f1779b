"""`sitectl rules SITE`: after `pulumi up`, does Prometheus evaluate the rules that the site's data give it?"""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

# Prometheus' operator takes up to two minutes to bring new rules, and each is evaluated once an interval.
WITHIN_SECONDS = 240
PAUSE_SECONDS = 5.0


@click.command("rules")
@click.argument("site")
@click.option(
    "--within",
    type=click.IntRange(0, 3600),
    default=WITHIN_SECONDS,
    show_default=True,
    help="Seconds to wait until all are there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(site: str, within: int, as_json: bool) -> None:
    """Check that Prometheus evaluates SITE's rules as its data have them: old ones stay where new ones are refused."""
    from model import SiteErrors
    from sitectl import output, problems
    from sitectl.root import program_root

    try:
        with output.progress(f"comparing {site}'s rules with Prometheus'"):
            found = check(program_root(), site, timedelta(seconds=within))
    except SiteErrors as error:
        problems.refuse(problems.worded(error.errors))
    if as_json:
        output.write_json({"site": site, "passed": not found, "problems": found})
    else:
        for name, words in found.items():
            click.echo(f"{name} {words}")
        click.echo(_verdict(site, len(found)))
    sys.exit(1 if found else 0)


def check(root: Path, name: str, within: timedelta) -> dict[str, str]:
    """Return what is wrong with a site's rules at Prometheus once the time is over; empty as soon as nothing is.

    The key is a rule's name, or `Prometheus` when it cannot be asked. Raises `model.SiteErrors`.
    """
    from model import load_site
    from sitectl.live_rules import compare
    from sitectl.prometheus import PrometheusAway, PrometheusError, configured

    site = load_site(root / "stacks", name)
    prometheus = configured(root, name)
    if isinstance(prometheus, PrometheusError):
        return {"Prometheus": f"is not asked: {prometheus}"}
    until = datetime.now(UTC) + within
    while True:
        try:
            found = compare(site, prometheus, datetime.now(UTC))
        except PrometheusAway as error:
            found = {"Prometheus": f"is away: {error}"}
        except PrometheusError as error:
            return {"Prometheus": f"does not tell: {error}"}
        if not found or datetime.now(UTC) > until:
            return found
        time.sleep(PAUSE_SECONDS)


def _verdict(site: str, wrong: int) -> str:
    if not wrong:
        return f"{site}: Prometheus evaluates every rule as the site's data have it."
    return (
        f"{site}: {wrong} rule{'s' if wrong > 1 else ''} not as the site's data have it. Prometheus keeps the old ones "
        "where it refuses new ones: look at the log of its operator, and at `sitectl render`."
    )
