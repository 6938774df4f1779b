"""A network between programs on loopback that is cut, closed and held up, and a machine that is busy beside."""

import contextlib
import os
import random
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator

from lab.ports import HOST


class Network:
    """A TCP way to a broker that can be cut, closed and held up; it counts what it let through."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._open = threading.Event()
        self._open.set()
        self._ended = False
        self._listener = socket.create_server((HOST, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break all connections, with what is in them."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for one in pair:
                with contextlib.suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def close(self) -> None:
        """Let nothing through until `reopen`: what is in connections waits, and new ones are not answered."""
        self._open.clear()

    def reopen(self) -> None:
        """Let everything through again."""
        self._open.set()

    def end(self) -> None:
        """Be no more."""
        self._ended = True
        # Closed alone, it would go on listening for the thread that waits for a connection.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._open.set()
        self.cut()

    @contextlib.contextmanager
    def flapping(self, shortest: float, longest: float, seed: int) -> Iterator[None]:
        """Cut again and again while the block runs."""
        chance, over = random.Random(seed), threading.Event()  # noqa: S311 - a test's chance

        def flap() -> None:
            while not over.wait(chance.uniform(shortest, longest)):
                self.cut()

        thread = threading.Thread(target=flap, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _accept(self) -> None:
        while not self._ended:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((HOST, self._port), timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            with self._lock:
                self._pairs.append((near, far))
            for origin, destination in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(origin, destination), daemon=True).start()

    def _carry(self, origin: socket.socket, destination: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := origin.recv(65536):
                self._open.wait()
                destination.sendall(data)
        for one in (origin, destination):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def busy(count: int = 2) -> Iterator[None]:
    """Keep processors busy beside: loops at the lowest priority but one, as a full machine's."""
    program = "import os\nos.nice(5)\nwhile os.getppid() == int(os.environ['PARENT']): sum(range(100000))"
    loops = [
        subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PARENT": str(os.getpid())})
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
