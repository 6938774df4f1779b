"""`make demo` as a user meets it: with everything built, and from nothing when that is asked for."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import Ratio
from lab.tools.cache import Cache
from tests.support.shell import REPOSITORY

WARM_GOAL_SECONDS = 60.0
COLD_GOAL = 1.2
LAB = "benchmark-demo"
SITECTL = Path(sys.executable).parent / "sitectl"


def measure() -> list[Ratio]:
    """Return the warm demonstration's time by its goal, and that of a second run beside the first."""
    environment = os.environ | {"IOT_BROKER_LAB": LAB}
    try:
        first = _seconds("demo", environment)
        second = _seconds("demo", environment)
    finally:
        _seconds("clean-demo", environment)
    return [
        Ratio("demonstration with tools built, wall, to a minute", first, WARM_GOAL_SECONDS, "s", 1.0),
        Ratio("demonstration again, wall, to the first", second, first, "s"),
    ]


def measure_from_nothing() -> list[Ratio]:
    """Return the time of a demonstration with an empty cache by the sum of its downloads and builds.

    It takes the better part of an hour on two cores. The reference is what the builds took one by one, as the
    cache recorded it.
    """
    with tempfile.TemporaryDirectory(prefix="iot-broker-cold-") as folder:
        environment = os.environ | {"IOT_BROKER_LAB": LAB, "IOT_BROKER_CACHE": folder}
        try:
            whole = _seconds("demo", environment)
        finally:
            _seconds("clean-demo", environment)
        parts = sum(timing.seconds for timing in Cache(Path(folder)).timings().values())
    return [Ratio("demonstration from nothing, wall, to its builds one by one", whole, parts, "s", COLD_GOAL)]


def _seconds(verb: str, environment: Mapping[str, str]) -> float:
    start = time.monotonic()
    subprocess.run(
        [SITECTL, "lab", verb], cwd=REPOSITORY, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return time.monotonic() - start
