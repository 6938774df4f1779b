"""Two processes of the real oauth2-proxy with a site's own settings, before a backend, as the site's replicas are."""

import http.server
import secrets
import ssl
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from components.dashboard_login import home
from components.dashboard_proxy import settings_text
from lab.certificates import Authority, KeyPair
from lab.child import Child, listens
from lab.ports import free_ports
from model import Site
from model.units import Duration
from tests.support.shell import Shell

BODY = "the dashboard"
_START_SECONDS = 60.0
_REPLICAS = ("first", "second")


@dataclass(frozen=True)
class Answer:
    """What a request got: status, body, and the cookies that it sets, by name."""

    status: int
    text: str
    cookies: Mapping[str, str]


@dataclass(frozen=True)
class Proxies:
    """The running proxies: their ports by replica, the address that people use, and whom to trust."""

    site: Site
    ports: Mapping[str, int]
    authority: str

    @property
    def home(self) -> str:
        """Where people find the dashboard."""
        return home(self.site)

    def at(self) -> dict[str, str]:
        """Where the first replica stands for that address, for a browser."""
        return {self.home.removeprefix("https://"): f"127.0.0.1:{self.ports['first']}"}

    def together(self, count: int, cookies: Mapping[str, str]) -> list[Answer]:
        """Send as many requests with the same cookies at the same moment, to the replicas in turn."""
        start = threading.Barrier(count)

        def one(number: int) -> Answer:
            pool = self._pool(_REPLICAS[number % len(_REPLICAS)])
            start.wait()
            headers = {
                "Host": self.home.removeprefix("https://"),
                "Accept": "application/json",
                "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            }
            answer = pool.request("GET", "/api/v5/stats", headers=headers, redirect=False)
            found = [text.partition(";")[0].partition("=") for text in answer.headers.getlist("Set-Cookie")]
            set_cookies = {name: value for name, _, value in found if value}
            return Answer(answer.status, answer.data.decode(), set_cookies)

        with ThreadPoolExecutor(count) as workers:
            return list(workers.map(one, range(count)))

    def _pool(self, replica: str) -> urllib3.HTTPSConnectionPool:
        host = self.site.dashboard_host
        return urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            self.ports[replica],
            ca_certs=self.authority,
            cert_reqs="CERT_REQUIRED",
            assert_hostname=host,
            server_hostname=host,
            retries=False,
            timeout=30,
        )


@contextmanager
def proxies(
    shell: Shell, site: Site, program: Path, folder: Path, authority: Authority, client_secret: str
) -> Iterator[Proxies]:
    """Run both proxies with the settings that the site's pods get; what is the pod's own place is this machine's."""
    pair = authority.server("dashboard-proxy-test", (site.dashboard_host,))
    ports = free_ports((*_REPLICAS, "backend"))
    with ExitStack() as stack:
        stack.enter_context(_backend(pair, ports["backend"]))
        environment = {
            "OAUTH2_PROXY_CLIENT_SECRET": client_secret,
            # One for all replicas: each opens what another sealed.
            "OAUTH2_PROXY_COOKIE_SECRET": secrets.token_hex(16),
            "SSL_CERT_FILE": str(authority.certificate),
        }
        for replica in _REPLICAS:
            file = folder / f"{replica}.cfg"
            file.write_text(_settings(shell, site, pair, ports[replica], ports["backend"]))
            place = folder / replica
            place.mkdir()
            stack.enter_context(_process(program, file, place, ports[replica], environment))
        yield Proxies(site, {name: ports[name] for name in _REPLICAS}, str(authority.certificate))


def with_token_life(site: Site, seconds: int) -> Site:
    """Return the site with access tokens that live so long."""
    sessions = site.identity.sessions.model_copy(update={"access_token": Duration(seconds)})
    identity = site.identity.model_copy(update={"sessions": sessions})
    return site.model_copy(update={"identity": identity})


def _settings(shell: Shell, site: Site, pair: KeyPair, port: int, backend: int) -> str:
    issuer = f"{shell.environment['KEYCLOAK_URL']}/realms/{site.name}"
    here = {
        "https_address": f"127.0.0.1:{port}",
        "tls_cert_file": pair.certificate,
        "tls_key_file": pair.key,
    }
    lines = []
    for line in settings_text(site, issuer).splitlines():
        key = line.partition(" = ")[0]
        if key == "upstreams":
            lines.append(f'upstreams = ["https://localhost:{backend}"]')
        else:
            lines.append(f'{key} = "{here[key]}"' if key in here else line)
    return "\n".join([*lines, 'http_address = "-"', ""])


def _process(program: Path, file: Path, folder: Path, port: int, environment: dict[str, str]) -> Child:
    command = (str(program / "oauth2-proxy"), f"--config={file}")
    return Child(
        command, folder, lambda: listens(port), start_seconds=_START_SECONDS, environment=environment
    )


@contextmanager
def _backend(pair: KeyPair, port: int) -> Iterator[None]:
    """Answer every request over TLS, as the broker's dashboard would."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _Dashboard)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Dashboard(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = BODY.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""
