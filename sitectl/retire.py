"""`sitectl retire SITE`: ends the incumbent broker's time by a recorded change."""

from typing import Any

import click

from sitectl.change_command import Options, options


@click.command("retire")
@click.argument("site")
@options
def command(site: str, **named: Any) -> None:
    """Retire SITE's incumbent broker: the rollback window is over, the bridge goes away, and nothing leads back."""
    from sitectl import change_command, problems
    from sitectl.change import Change
    from sitectl.gates.edges import retirement

    asked = Options(**named)
    if change_command.finished(site, "retirement", None, asked):
        return
    ready = change_command.load(site, asked)
    found, chain = ready.context.site, ready.context.chain
    if found.incumbent.state == "retired":
        problems.refuse(
            f"the incumbent of {site} is retired already: `sitectl history {site}` says since when"
        )
    if "retired" not in found.limits.incumbent:
        problems.refuse(
            f"{site} is in {found.phase}, and the incumbent is in use: it is retired after cutover"
        )
    outcomes = change_command.measure(ready, retirement(), f"measuring the gates of {site}")
    change = Change(
        found,
        chain,
        "retirement",
        found.phase,
        "retired",
        {("incumbent", "state"): "retired"},
        outcomes,
        change_command.override(ready, asked, outcomes),
    )
    change_command.conclude(ready, change, asked, before=lambda: _explain(found.incumbent.licence_cost))


def _explain(cost: object) -> None:
    click.echo(
        "\nFrom then on there is no way back: the bridge and its certificate go with the next `pulumi up`."
    )
    if cost is not None:
        click.echo(f"The incumbent's licence cost {cost} a year.")
