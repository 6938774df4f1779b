"""The tool cache outside the checkout: what is in it is whole, named by its pins, and shared between checkouts."""

import hashlib
import json
import os
import platform
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from lab.tools.errors import BuildCancelledError, NotEnoughDiskError
from lab.tools.process import Cost

LOCK_POLL_SECONDS = 1.0


def default_root() -> Path:
    """Return IOT_BROKER_CACHE, or `iot-broker` in the user's cache folder."""
    if chosen := os.environ.get("IOT_BROKER_CACHE"):
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "iot-broker"


def key_of(name: str, pins: tuple[Path, ...], settings: str) -> str:
    """Return the name, by content, of what these pins and settings make on this kind of machine."""
    digest = hashlib.sha256(f"{name}\0{settings}\0{platform.system()}\0{platform.machine()}\0".encode())
    for pin in sorted(pins):
        content = hashlib.sha256(pin.read_bytes()).hexdigest()
        digest.update(f"{pin.parent.name}/{pin.name}\0{content}\0".encode())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Timing:
    """What one build took: wall and processor seconds, peak and resulting bytes."""

    version: str
    key: str
    seconds: float
    processor_seconds: float
    peak_bytes: int
    size_bytes: int


@dataclass(frozen=True)
class Cache:
    """The folder of all tools: `tools/<name>/<key>/`, `work/` while building, `locks/`, `logs/`, `timings.json`."""

    root: Path = field(default_factory=default_root)

    def folder(self, name: str, key: str) -> Path:
        """Return where the finished tool is, or will be."""
        return self.root / "tools" / name / key

    def work(self, lane: str) -> Path:
        """Return the folder for what only the building needs, made when absent."""
        folder = self.root / "work" / lane
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def log(self, name: str) -> Path:
        """Return the log of a tool's last build."""
        (self.root / "logs").mkdir(parents=True, exist_ok=True)
        return self.root / "logs" / f"{name}.log"

    def scratch(self, lane: str, name: str) -> Path:
        """Return a new empty folder to build in; what interrupted builds left is removed.

        No other process gets the same folder, not even while a command of a killed build is still writing.
        """
        for abandoned in self.work(lane).glob(f"result-{name}-*"):
            remove(abandoned)
        folder = self.work(lane) / f"result-{name}-{os.getpid()}"
        folder.mkdir()
        return folder

    def publish(self, scratch: Path, name: str, key: str) -> Path:
        """Make a finished build visible at once and whole; another one that came first is kept."""
        folder = self.folder(name, key)
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            scratch.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
            remove(scratch)
        return folder

    @contextmanager
    def lock(
        self,
        name: str,
        *,
        cancelled: threading.Event,
        waiting: Callable[[], None] = lambda: None,
        unless: Callable[[], bool] = lambda: False,
    ) -> Iterator[bool]:
        """Hold the lock `name` against every other process and yield True.

        `waiting` is called once when somebody else holds it. Yields False, without the lock, as soon as
        `unless` holds while waiting. Raises `BuildCancelledError` when `cancelled` is set meanwhile.
        """
        (self.root / "locks").mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.root / "locks" / f"{name}.lock")
        said = False
        while not lock.is_locked:
            try:
                lock.acquire(timeout=LOCK_POLL_SECONDS if said else 0)
            except Timeout:
                if cancelled.is_set():
                    raise BuildCancelledError(f"waiting for another build ({name})") from None
                if unless():
                    yield False
                    return
                if not said:
                    waiting()
                said = True
        try:
            yield True
        finally:
            lock.release()

    def check_disk(self, needed: int, names: tuple[str, ...]) -> None:
        """Raise `NotEnoughDiskError` unless `needed` bytes are free where the cache is."""
        self.root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.root).free
        if free < needed:
            raise NotEnoughDiskError(self.root, needed, free, names)

    def timings(self) -> dict[str, Timing]:
        """Return what each tool's last build in this cache took."""
        file = self.root / "timings.json"
        if not file.exists():
            return {}
        return {name: Timing(**facts) for name, facts in json.loads(file.read_text()).items()}

    def record(self, name: str, timing: Timing) -> None:
        """Keep a build's timing in `timings.json`."""
        with self.lock("timings", cancelled=threading.Event()):
            all_timings = {**self.timings(), name: timing}
            draft = self.root / ".timings.draft"
            draft.write_text(
                json.dumps({key: asdict(value) for key, value in sorted(all_timings.items())}, indent=2)
                + "\n"
            )
            draft.replace(self.root / "timings.json")


@dataclass
class Stopwatch:
    """Adds up what the commands of one build cost."""

    started: float = field(default_factory=time.monotonic)
    cost: Cost = field(default_factory=Cost)

    def add(self, cost: Cost) -> None:
        """Count one more command."""
        self.cost = self.cost + cost

    @property
    def seconds(self) -> float:
        """Wall seconds since the start."""
        return time.monotonic() - self.started


def size_of(folder: Path) -> int:
    """Return the bytes of all files below `folder`, links not followed."""
    return sum(entry.lstat().st_size for entry in folder.rglob("*") if not entry.is_dir())


def remove(folder: Path) -> None:
    """Remove a folder with all in it, also where a folder in it is read-only, as Go's module cache makes them."""
    for parent, _, _ in os.walk(folder):
        os.chmod(parent, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
