"""Waits for a condition outside this process: a short interval, a deadline, and a name for what was awaited."""

import threading
import time
from collections.abc import Callable

INTERVAL_SECONDS = 0.05
# A probe of a server that is still starting costs it time as well, so the interval grows up to this.
LONGEST_INTERVAL_SECONDS = 0.25


class NotInTimeError(Exception):
    """What was awaited (`what`) did not happen within `seconds`."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"{what}: not within {seconds:g} s")
        self.what = what
        self.seconds = seconds


class CancelledError(Exception):
    """Somebody set the event that ends this wait: another server failed, or Ctrl-C was pressed."""


def wait_until(
    predicate: Callable[[], bool],
    timeout: float,
    what: str,
    cancelled: threading.Event | None = None,
) -> float:
    """Return the seconds it took until `predicate` held; `timeout` in seconds.

    Raises `NotInTimeError` after `timeout`, `CancelledError` as soon as `cancelled` is set, and whatever
    `predicate` raises (so a predicate can end the wait when waiting has become pointless).
    """
    pause = cancelled or threading.Event()
    start = time.monotonic()
    interval = INTERVAL_SECONDS
    while not predicate():
        if time.monotonic() - start > timeout:
            raise NotInTimeError(what, timeout)
        if pause.wait(interval):
            raise CancelledError(what)
        interval = min(interval * 1.25, LONGEST_INTERVAL_SECONDS)
    return time.monotonic() - start
