"""What the worker says of itself: figures for Prometheus, and whether it lives and is ready. Over HTTPS, or HTTP alone.

`/metrics` is Prometheus' text, `/healthz` says that the loop turns, `/readyz` that every subscription is granted and
Kafka answers; both 503 when it is not so.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from images.worker.connection import Files
from images.worker.settings import Listen

Source = Callable[[], Iterable[Metric]]
"""Gives figures as they are now, from any thread."""
_ANSWER_SECONDS = 10.0


def counter(
    name: str, words: str, value: float | Mapping[str, float], label: str = ""
) -> CounterMetricFamily:
    """Return what only grows (`name` without `_total`): one number, or one for each value of a label."""
    family = CounterMetricFamily(f"worker_{name}", words, labels=[label] if label else None)
    _fill(family, value)
    return family


def gauge(name: str, words: str, value: float | Mapping[str, float], label: str = "") -> GaugeMetricFamily:
    """Return what is so now: one number, or one for each value of a label."""
    family = GaugeMetricFamily(f"worker_{name}", words, labels=[label] if label else None)
    _fill(family, value)
    return family


def _fill(family: Any, value: float | Mapping[str, float]) -> None:
    if isinstance(value, Mapping):
        for name, one in list(value.items()):
            family.add_metric([str(name)], one)
    else:
        family.add_metric([], value)


class Figures(Collector):
    """All figures; each part of the worker adds its own source."""

    def __init__(self) -> None:
        self._sources: list[Source] = []
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def add(self, source: Source) -> None:
        """Take another source."""
        self._sources.append(source)

    def collect(self) -> Iterable[Metric]:
        """Give all figures, as prometheus_client asks for them."""
        for source in list(self._sources):
            yield from source()


@dataclass
class Health:
    """Whether the worker lives, by the last turn of its loop, and is ready."""

    ready: Callable[[], bool]
    longest_turn_seconds: float = 60.0
    turned_at: float = 0.0

    @property
    def lives(self) -> bool:
        """Whether the loop turned lately."""
        return time.monotonic() - self.turned_at < self.longest_turn_seconds


class Page(ThreadingHTTPServer):
    """Serves figures and health while it runs; `port` is where."""

    daemon_threads = True

    def __init__(self, listen: Listen, figures: Figures, health: Health) -> None:
        self.figures, self.health, self._listen = figures, health, listen
        self._files = Files(listen.identity.files)
        self._context = self._tls()
        super().__init__((listen.host, listen.port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, name="figures", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self.server_address[1])

    def __enter__(self) -> "Page":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def renew(self) -> None:
        """Show the certificate file's new content, if there is one; half of a renewal waits for the other half."""
        if self._context is None or not self._files.changed():
            return
        try:
            # OpenSSL lets go of the key that a new certificate does not fit: tried where nothing is served.
            self._tls()
            self._load(self._context)
        except OSError:
            self._files.forget()

    def get_request(self) -> tuple[socket, Any]:
        """Take a connection; its handshake is its own thread's."""
        connection, address = super().get_request()
        connection.settimeout(_ANSWER_SECONDS)
        if self._context is not None:
            connection = self._context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away or speaks no TLS."""

    def _tls(self) -> ssl.SSLContext | None:
        if self._listen.identity.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load(context)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        identity = self._listen.identity
        assert identity.certificate is not None  # noqa: S101 - the callers looked
        context.load_cert_chain(identity.certificate, identity.key)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET."""

    server: Page
    timeout = _ANSWER_SECONDS

    def do_GET(self) -> None:
        """Answer one of the three pages."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(HTTPStatus.OK, generate_latest(self.server.figures.registry), CONTENT_TYPE_LATEST)
        elif path == "/healthz":
            self._answer_whether(self.server.health.lives)
        elif path == "/readyz":
            self._answer_whether(self.server.health.lives and self.server.health.ready())
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"not found\n")

    def _answer_whether(self, well: bool) -> None:
        self._answer(*((HTTPStatus.OK, b"yes\n") if well else (HTTPStatus.SERVICE_UNAVAILABLE, b"no\n")))

    def _answer(self, status: HTTPStatus, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the worker's lines are events."""
