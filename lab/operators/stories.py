"""Answers the lab's Prometheus in place of the pods, which are simulated: what the told sites' series are now."""

import base64
import hmac
import json
import ssl
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lab.operators.settings import PrometheusEndpoint, StoriesEndpoint
from lab.ports import HOST
from lab.story import Scene, Span
from lab.trouble import troubled_series

SUFFIX = ".json"


class StoryTeller(ThreadingHTTPServer):
    """An HTTPS server on loopback that knows one page, `/metrics`, for whoever has Prometheus' password."""

    daemon_threads = True

    def __init__(self, stories: StoriesEndpoint, prometheus: PrometheusEndpoint) -> None:
        super().__init__((HOST, stories.port), _Page)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(stories.certificate, stories.key)
        # The handshake belongs to the connection's own thread: a silent caller must not keep others waiting.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self._stories = stories
        self._prometheus = prometheus

    def knows(self, authorization: str) -> bool:
        """Say whether a request's authorization is Prometheus' own."""
        password = self._prometheus.password_file.read_text(encoding="utf-8")
        pair = base64.b64encode(f"{self._prometheus.user}:{password}".encode()).decode()
        return hmac.compare_digest(authorization.encode(), f"Basic {pair}".encode())

    def page(self) -> str:
        """Return every told site's series as they are now."""
        return exposition(self._stories.folder, time.time())


class _Page(BaseHTTPRequestHandler):
    server: StoryTeller
    timeout = 10

    def do_GET(self) -> None:
        if not self.server.knows(self.headers.get("Authorization", "")):
            self.send_error(HTTPStatus.UNAUTHORIZED)
        elif self.path != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            body = self.server.page().encode()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002 - the library's own signature
        """Write no line for each scrape."""


def story_file(folder: Path, site: str) -> Path:
    """Return the file that holds a site's story."""
    return folder / f"{site}{SUFFIX}"


def exposition(folder: Path, moment: float) -> str:
    """Return the series of every story in the folder at a time in Unix seconds, in Prometheus' text format."""
    files = sorted(folder.glob(f"*{SUFFIX}"))
    lines = [
        line for file in files for entry in troubled_series(read(file)) if (line := entry.sample(moment))
    ]
    return "".join(f"{line}\n" for line in lines)


def read(file: Path) -> Scene:
    """Read a story that `lab.history` wrote."""
    facts = json.loads(file.read_text(encoding="utf-8"))
    spans = {name: tuple(Span(**span) for span in facts[name]) for name in ("outages", "gaps", "troubles")}
    listed = {name: tuple(facts[name]) for name in ("connectors", "rules", "routes", "ways", "carriers")}
    return Scene(**(facts | spans | listed))
