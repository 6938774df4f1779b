"""A preview that finds nothing to do: the site's program against a flat one with the same resources."""

from benchmarks import flat_program
from benchmarks.measure import Ratio, alternating
from lab.estate import Estate
from tests.support.shell import Shell

ROUNDS = 5
GOAL = 1.3


def measure(_estate: Estate, shell: Shell, site: str) -> list[Ratio]:
    """Return the ratios of wall and CPU time; both previews use the same engine and plugins."""
    flat = flat_program.write(shell, site, shell.folder.parent / f"{shell.folder.name}-flat")
    for place, stack in ((shell, site), (flat, flat_program.STACK)):
        changes = place.preview(stack)
        if changes:
            raise RuntimeError(f"{stack}: the preview is not without change: {changes}")

    def preview(place: Shell, stack: str) -> None:
        place.pulumi("preview", "--stack", stack)

    ours, theirs = alternating(
        lambda: preview(shell, site), lambda: preview(flat, flat_program.STACK), rounds=ROUNDS
    )
    resources = len(shell.state(site))
    return [
        Ratio(
            f"no-change preview of {resources} resources, wall, to a flat program",
            ours.wall,
            theirs.wall,
            "s",
            GOAL,
        ),
        Ratio("no-change preview, CPU, to a flat program", ours.cpu, theirs.cpu, "s", GOAL),
    ]
