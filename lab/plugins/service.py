"""Speaks the provider protocol (gRPC) for a stand-in plugin: start, dispatch, errors, cancellation, end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

from lab.plugins.base import Provider

GRACE_SECONDS = 4.0
"""How long running requests may take to end once the engine closes the plugin: it kills after five."""
ORPHAN_CHECK_SECONDS = 5.0
THREADS = 64
"""More than the engine's default of parallel operations: waiting for readiness occupies a thread."""
MESSAGE_LIMIT = 400 * 1024 * 1024
"""The engine's own limit of one message, in bytes."""


def serve(provider: Provider) -> NoReturn:
    """Run `provider` as the plugin process that the engine started; prints the port, ends with the engine."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    cancelled = threading.Event()
    parent = os.getppid()
    server, port = start(provider, cancelled, engine_address(sys.argv[1:]))
    print(port, flush=True)  # noqa: T201 - the protocol: the first line on stdout is the port
    while not ended.wait(ORPHAN_CHECK_SECONDS) and os.getppid() == parent:
        pass
    cancelled.set()
    server.stop(GRACE_SECONDS).wait()
    os._exit(0)  # nothing is left to flush, and interpreter shutdown would take as long as the start


def start(provider: Provider, cancelled: threading.Event, engine: str | None) -> tuple[Any, int]:
    """A running gRPC server for `provider` on a free loopback port, and that port."""
    from lab.plugins import wire

    wire.lean()
    import grpc
    from pulumi.runtime.proto import provider_pb2_grpc

    from lab.plugins.servicer import Servicer

    limits = [
        ("grpc.max_receive_message_length", MESSAGE_LIMIT),
        ("grpc.max_send_message_length", MESSAGE_LIMIT),
    ]
    server = grpc.server(ThreadPoolExecutor(max_workers=THREADS), options=[("grpc.so_reuseport", 0), *limits])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(provider, cancelled, engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def engine_address(arguments: list[str]) -> str | None:
    """The engine's address: the last argument that is no flag."""
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    return addresses[-1] if addresses else None


class EngineLog:
    """Lines that the plugin shows through the engine; a line that cannot be delivered is dropped."""

    def __init__(self, address: str | None) -> None:
        self.address = address
        self._send: Callable[[Any], Any] | None = None
        self._lock = threading.Lock()
        self._shown: dict[str, str] = {}

    def __call__(self, severity: str, text: str, urn: str, ephemeral: bool) -> None:
        """Send one line; `severity` is debug, info, warning or error."""
        if not self.address or (ephemeral and self._shown.get(urn) == text):
            return
        self._shown[urn] = text
        import grpc
        from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

        with self._lock:
            if self._send is None:
                self._send = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self.address)).Log
        level = engine_pb2.LogSeverity.Value(severity.upper())
        request = engine_pb2.LogRequest(severity=level, message=text, urn=urn, ephemeral=ephemeral)
        try:
            self._send(request)
        except grpc.RpcError:
            self.address = None
