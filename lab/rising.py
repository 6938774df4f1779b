"""One `up` at work: starts each server as soon as those that it needs are ready, and waits for its own readiness."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from lab.errors import ServerEndedError, ServerNotReadyError, ServerUnsettledError
from lab.progress import Progress
from lab.servers.base import Lab, Server
from lab.servers.http import RefusedError, UnreachableError
from lab.supervision import Launch, Supervisor
from lab.waiting import CancelledError, NotInTimeError, wait_until

# A server that is stopped in the middle of its start has nothing worth waiting for.
HASTE_SECONDS = 3.0


@dataclass(frozen=True)
class Start:
    """What one `up` did about a server: `seconds` until it was ready; `began` is false when it ran already."""

    name: str
    began: bool
    seconds: float


class Rising:
    """One `up` at work: a thread for each server, each waiting for those that it needs."""

    def __init__(self, lab: Lab, supervisor: Supervisor, progress: Progress) -> None:
        self._lab = lab
        self._supervisor = supervisor
        self._progress = progress
        self._cancelled = threading.Event()
        self._begun: list[Server] = []

    def run(self, servers: tuple[Server, ...]) -> list[Start]:
        """Bring the servers up; they are listed so that each comes after those that it needs."""
        futures: dict[str, Future[Start]] = {}
        with ThreadPoolExecutor(len(servers)) as pool:
            # Each waits for earlier ones only: `SERVERS` lists needs before those who need them.
            for server in servers:
                needs = [futures[need] for need in server.needs]
                futures[server.name] = pool.submit(self._bring, server, needs)
            try:
                wait(futures.values(), return_when=FIRST_EXCEPTION)
                self._cancelled.set()
            except KeyboardInterrupt:
                self._cancelled.set()
                wait(futures.values())
                list(pool.map(lambda server: self._supervisor.stop(server.name, HASTE_SECONDS), self._begun))
                raise
        failures = [error for future in futures.values() if (error := future.exception())]
        for error in sorted(failures, key=lambda error: isinstance(error, CancelledError)):
            raise error
        return [future.result() for future in futures.values()]

    def _bring(self, server: Server, needs: list[Future[Start]]) -> Start:
        below = [need.result() for need in needs]
        if self._cancelled.is_set():
            raise CancelledError(server.name)
        start = time.monotonic()
        launch = server.launch(self._lab)
        began = self._restart_if_needed(server, launch, below)
        self._await(server, server.is_alive)
        try:
            server.settle(self._lab)
        except (RefusedError, UnreachableError, NotInTimeError) as error:
            raise ServerUnsettledError(server.name, str(error)) from error
        self._await(server, server.is_ready)
        seconds = time.monotonic() - start
        if began:
            self._progress.end(server.name, seconds)
        return Start(server.name, began, seconds)

    def _restart_if_needed(self, server: Server, launch: Launch, below: list[Start]) -> bool:
        """Start the server; one that runs with other settings than today's, or lost what it follows, anew."""
        record = self._supervisor.running(server.name)
        stale = any(need.began and need.name in server.follows for need in below)
        if record is not None and record.fingerprint == launch.fingerprint and not stale:
            return False
        self._progress.begin(server.name)
        if record is not None:
            self._progress.step(
                server.name,
                "stopping the old one: its settings changed, or what it depends on was started anew",
            )
            self._supervisor.stop(server.name, server.stop_seconds)
        self._begun.append(server)
        self._supervisor.start(server.name, launch)
        return True

    def _await(self, server: Server, condition: Callable[[Lab], bool]) -> None:
        def holds() -> bool:
            if self._supervisor.running(server.name) is None:
                raise ServerEndedError(
                    server.name, self._supervisor.log(server.name), self._supervisor.tail(server.name)
                )
            return condition(self._lab)

        try:
            wait_until(holds, server.start_seconds, server.name, self._cancelled)
        except NotInTimeError as error:
            raise ServerNotReadyError(
                server.name,
                error.seconds,
                self._supervisor.log(server.name),
                self._supervisor.tail(server.name),
            ) from error
