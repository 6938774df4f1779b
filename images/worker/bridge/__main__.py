"""`python -m images.worker.bridge SETTINGS [--end]`: carries messages from one broker to another until it is stopped.

With `--end` it carries nothing: it lets both brokers forget the bridge's sessions, and ends. Exits 2 for settings that
are wrong, 1 where a broker did not let it in within a minute to end its session.
"""

import argparse
import contextlib
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from images.worker.bridge.bridge import Bridge
from images.worker.bridge.connection import Connection, Ending, Greeting
from images.worker.bridge.line import Line
from images.worker.bridge.packets import Answer, Publish
from images.worker.bridge.settings import End, Settings, read
from images.worker.figures import Figures, Page
from images.worker.logs import say
from images.worker.settings import SettingsError

END_SECONDS = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bridge, or end its sessions; return the exit code."""
    parser = argparse.ArgumentParser(prog="bridge", description=__doc__)
    parser.add_argument("settings", type=Path)
    parser.add_argument("--end", action="store_true", help="let both brokers forget the bridge's sessions")
    given = parser.parse_args(arguments)
    try:
        settings = read(given.settings)
    except SettingsError as error:
        sys.stderr.writelines(f"{line}\n" for line in error.errors)
        return 2
    return end(settings) if given.end else carry(settings)


def carry(settings: Settings) -> int:
    """Carry messages until a signal says to stop."""
    bridge = Bridge(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: bridge.stop())
    figures = Figures()
    figures.add(bridge.counts.families)
    with Page(settings.listen, figures, bridge.health) as page:
        say("figures", port=page.port)
        bridge.run(page.renew)
    return 0


def end(settings: Settings) -> int:
    """End the session at both brokers, for nobody comes for it again."""
    return max([_forgotten(one) for one in (settings.source, settings.target)])


class _Leaver:
    """Is let in, and has nothing to say."""

    def __init__(self) -> None:
        self.was_let_in = False

    def up(self, line: Line, greeting: Greeting) -> None:
        """Note that the broker began afresh: with that the old session is gone."""
        del line, greeting
        self.was_let_in = True

    def down(self, ending: Ending) -> None:
        """Hear nothing."""

    def subscribed(self, number: int, reasons: list[int]) -> None:
        """Hear nothing."""

    def published(self, message: Publish) -> None:
        """Hear nothing."""

    def answered(self, kind: int, answer: Answer) -> None:
        """Hear nothing."""


def _forgotten(one: End) -> int:
    leaver, until = _Leaver(), time.monotonic() + END_SECONDS
    connection = Connection(one, leaver, clean=True, window=1, wake=lambda: None, clock=time.monotonic)
    while not leaver.was_let_in and time.monotonic() < until:
        connection.tick(time.monotonic())
        opened = connection.line.socket() if connection.line is not None else None
        with contextlib.suppress(ValueError):
            select.select([opened] if opened is not None else [], [], [], 0.05)
        connection.read(time.monotonic())
        connection.write(time.monotonic())
    connection.leave(time.monotonic(), "ended")
    say("ended" if leaver.was_let_in else "not ended", end=one.name)
    return 0 if leaver.was_let_in else 1


if __name__ == "__main__":
    sys.exit(main())
