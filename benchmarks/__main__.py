"""`make benchmark`: runs each benchmark on a lab of its own and prints its ratios beside their goals."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import demonstration, first_up, memory, no_change_preview, rendering, site_model, worker
from benchmarks.measure import Ratio
from lab.estate import Estate
from tests.support.shell import REPOSITORY, Shell, copy_program

SITE = "eagle-ford"
ON_THE_LAB: dict[str, Callable[[Estate, Shell, str], list[Ratio]]] = {
    "first up": first_up.measure,
    "no-change preview": no_change_preview.measure,
    "memory": memory.measure,
}
ALONE: dict[str, Callable[[], list[Ratio]]] = {
    "site model": site_model.measure,
    "rendering": rendering.measure,
    "demonstration": demonstration.measure,
    "worker": worker.measure,
}
# Takes the better part of an hour, or judges no speed: only when it is named.
ON_REQUEST: dict[str, Callable[[], list[Ratio]]] = {
    "from nothing": demonstration.measure_from_nothing,
    "worker fuzz": worker.measure_fuzz,
}


def main() -> int:
    """Run the benchmarks that were named (default: all) and print their ratios; returns 0."""
    alone = ALONE | ON_REQUEST
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        help=f"which: {', '.join((*ON_THE_LAB, *alone))}; default: all but {', '.join(ON_REQUEST)}",
    )
    parser.add_argument("--json", action="store_true", help="print the ratios as JSON")
    arguments = parser.parse_args()
    wanted = arguments.names or [*ON_THE_LAB, *ALONE]
    unknown = [name for name in wanted if name not in ON_THE_LAB and name not in alone]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    ratios = [ratio for name in wanted if name in alone for ratio in alone[name]()]
    if any(name in ON_THE_LAB for name in wanted):
        ratios = [*_on_the_lab([name for name in ON_THE_LAB if name in wanted]), *ratios]
    if arguments.json:
        print(json.dumps([ratio.plain() for ratio in ratios], indent=2))
    else:
        print_table(ratios)
    return 0


def print_table(ratios: list[Ratio]) -> None:
    """Print an aligned table of the ratios."""
    rows = [("what", "measured", "reference", "ratio", "goal"), *(ratio.row() for ratio in ratios)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _on_the_lab(names: list[str]) -> list[Ratio]:
    ratios: list[Ratio] = []
    with (
        tempfile.TemporaryDirectory(prefix="iot-broker-benchmark-") as folder,
        Estate(REPOSITORY, "benchmark").running(purge=True) as estate,
    ):
        environment = {name: value.resolve() for name, value in estate.environment().items()}
        shell = Shell(
            copy_program(Path(folder) / "program"), environment, estate.administration(), grant=estate.grant
        )
        # The first is always run: the others look at the site that it deploys.
        for name in dict.fromkeys(("first up", *names)):
            print(f"measuring {name} ...", file=sys.stderr)
            found = ON_THE_LAB[name](estate, shell, SITE)
            ratios += found if name in names else []
        shell.destroy(SITE)
    return ratios


if __name__ == "__main__":
    sys.exit(main())
