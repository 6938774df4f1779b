"""One lab as a whole: brings its servers up in dependency order, tells how they are, and takes them down."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.certificates import Authority
from lab.environment import EnvValue, administration, environment
from lab.errors import NotRunningError
from lab.ports import MovedPort, Ports
from lab.progress import Progress, Silent
from lab.rights import grant, grant_all
from lab.rising import Rising, Start
from lab.servers import BY_NAME, SERVERS, kafka, kubernetes, with_needs
from lab.servers.base import Lab, Server
from lab.servers.http import RefusedError, UnreachableError
from lab.servers.operators import Operators, is_present
from lab.supervision import Supervisor
from lab.workspace import Workspace
from model import Site

if TYPE_CHECKING:
    import psutil

STRAY_SECONDS = 5.0
LOCK_NOTICE_SECONDS = 1.0
# What `sitectl lab env` puts first on PATH, by the tool that holds it.
PROGRAMS = {"pulumi": "pulumi", "kubernetes": "kubectl", "vault": "vault", "opa": "opa"}


@dataclass(frozen=True)
class ServerStatus:
    """One server as `status` shows it; `memory` is resident bytes, children included."""

    name: str
    pid: int | None
    address: str
    version: str
    memory: int
    ready: bool


class Estate:
    """The lab `name` of the checkout `root`; everything of it is under `.lab/<name>/`."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name
        self.state = root / ".lab" / name
        self._supervisor = Supervisor(self.state)

    def up(self, progress: Progress | None = None, only: Collection[str] | None = None) -> list[Start]:
        """Start what does not run yet (`only` these and what they need); return what was done about each.

        Raises a `LabError` when a server does not come up: the others go on running. A Ctrl-C stops what this
        call has started.
        """
        watcher: Progress = progress or Silent()
        servers = with_needs(frozenset(only if only is not None else (server.name for server in _present())))
        with self._alone(watcher):
            lab = self._prepared(servers, watcher)
            # Pulumi's own preparations need no server: they go on while the servers start.
            with ThreadPoolExecutor(1) as pool:
                workspace = Workspace(self.state / "pulumi", self.root)
                prepared = pool.submit(workspace.prepare, lab, watcher)
                starts = Rising(lab, self._supervisor, watcher).run(servers)
                prepared.result()
            if {"kube-apiserver", "keycloak"} <= {server.name for server in servers}:
                grant_all(lab, self.root)
            return starts

    def restart(
        self,
        name: str,
        before: Callable[[Lab], None],
        meanwhile: Callable[[Lab], None],
        progress: Progress | None = None,
    ) -> None:
        """Stop a server and start it again: `before` runs while it is still up, `meanwhile` while it is down.

        It is started again also when `meanwhile` fails. Raises a `LabError` when it does not come up.
        """
        watcher: Progress = progress or Silent()
        servers = with_needs(frozenset({name}))
        with self._alone(watcher):
            lab = self._prepared(servers, watcher)
            before(lab)
            self._supervisor.stop(name, BY_NAME[name].stop_seconds)
            try:
                meanwhile(lab)
            finally:
                Rising(lab, self._supervisor, watcher).run(servers)

    def stop(self, name: str) -> None:
        """End one server at once, as a machine that fails would; `up` starts it again."""
        self._supervisor.stop(name, 0)

    def processes(self, name: str) -> "list[psutil.Process]":
        """Return the processes of one server that runs: to hold them, and let them go on."""
        return self._supervisor.processes(name)

    def down(self, *, purge: bool = False, progress: Progress | None = None) -> int:
        """Stop every process of the lab and return how many there were; `purge` removes its state as well."""
        watcher: Progress = progress or Silent()
        if not self.state.exists():
            return 0
        with self._alone(watcher):
            # What is thrown away need not be put in order first.
            count = sum(self._stop_all(patient=not purge))
            count += self._supervisor.stop_strays(STRAY_SECONDS)
            if purge:
                import shutil

                shutil.rmtree(self.state)
                self._lock_file.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self._lock_file.parent.rmdir()
        return count

    def status(self) -> list[ServerStatus]:
        """Return how each server is now, asking each."""
        lab = self._lab({})
        with ThreadPoolExecutor(len(SERVERS)) as pool:
            return list(pool.map(lambda server: self._status_of(lab, server), _present()))

    def is_up(self) -> bool:
        """Say whether every server's process runs (they may still be starting)."""
        return all(self._supervisor.running(server.name) for server in _present())

    def log(self, server: str) -> Path:
        """Return the file of the server's log."""
        return self._supervisor.log(server)

    def environment(self) -> dict[str, EnvValue]:
        """Return the variables of a shell in which `pulumi` and the other tools reach this lab.

        Raises `NotRunningError` when the lab has never been up.
        """
        if not (self.state / "ports.json").exists():
            raise NotRunningError(self.name)
        return environment(self._lab({}), self.root)

    def administration(self) -> dict[str, str]:
        """Return the variables of the servers' administrators, where they differ from the deployer's: secrets."""
        return administration(self._lab({}))

    def has_namespace(self, site: Site) -> bool:
        """Say whether the site's namespace is there."""
        return kubernetes.administrator(self._lab({})).answers(f"/api/v1/namespaces/{site.namespace}")

    def grant(self, site: Site) -> None:
        """Give the site's deployer and reviewers what their files of rights say, as far as it is there yet."""
        grant(self._lab({}), site)

    def kafka_administrator(self) -> kafka.Administrator:
        """Return who may do everything in the lab's Kafka."""
        return kafka.administrator(self._lab({}))

    def endpoints(self) -> dict[str, str]:
        """Return the address of each server that clients call, by server name."""
        lab = self._lab({})
        return {server.name: address for server in _present() if (address := _address(lab, server))}

    @contextlib.contextmanager
    def running(self, progress: Progress | None = None, *, purge: bool = False) -> Iterator["Estate"]:
        """Give the estate while it is up, and take it down at the end, whatever happens in between."""
        try:
            self.up(progress)
            yield self
        finally:
            self.down(purge=purge)

    def _prepared(self, servers: tuple[Server, ...], progress: Progress) -> Lab:
        """Build tools, choose ports, make the authority: all that must be there before a server starts."""
        from lab.tools import ensure

        needed = {tool for server in servers for tool in server.tools}
        tools = ensure(needed | PROGRAMS.keys(), progress)
        self._supervisor.stop_strays(STRAY_SECONDS)
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lab = self._lab(tools)
        _link_programs(lab)
        lab.authority.ensure()
        lab.ports.assign(port for server in SERVERS for port in server.ports)
        stopped = [server for server in servers if not self._supervisor.running(server.name)]
        for move in lab.ports.move_if_taken(port for server in stopped for port in server.ports):
            progress.note(_moved(move))
        return lab

    def _lab(self, tools: Mapping[str, Path]) -> Lab:
        siblings = [
            file.parent for file in self.state.parent.glob("*/ports.json") if file.parent != self.state
        ]
        authority = Authority(self.state / "tls", f"IoT broker lab {self.name}")
        return Lab(self.name, self.state, Ports(self.state, siblings), authority, tools)

    def _stop_all(self, *, patient: bool) -> Iterator[bool]:
        """Stop each server after those that need it, the independent ones at the same time."""
        left = list(SERVERS)
        with ThreadPoolExecutor(len(SERVERS)) as pool:
            while left:
                needed = {need for server in left for need in server.needs}
                free = [server for server in left if server.name not in needed]
                yield from pool.map(
                    lambda server: self._supervisor.stop(server.name, server.stop_seconds if patient else 0),
                    free,
                )
                left = [server for server in left if server not in free]

    def _status_of(self, lab: Lab, server: Server) -> ServerStatus:
        record = self._supervisor.running(server.name)
        if record is None:
            return ServerStatus(server.name, None, _address(lab, server), "", 0, ready=False)
        ready = server.is_ready(lab)
        try:
            version = server.version(lab) if ready else ""
        except (RefusedError, UnreachableError):
            version = ""
        memory = self._supervisor.memory(server.name)
        return ServerStatus(server.name, record.pid, _address(lab, server), version, memory, ready)

    @property
    def _lock_file(self) -> Path:
        return self.root / ".lab" / f"{self.name}.lock"

    @contextlib.contextmanager
    def _alone(self, progress: Progress) -> Iterator[None]:
        """Let one command at a time work on this lab."""
        from filelock import FileLock, Timeout

        self._lock_file.parent.mkdir(exist_ok=True)
        lock = FileLock(self._lock_file)
        try:
            lock.acquire(timeout=LOCK_NOTICE_SECONDS)
        except Timeout:
            progress.note(f"another command is at work on the lab {self.name!r}: waiting for it")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def _present() -> tuple[Server, ...]:
    return tuple(server for server in SERVERS if not isinstance(server, Operators) or is_present())


def _link_programs(lab: Lab) -> None:
    for tool, program in PROGRAMS.items():
        link = lab.folder("bin") / program
        target = lab.tools[tool] / program
        if not link.is_symlink() or link.readlink() != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)


def _address(lab: Lab, server: Server) -> str:
    return server.address(lab) if all(port in lab.ports for port in server.ports) else ""


def _moved(move: MovedPort) -> str:
    holder = f" by {move.holder}" if move.holder else ""
    return f"port {move.old} ({move.name}) is taken{holder}: moved to {move.new}, and kept from now on"
