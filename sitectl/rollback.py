"""`sitectl rollback SITE`: back to the phase before, inside the rollback window."""

from typing import TYPE_CHECKING, Any

import click

from sitectl.change_command import Options, options

if TYPE_CHECKING:
    from model import Site


@click.command("rollback")
@click.argument("site")
@options
def command(site: str, **named: Any) -> None:
    """Take SITE back one phase: says what that undoes and what it does not, and writes the signed record.

    Allowed inside the rollback window only, at any hour. A retention that data relies on is never lowered.
    """
    from model.rollout import PHASES
    from sitectl import change_command, problems
    from sitectl.change import Change
    from sitectl.gates.edges import rollback

    asked = Options(**named)
    if change_command.finished(site, "rollback", None, asked):
        return
    ready = change_command.load(site, asked)
    found, chain = ready.context.site, ready.context.chain
    if found.phase == PHASES[0]:
        problems.refuse(f"{site} is in its first phase, {found.phase}: there is nothing to go back to")
    if found.incumbent.state == "retired":
        problems.refuse(f"the incumbent of {site} is retired: there is nothing to go back to")
    before = PHASES[PHASES.index(found.phase) - 1]
    edits = {("phase",): before, **kept_retention(found)}
    after = change_command.site_with(ready.root, site, edits)
    outcomes = change_command.measure(ready, rollback(), f"measuring the gate of {site}")
    change = Change(
        found,
        chain,
        "rollback",
        before,
        after.incumbent.state,
        edits,
        outcomes,
        change_command.override(ready, asked, outcomes),
    )
    change_command.conclude(ready, change, asked, before=lambda: explain(found, after))


def kept_retention(site: "Site") -> dict[tuple[str, ...], str]:
    """Return the edit that keeps the hot retention as it is: data relies on it."""
    return {("retention", "relied_on"): str(site.retention.hot_in_effect)}


def explain(site: "Site", after: "Site") -> None:
    """Print what going back undoes, and what it leaves as it is."""
    undone = [
        f"the bridge: {site.bridge} -> {after.bridge}",
        f"the incumbent: {site.incumbent.state} -> {after.incumbent.state}",
        f"consumers: {site.limits.consumers} -> {after.limits.consumers}",
        f"assets that take part: {len(site.assets_in_scope)} -> {len(after.assets_in_scope)}",
        f"service level: {_level(site)} -> {_level(after)}",
    ]
    kept = [
        f"hot retention stays {site.retention.hot_in_effect}: data relies on it",
        "certificates, realm, topics, users and volumes stay the same ones",
        "messages that only EMQX has had are not carried back to the incumbent",
        "devices that were pointed at EMQX are pointed back by people: the kit does not reach them",
    ]
    click.echo("\nThis undoes:")
    for line in undone:
        left, _, right = line.partition(" -> ")
        if left.rpartition(": ")[2] != right:
            click.echo(f"  {line}")
    click.echo("This does not undo:")
    for line in kept:
        click.echo(f"  {line}")


def _level(site: "Site") -> str:
    level = site.monitoring.service_level
    return f"{level.availability} and repair in {level.repair}"
