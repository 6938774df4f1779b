"""The bridge itself: one thread that reads what the source says, hands it to the target, and acknowledges."""

import contextlib
import os
import select
import time
from collections.abc import Callable
from typing import Any

from images.worker.bridge.connection import LOOK_SECONDS, Connection
from images.worker.bridge.figures import Counts
from images.worker.bridge.settings import Settings
from images.worker.bridge.source import Source
from images.worker.bridge.target import Target
from images.worker.figures import Health
from images.worker.logs import say

TURN_SECONDS = 0.25
"""How long the loop waits when nothing comes: what is due by time is due within that."""
STOP_SECONDS = 5.0
"""How long a stop waits for the target to finish with what it was sent."""


class Bridge:
    """One direction between two brokers."""

    def __init__(
        self, settings: Settings, counts: Counts | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._clock = settings, clock
        self.counts = counts or Counts()
        self._woken, self._waker = os.pipe()
        for end in (self._woken, self._waker):
            os.set_blocking(end, False)
        self._target = Target(settings, self.counts, clock)
        self._source = Source(settings, self.counts, self._target.publications.put, clock)
        window = settings.window
        self._from = Connection(
            settings.source, self._source, clean=False, window=window, wake=self.wake, clock=clock
        )
        self._to = Connection(
            settings.target, self._target, clean=True, window=window, wake=self.wake, clock=clock
        )
        self._paused = False
        self._pinged = 0.0
        self.health = Health(self._crosses)
        self.health.turned_at = clock()
        self._stopping: float | None = None

    def wake(self) -> None:
        """Let the loop look around; from any thread."""
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._waker, b".")

    def stop(self) -> None:
        """Ask the loop to end; from any thread, or a signal's handler."""
        self._stopping = self._clock()
        self.wake()

    def _crosses(self) -> bool:
        """Return whether messages cross: subscribed at the source, and let in at the target."""
        return self._source.is_ready and self._to.is_up

    def run(self, renew: Callable[[], None] = lambda: None) -> None:
        """Carry messages until somebody asks to stop; then finish what is in flight, and leave in order.

        `renew` is called now and then: for what has certificates of its own.
        """
        say("begun", direction=self._settings.direction.value, site=self._settings.site)
        renewed = self._clock()
        while not self._is_done():
            self.turn()
            if self.health.turned_at - renewed > LOOK_SECONDS:
                renewed = self.health.turned_at
                renew()
        now = self._clock()
        self._source.acknowledge()
        for connection in (self._from, self._to):
            connection.leave(now, "stopped")
        say("stopped", held=len(self._target.publications))

    def turn(self) -> None:
        """Wait until something is to be done, and do it."""
        self._wait()
        now = self.health.turned_at = self._clock()
        self._pause(now)
        self._from.tick(now, is_read=not self._paused)
        self._to.tick(now, in_flight=self._target.publications.in_flight)
        if not self._paused and self._stopping is None:
            self._from.read(now)
        self._to.read(now)
        self._target.publish(now, drains=self._to.renews or self._stopping is not None)
        self._source.acknowledge()
        if self._stopping is None and self._source.beat(now) and not self._paused:
            say("source silent", end=self._settings.source.name)
            self._from.leave(now, "the source is silent")
        self._from.write(now)
        self._to.write(now)
        self._tell(now)

    def _is_done(self) -> bool:
        if self._stopping is None:
            return False
        late = self._clock() - self._stopping > STOP_SECONDS
        return late or not self._target.publications.in_flight or not self._to.is_up

    def _wait(self) -> None:
        reads: list[Any] = [self._woken]
        writes: list[Any] = []
        seconds = TURN_SECONDS
        for connection, is_read in (
            (self._from, not self._paused and self._stopping is None),
            (self._to, True),
        ):
            line = connection.line
            if line is None or (socket := line.socket()) is None:
                continue
            if is_read:
                reads.append(socket)
                seconds = 0.0 if line.has_more else seconds
            if line.want_write():
                writes.append(socket)
        ready, _, _ = select.select(reads, writes, [], seconds)
        if self._woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._woken, 4096)

    def _pause(self, now: float) -> None:
        """Read no more while too much is held: the source's own bounds decide then what it keeps."""
        held, settings = self._target.publications, self._settings
        full = held.bytes > settings.held_bytes or len(held) > 2 * settings.window
        line = self._from.line
        if full != self._paused:
            self._paused = full
            say("paused" if full else "reads again", held=len(held), bytes=held.bytes)
            if not full and line is not None:
                line.read_again()
                # What is not heard because nothing is read is no silence.
                self._source.heard = now
        due = now - self._pinged > settings.source.keepalive_seconds / 2
        if full and due and self._from.is_up and line is not None:
            self._pinged = now
            line.keep_alive_unread()

    def _tell(self, now: float) -> None:
        held = self._target.publications
        oldest = held.oldest
        self.counts.set("connected", int(self._from.is_up), "source")
        self.counts.set("connected", int(self._to.is_up), "target")
        self.counts.set("in_flight", held.in_flight)
        self.counts.set("held", len(held))
        self.counts.set("held_bytes", held.bytes)
        self.counts.set("lag_seconds", 0.0 if oldest is None else now - oldest)
        self.counts.set("source_silent_seconds", now - self._source.heard)
        self.counts.set("paused", int(self._paused))
