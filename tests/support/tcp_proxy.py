"""A network between two programs that a test can cut and hold: a proxy on loopback."""

import contextlib
import socket
import threading
from collections.abc import Iterator

from lab.ports import HOST, free_ports

_CHUNK = 65536
_LINGER = b"\x01\x00\x00\x00\x00\x00\x00\x00"
"""`SO_LINGER` with no seconds: a connection that is closed so ends with a reset, as a cut network's."""


class Proxy:
    """One address that leads to another port of loopback; `port` stays the same while the network comes and goes."""

    def __init__(self, target: int) -> None:
        self.port = free_ports(("proxy",))["proxy"]
        self._target = target
        self._guard = threading.Lock()
        self._passes = threading.Event()
        self._passes.set()
        self._answers = threading.Event()
        self._answers.set()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self.connections = 0
        """How many have come so far."""

    def open(self) -> None:
        """Let whoever comes in."""
        listener = socket.create_server((HOST, self.port))
        with self._guard:
            self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """End every connection with a reset, and refuse whoever comes, until `open`."""
        with self._guard:
            listener, self._listener = self._listener, None
        if listener is not None:
            # `close` alone does not wake the thread that accepts, and the kernel would go on listening.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.flap()

    def flap(self) -> None:
        """End every connection with a reset; whoever comes again is let in."""
        with self._guard:
            ended, self._open = self._open, set()
        for one in ended:
            _end(one)

    def hold(self, *, answers_alone: bool = False) -> None:
        """Pass no byte on, or none that comes back, with all connections open, until `release`."""
        self._answers.clear()
        if not answers_alone:
            self._passes.clear()

    def release(self) -> None:
        """Pass on what was held, and what comes."""
        self._passes.set()
        self._answers.set()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((HOST, self._target), timeout=5.0)
            except OSError:
                _end(near)
                continue
            far.settimeout(None)
            with self._guard:
                self.connections += 1
                cut = self._listener is not listener
                if not cut:
                    self._open |= {near, far}
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if cut:
                    _end(one)
            for source, target, passes in ((near, far, self._passes), (far, near, self._answers)):
                threading.Thread(target=self._pass, args=(source, target, passes), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, passes: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                passes.wait()
                target.sendall(data)
        with self._guard:
            self._open -= {source, target}
        for one in (source, target):
            _end(one)


@contextlib.contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """Give an open proxy before a port; it ends, with its connections, at the end."""
    made = Proxy(target)
    made.open()
    try:
        yield made
    finally:
        made.release()
        made.cut()


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
