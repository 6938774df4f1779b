"""Starts a server as a process of its own, remembers it on disk, and stops exactly that process and its children."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lab.files import write

if TYPE_CHECKING:
    import psutil

# Every process that a lab starts carries this with the lab's state folder as value, and so do its children:
# it finds those that a killed starter had no time to write down, or that outlived their parent.
MARK = "IOT_BROKER_LAB_STATE"
KILL_SECONDS = 5.0
# Kernel clock ticks make a start time read twice differ by a hundredth of a second at most.
START_TOLERANCE_SECONDS = 0.05


@dataclass(frozen=True)
class Launch:
    """What to run: `environment` is all the child gets beside PATH, HOME and the mark; `folder` its working folder."""

    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    # Variables of `environment` that matter only once (a first password, say): not part of the fingerprint.
    passing: frozenset[str] = frozenset()
    # Files that the server reads only when it starts.
    files: tuple[Path, ...] = ()
    # Files that an earlier process may have left and that would be taken for this one's.
    stale: tuple[Path, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Return a hash of all that makes a running process out of date when it changes."""
        lasting = {key: value for key, value in self.environment.items() if key not in self.passing}
        contents = [sha256(file.read_bytes()).hexdigest() for file in self.files]
        facts = json.dumps([self.command, str(self.folder), sorted(lasting.items()), contents])
        return sha256(facts.encode()).hexdigest()


@dataclass(frozen=True)
class Record:
    """One started process as written to disk: a pid alone may belong to somebody else by now."""

    pid: int
    started: float
    fingerprint: str


class Supervisor:
    """The processes of one lab: logs in `logs/`, records in `pids/` of its state folder."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def log(self, name: str) -> Path:
        """Return the file that takes what the server prints."""
        return self._state / "logs" / f"{name}.log"

    def start(self, name: str, launch: Launch) -> Record:
        """Start the server in a session of its own, so that a Ctrl-C in the terminal is not sent to it."""
        import psutil

        for file in launch.stale:
            file.unlink(missing_ok=True)
        log = self.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        environment |= {**launch.environment, MARK: str(self._state)}
        with log.open("ab") as stream:
            os.chmod(log, 0o600)
            process = subprocess.Popen(
                launch.command,
                cwd=launch.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        record = Record(process.pid, psutil.Process(process.pid).create_time(), launch.fingerprint)
        write(self._record_file(name), json.dumps(record.__dict__))
        return record

    def running(self, name: str) -> Record | None:
        """Return the record of the server's process if that very process still runs."""
        record = self._read(name)
        return record if record and _find(record) else None

    def stop(self, name: str, patience: float) -> bool:
        """Ask the server to end, after `patience` seconds end it; children too. Says whether it was running.

        Without patience it is ended at once.
        """
        record = self._read(name)
        process = _find(record) if record else None
        if process is not None:
            _end([process, *_children(process)], patience)
        self._record_file(name).unlink(missing_ok=True)
        return process is not None

    def processes(self, name: str) -> "list[psutil.Process]":
        """Return the server's process and its children; none where it does not run."""
        record = self._read(name)
        process = _find(record) if record else None
        return [process, *_children(process)] if process else []

    def strays(self) -> "list[psutil.Process]":
        """Return processes of this lab that no record names: of a killed starter, or children left behind."""
        import psutil

        known = {record.pid for name in self._names() if (record := self.running(name))}
        found = []
        for process in psutil.process_iter():
            try:
                marked = process.environ().get(MARK) == str(self._state)
                family = {process.pid, *(parent.pid for parent in process.parents())} if marked else set()
            except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
            if marked and not family & known:
                found.append(process)
        return found

    def stop_strays(self, patience: float) -> int:
        """Stop what `strays` finds; return how many there were."""
        strays = self.strays()
        _end(strays, patience)
        return len(strays)

    def memory(self, name: str) -> int:
        """Return the resident memory in bytes of the server and its children; 0 when it does not run."""
        import psutil

        total = 0
        for member in self.processes(name):
            try:
                total += member.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total

    def tail(self, name: str, lines: int = 15) -> tuple[str, ...]:
        """Return the last lines of the server's log."""
        try:
            with self.log(name).open("rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - lines * 400))
                return tuple(stream.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ()

    def _names(self) -> list[str]:
        return [file.stem for file in (self._state / "pids").glob("*.json")]

    def _record_file(self, name: str) -> Path:
        return self._state / "pids" / f"{name}.json"

    def _read(self, name: str) -> Record | None:
        try:
            return Record(**json.loads(self._record_file(name).read_text()))
        except FileNotFoundError:
            return None


def _find(record: Record) -> "psutil.Process | None":
    """Return the recorded process; None when it ended, even if its pid has been given to another since."""
    import psutil

    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.started) < START_TOLERANCE_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _children(process: "psutil.Process") -> "list[psutil.Process]":
    import psutil

    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _end(processes: "list[psutil.Process]", patience: float) -> None:
    import psutil

    alive = processes
    if patience > 0:
        _signal(processes, signal.SIGTERM)
        _, alive = psutil.wait_procs(processes, timeout=patience)
    _signal(alive, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=KILL_SECONDS)


def _signal(processes: "Sequence[psutil.Process]", number: signal.Signals) -> None:
    import psutil

    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
