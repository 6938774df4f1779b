"""Resident memory of all the lab's servers together, with a site deployed."""

from benchmarks.measure import Ratio
from lab.estate import Estate
from tests.support.shell import Shell

GIBIBYTE = 2**30
GOAL_GIBIBYTES = 3.0


def measure(estate: Estate, _shell: Shell, _site: str) -> list[Ratio]:
    """Return the memory, by the goal."""
    used = sum(server.memory for server in estate.status())
    return [Ratio("resident memory of the lab, to the goal", used / GIBIBYTE, GOAL_GIBIBYTES, "GiB", 1.0)]
