"""Provides tools: what is cached is used, what is missing is built, Go and Java beside each other."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.progress import Progress
from lab.tools.bench import Bench
from lab.tools.cache import Cache, Timing, remove, size_of
from lab.tools.catalogue import Lane, Tool, catalogue
from lab.tools.errors import BuildCancelledError, ToolError, UnknownToolError
from lab.tools.jdk import find_jdk

JAVA = "java"
JOIN_SECONDS = 0.2


def ensure(
    names: Iterable[str],
    progress: Progress,
    *,
    cache: Cache | None = None,
    tools: Mapping[str, Tool] | None = None,
) -> dict[str, Path]:
    """Return the folder of each named tool, building first what the cache does not hold.

    The name "java" gives the home of a JDK found on this machine. Raises `ToolError`s: an unknown name, too
    little disk, no compiler, a failed build. An interrupted build leaves nothing usable and resumes when asked again.
    """
    known = catalogue() if tools is None else tools
    where = cache or Cache()
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in known and name != JAVA:
            raise UnknownToolError(name, (*known, JAVA))
    chosen = [tool for name, tool in known.items() if name in wanted]
    _build_missing(chosen, progress, where)
    paths = {tool.name: where.folder(tool.name, tool.key) for tool in chosen}
    if JAVA in wanted:
        paths[JAVA] = find_jdk()
    return paths


def missing(tools: Iterable[Tool], cache: Cache) -> list[Tool]:
    """Return those of `tools` that the cache does not hold for their pins."""
    return [tool for tool in tools if not cache.folder(tool.name, tool.key).is_dir()]


def _build_missing(tools: list[Tool], progress: Progress, cache: Cache) -> None:
    absent = missing(tools, cache)
    if not absent:
        return
    cache.check_disk(sum(tool.space for tool in absent), tuple(tool.name for tool in absent))
    cancelled = threading.Event()
    lanes = [
        _LaneWork(lane, [tool for tool in absent if tool.lane == lane], progress, cache, cancelled)
        for lane in sorted({tool.lane for tool in absent})
    ]
    threads = [threading.Thread(target=lane.run, name=f"{lane.name} builds") for lane in lanes]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            # A plain join would not let Ctrl-C in.
            while thread.is_alive():
                thread.join(JOIN_SECONDS)
    finally:
        cancelled.set()
        for thread in threads:
            thread.join()
    errors = [lane.error for lane in lanes if lane.error]
    # The first cause is what people need; the other lane only says that it was stopped.
    for error in sorted(errors, key=lambda error: isinstance(error, BuildCancelledError)):
        raise error


@dataclass
class _LaneWork:
    """The builds of one lane, one after the other, under the lane's lock in this cache."""

    name: Lane
    tools: list[Tool]
    progress: Progress
    cache: Cache
    cancelled: threading.Event
    error: Exception | None = field(default=None)

    def run(self) -> None:
        """Build what is still missing once the lane is free, and remove what only the building needed."""
        try:
            with self.cache.lock(
                self.name, cancelled=self.cancelled, waiting=self._say_waiting, unless=self._nothing_missing
            ) as held:
                if not held:
                    return
                for tool in missing(self.tools, self.cache):
                    self._build(tool)
                if os.environ.get("IOT_BROKER_KEEP_BUILD") != "1":
                    remove(self.cache.work(self.name))
        except (ToolError, OSError, LookupError, ValueError) as error:
            self.error = error
            self.cancelled.set()

    def _say_waiting(self) -> None:
        names = ", ".join(tool.name for tool in self.tools)
        self.progress.note(f"Waiting for another build in {self.cache.root} before {names} …")

    def _nothing_missing(self) -> bool:
        return not missing(self.tools, self.cache)

    def _build(self, tool: Tool) -> None:
        if self.cancelled.is_set():
            raise BuildCancelledError(tool.name)
        self.progress.begin(tool.name)
        bench = Bench(
            name=tool.name,
            version=tool.version,
            result=self.cache.scratch(self.name, tool.name),
            work=self.cache.work(self.name),
            log=self.cache.log(tool.name),
            say=self._sayer(tool),
            cancelled=self.cancelled,
        )
        bench.log.write_bytes(b"")
        tool.recipe(bench)
        size = size_of(bench.result)
        self.cache.publish(bench.result, tool.name, tool.key)
        watch = bench.stopwatch
        timing = Timing(
            tool.version,
            tool.key,
            round(watch.seconds, 1),
            round(watch.cost.processor_seconds, 1),
            watch.cost.peak_bytes,
            size,
        )
        self.cache.record(tool.name, timing)
        self.progress.end(tool.name, watch.seconds)

    def _sayer(self, tool: Tool) -> Callable[[str], None]:
        started = time.monotonic()

        def say(doing: str) -> None:
            minutes, seconds = divmod(int(time.monotonic() - started), 60)
            typical = f"{max(1, round(tool.expected_seconds / 60))} min"
            self.progress.step(tool.name, f"{doing} ({minutes}:{seconds:02}; usually about {typical})")

        return say
