"""Loading and checking a site's data, to parsing the same files alone."""

import yaml

from benchmarks.measure import Ratio, alternating
from model import load_site
from tests.support.shell import REPOSITORY

ROUNDS = 21
SITE = "eagle-ford"


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
    return [Ratio("loading a site, CPU, to parsing its files", ours.cpu * 1000, theirs.cpu * 1000, "ms")]
