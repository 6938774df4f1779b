"""`sitectl promote SITE --to PHASE`: checks every gate, and refuses or writes one commit's worth of files."""

from typing import Any, get_args

import click

from model.rollout import Phase
from sitectl.change_command import Options, options


@click.command("promote")
@click.argument("site")
@click.option("--to", "phase", required=True, type=click.Choice(get_args(Phase)), help="The phase to go to.")
@options
def command(site: str, phase: Phase, **named: Any) -> None:
    """Take SITE to its next phase: measure what must be true, and write the signed record and the new phase.

    Exits 1 with every reason when a gate has not passed; nothing is written then.
    """
    from sitectl import change_command, problems
    from sitectl.change import Change
    from sitectl.gates.edges import promotion

    asked = Options(**named)
    if change_command.finished(site, "promotion", phase, asked):
        return
    ready = change_command.load(site, asked)
    found, chain = ready.context.site, ready.context.chain
    leave = found.limits.leave
    if leave is None:
        problems.refuse(f"{site} is in its last phase, {found.phase}: there is nothing to promote it to")
    if leave.to != phase:
        problems.refuse(f"{site} is in {found.phase}: it goes to {leave.to} next, not to {phase}")
    edits: dict[tuple[str, ...], str] = {("phase",): phase}
    after = change_command.site_with(ready.root, site, edits)
    outcomes = change_command.measure(ready, promotion(leave), f"measuring the gates of {site}")
    change = Change(
        found,
        chain,
        "promotion",
        phase,
        after.incumbent.state,
        edits,
        outcomes,
        change_command.override(ready, asked, outcomes),
    )
    change_command.conclude(ready, change, asked)
