"""Loading and checking a site's data, to parsing the same files alone; and many sites, to as many times one."""

import shutil
import tempfile
from functools import partial
from pathlib import Path

import yaml

from benchmarks.measure import Ratio, alternating, cost
from model import load_site
from model.estate import load_estate
from tests.support.shell import REPOSITORY

ROUNDS = 21
SITE = "eagle-ford"
SECONDS_FOR_500 = 5.0


def measure() -> list[Ratio]:
    """Return the ratio of CPU time of merging, tracing and validating a site to that of reading its YAML."""
    stacks = REPOSITORY / "stacks"
    site = load_site(stacks, SITE)
    files = [
        stacks / "defaults.yaml",
        stacks / "profiles" / f"{site.kind}.yaml",
        stacks / "phases" / f"{site.phase}.yaml",
        stacks / "sites" / f"{SITE}.yaml",
    ]

    def parse() -> None:
        for file in files:
            yaml.load(file.read_text(), Loader=yaml.CSafeLoader)

    ours, theirs = alternating(lambda: load_site(stacks, SITE), parse, rounds=ROUNDS)
    return [
        Ratio("loading a site, CPU, to parsing its files", ours.cpu * 1000, theirs.cpu * 1000, "ms"),
        *_estates(),
    ]


def _estates() -> list[Ratio]:
    """Return what one site of an estate of 50 and of 500 costs, to what one costs alone; and 500 to their goal."""
    seconds = {}
    for count in (1, 50, 500):
        with tempfile.TemporaryDirectory() as folder:
            stacks = _estate(Path(folder), count)
            seconds[count] = min(cost(partial(load_estate, stacks)).cpu for _ in range(3))
    alone = seconds[1] * 1000
    return [
        *(
            Ratio(
                f"validating each of {count} sites, CPU, to one alone",
                seconds[count] / count * 1000,
                alone,
                "ms",
            )
            for count in (50, 500)
        ),
        Ratio("validating 500 sites, CPU, to five seconds", seconds[500], SECONDS_FOR_500, "s", 1.0),
    ]


def _estate(folder: Path, count: int) -> Path:
    """Write the data of an estate of `count` sites, each the sample site under another name."""
    stacks = Path(
        shutil.copytree(REPOSITORY / "stacks", folder / "stacks", ignore=shutil.ignore_patterns("sites"))
    )
    text = (REPOSITORY / "stacks" / "sites" / f"{SITE}.yaml").read_text()
    (stacks / "sites").mkdir()
    for number in range(count):
        name = f"site-{number:03}"
        (stacks / "sites" / f"{name}.yaml").write_text(text.replace(SITE, name))
    return stacks
