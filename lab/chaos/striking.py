"""Runs `pulumi` and strikes at a moment that its own state file shows: kills it, as a machine that stops would."""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.workspace import PROJECT

PAUSE_SECONDS = 0.02
END_SECONDS = 15.0


@dataclass(frozen=True)
class Operation:
    """An operation under way: `creating`, `updating` or `deleting`, the last part of the type, the name."""

    doing: str
    kind: str
    name: str


@dataclass(frozen=True)
class Checkpoint:
    """A stack's state at one moment: how many resources it has, and what is under way."""

    resources: int
    pending: tuple[Operation, ...]

    def doing(self, what: str, kind: str) -> bool:
        """Say whether something of a kind is being created, updated or deleted."""
        return any(operation.doing == what and operation.kind == kind for operation in self.pending)


Moment = Callable[[Checkpoint], bool]


def state_file(lab: Path, site: str) -> Path:
    """Return the file in which the lab's Pulumi keeps a site's state; `lab` is the lab's folder."""
    return lab / "pulumi" / "state" / ".pulumi" / "stacks" / PROJECT / f"{site}.json"


def checkpoint(file: Path) -> Checkpoint:
    """Return what a state file says now; nothing where it is not there or half written."""
    try:
        latest = json.loads(file.read_text(encoding="utf-8"))["checkpoint"].get("latest") or {}
    except (FileNotFoundError, ValueError):
        return Checkpoint(0, ())
    pending = tuple(
        Operation(
            entry["type"],
            entry["resource"]["type"].rpartition(":")[2],
            entry["resource"]["urn"].rpartition("::")[2],
        )
        for entry in latest.get("pending_operations") or ()
    )
    return Checkpoint(len(latest.get("resources") or ()), pending)


@dataclass(frozen=True)
class Struck:
    """How a run ended: whether it was struck before its own end, its exit code where it was not, and its words."""

    struck: bool
    code: int
    text: str
    at: Checkpoint


def strike(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    file: Path,
    moment: Moment,
    log: Path,
    seconds: float = 420,
) -> Struck:
    """Run a command, and kill it with all of its processes when the state in `file` is at the moment."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        give_up = time.monotonic() + seconds
        now = checkpoint(file)
        try:
            while process.poll() is None and time.monotonic() < give_up:
                now = checkpoint(file)
                if moment(now):
                    kill(process)
                    return Struck(struck=True, code=process.returncode, text=_text(log), at=now)
                time.sleep(PAUSE_SECONDS)
        finally:
            if process.poll() is None:
                kill(process)
    return Struck(struck=False, code=process.returncode, text=_text(log), at=now)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and what it started, itself first: nothing of its children's end reaches its state."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(children, timeout=END_SECONDS)
    process.wait(END_SECONDS)


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")
