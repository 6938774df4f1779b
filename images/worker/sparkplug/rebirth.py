"""Asks an edge node for its births (`Node Control/Rebirth`), each node at most once in an interval."""

from collections import OrderedDict
from typing import Final

from images.worker.sparkplug.results import Rebirth
from images.worker.sparkplug.schema import DATATYPES, Payload

METRIC: Final = b"Node Control/Rebirth"
BURST: Final = 50
"""Commands at once; a worker that knows no births would ask all nodes in the same moment, and all would answer."""
PER_SECOND: Final = 10.0
"""Commands a second in the long run."""
_BOOLEAN: Final = DATATYPES.index("Boolean")


class Rebirths:
    """Which nodes were asked within the interval (in seconds), and how many commands there are yet to give."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._asked: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._left = float(BURST)
        self._at = 0.0
        self.count = 0

    def due(self, group: str, node: str, now: float) -> Rebirth | None:
        """Return the command for a node that should be born again, None if it is not to be asked now.

        `now` are seconds since 1970. A node that has to wait is asked at a later message of its own.
        """
        while self._asked and not 0 <= now - next(iter(self._asked.values())) < self._seconds:
            self._asked.popitem(last=False)
        self._left = min(BURST, self._left + max(0.0, now - self._at) * PER_SECOND)
        self._at = now
        if (group, node) in self._asked or self._left < 1:
            return None
        self._left -= 1
        self._asked[group, node] = now
        self.count += 1
        return Rebirth(f"spBv1.0/{group}/NCMD/{node}", command(int(now * 1000)))


def command(now: int) -> bytes:
    """Return the payload of the command; `now` are milliseconds since 1970. A command has no `seq`."""
    asked = Payload(timestamp=now)
    asked.metrics.add(name=METRIC, timestamp=now, datatype=_BOOLEAN, boolean_value=True)
    return bytes(asked.SerializeToString())
