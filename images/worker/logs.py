"""What the worker says on standard error: one line of JSON for each event, without payloads and without secrets."""

import json
import logging
import sys
import threading
import time
from datetime import UTC, datetime

QUIET_SECONDS = 30.0
"""How long an event that repeats itself is not said again; figures count it meanwhile."""

_lock = threading.Lock()
_said: dict[tuple[str, str], float] = {}


def say(event: str, **facts: object) -> None:
    """Write an event and its facts as one line of JSON."""
    line = json.dumps({"at": now(), "event": event, **facts}, ensure_ascii=False, default=str)
    with _lock:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def say_seldom(event: str, kind: str, **facts: object) -> None:
    """Write an event unless one of the same kind was written within `QUIET_SECONDS`."""
    moment = time.monotonic()
    if moment - _said.get((event, kind), -QUIET_SECONDS) < QUIET_SECONDS:
        return
    _said[event, kind] = moment
    say(event, kind=kind, **facts)


def now() -> str:
    """Return the time as records and lines have it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Lines(logging.Handler):
    """Takes what a library logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a library's line as an event."""
        say_seldom("library", record.name, message=record.getMessage()[:500])
