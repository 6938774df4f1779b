"""Chooses the loopback ports of a lab once and keeps them from run to run."""

import contextlib
import json
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab.errors import NoFreePortError

HOST = "127.0.0.1"
# Below Linux's ephemeral range (32768 and up), so that no outgoing connection takes a kept port.
FIRST, LAST = 20000, 32000


@dataclass(frozen=True)
class MovedPort:
    """A kept port that somebody else holds now: who (as far as can be seen) and where the server moves to."""

    name: str
    old: int
    new: int
    holder: str | None


def is_free(port: int) -> bool:
    """Say whether a server could listen on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # As servers do: a connection in TIME_WAIT is no reason to call the port taken.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """Return a free port for each name; all are held until the last is known, so that none comes twice."""
    with contextlib.ExitStack() as held:
        found = {}
        for name in names:
            holder = held.enter_context(socket.socket())
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind((HOST, 0))
            found[name] = holder.getsockname()[1]
        return found


def holder_of(port: int) -> str | None:
    """Return "name (pid N)" of the process that listens on the port, or None where that cannot be seen."""
    import psutil

    try:
        connections = psutil.net_connections("tcp4")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and (HOST, port) == tuple(connection.laddr)
        if listens and connection.pid:
            try:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.NoSuchProcess:
                return None
    return None


class Ports:
    """The ports of one lab by name, kept in `ports.json` of its state folder.

    Ports kept by the sibling labs (`siblings`, folders like this one's) are never chosen, even while they are down.
    """

    def __init__(self, folder: Path, siblings: Iterable[Path] = ()) -> None:
        self._file = folder / "ports.json"
        self._kept = _read(self._file)
        self._taken = {port for sibling in siblings for port in _read(sibling / "ports.json").values()}

    def __getitem__(self, name: str) -> int:
        """Return a port that `assign` has given."""
        return self._kept[name]

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def assign(self, names: Iterable[str]) -> None:
        """Give each name that has no port yet a free one, and keep it; raises `NoFreePortError`."""
        for name in names:
            if name not in self._kept:
                self._kept[name] = self._choose()
        self._write()

    def move_if_taken(self, names: Iterable[str]) -> list[MovedPort]:
        """Move the names whose port somebody else holds; their servers must not be running. Returns the moves.

        Raises `NoFreePortError`.
        """
        moves = []
        for name in names:
            old = self._kept[name]
            if not is_free(old):
                new = self._choose()
                moves.append(MovedPort(name, old, new, holder_of(old)))
                self._kept[name] = new
        if moves:
            self._write()
        return moves

    def _choose(self) -> int:
        avoided = self._taken | set(self._kept.values())
        count = LAST - FIRST
        start = secrets.randbelow(count)
        # From a random port on: whoever chooses at the same time is unlikely to try the same.
        candidates = (FIRST + (start + step) % count for step in range(count))
        for port in candidates:
            if port not in avoided and is_free(port):
                return port
        raise NoFreePortError(FIRST, LAST)

    def _write(self) -> None:
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps(dict(sorted(self._kept.items())), indent=2) + "\n")
        draft.replace(self._file)


def _read(file: Path) -> dict[str, int]:
    try:
        kept = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    return {str(name): int(port) for name, port in kept.items()}
