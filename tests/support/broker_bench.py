"""The lab's broker with a site's own configuration, a real policy server with its policy, and a realm of a test's own.

No site is deployed: tokens are signed here, so that a test has those that Keycloak does not give away.
"""

import base64
import contextlib
import http.server
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from components import names
from components.emqx_configuration import document
from components.opa_policies import authorization_file, policy_files, site_data
from components.recording import OFFLINE
from lab.certificates import Authority
from lab.child import Child, listens
from lab.mqtt import Servers, running, site_door, site_settings
from lab.ports import HOST, free_ports
from lab.progress import Silent
from lab.tools import ensure
from model import Site
from tests.support.mqtt import Certificate, Session, session
from tests.support.wire import Wire, wire


@dataclass(frozen=True)
class Realm:
    """Who signs tokens: a key, and the address at which it publishes it."""

    site: Site
    key: rsa.RSAPrivateKey
    address: str

    def token(self, name: str, holder: str = "person", **changes: Any) -> str:
        """Return a token as the site's realm would give it, with claims that are changed, or left out when None."""
        claims: dict[str, Any] = {
            "iss": names.issuer_url(self.address, self.site),
            "aud": names.AUDIENCE,
            "exp": int(time.time()) + 300,
            "preferred_username": name,
            "acl": [{"permission": "deny", "action": "all", "topic": "ot/#"}],
            "client_attrs": {"realm": self.site.name, "holder": holder},
            **changes,
        }
        kept = {claim: value for claim, value in claims.items() if value is not None}
        signed = ".".join(
            _encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "one"}, kept)
        )
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encoded(signature)}"


@dataclass(frozen=True)
class Bench:
    """The broker, and what one needs to come to it."""

    site: Site
    folder: Path
    authority: Authority
    realm: Realm
    servers: Servers

    def certificate(self, kind: str, name: str) -> Certificate:
        """Return a client's certificate, of a class."""
        whole = names.client_name(self.site, kind, name)
        pair = self.authority.client(f"{kind}-{name}", whole)
        return Certificate(pair.certificate, pair.key)

    @contextlib.contextmanager
    def broker(
        self, site: Site | None = None, *, loaded_by: Path | None = None, without: str = ""
    ) -> Iterator["Broker"]:
        """Give the broker of a site (the bench's own) while it runs.

        It looks at tokens once the file `loaded_by` is there, if one is named; `without` names a setting that it is not
        given, for controls.
        """
        site = site or self.site
        configuration: Any = document(site, replace(OFFLINE, keycloak_url=self.realm.address))
        pair = self.authority.server("mqtt", names=[site.mqtt_host])
        doors = {
            f"{kind}-{name}": site_door(
                listener, pair, self.authority.certificate, (), web_socket=kind == "wss"
            )
            for kind in ("ssl", "wss")
            for name, listener in configuration["listeners"][kind].items()
        }
        # No list of revoked certificates is fetched here.
        doors = {name: replace(door, revoked=()) for name, door in doors.items()}
        settings = site_settings(configuration, self.servers, loaded_by)
        settings = {name: value for name, value in settings.items() if name != without}
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        with running(ensure(["mqtt"], Silent())["mqtt"] / "mqtt", folder, doors, settings) as ports:
            yield Broker(self, ports)


@dataclass(frozen=True)
class Broker:
    """A broker that runs."""

    bench: Bench
    ports: Mapping[str, int]

    def wire(self, version: int = 5, certificate: Certificate | None = None) -> AbstractContextManager[Wire]:
        """A connection to the listener for certificates, or, without one, to the one for gateways with tokens."""
        port = self.ports["ssl-gateway" if certificate is None else "ssl-default"]
        bench = self.bench
        return wire(port, bench.site.mqtt_host, bench.authority.certificate, version, certificate)

    def session(
        self, client_id: str, certificate: Certificate | None = None, login: tuple[str, str] | None = None
    ) -> AbstractContextManager[Session]:
        """A session with a certificate, or at the listener for browsers with a login."""
        bench, port = self.bench, self.ports["wss-default" if certificate is None else "ssl-default"]
        return session(
            port,
            bench.site.mqtt_host,
            bench.authority.certificate,
            client_id,
            certificate=certificate,
            login=login,
            web_socket=certificate is None,
        )


@contextlib.contextmanager
def bench(site: Site, folder: Path, policies: Mapping[str, str] | None = None) -> Iterator[Bench]:
    """Give the bench of a site, with the policy as it is deployed or another; all that runs is stopped at the end."""
    authority = Authority(folder / "authority", "The bench")
    authority.ensure()
    with _realm(site, authority) as realm, _policy_server(site, folder, authority, policies) as address:
        yield Bench(site, folder, authority, realm, Servers(address, authority.certificate))


@contextlib.contextmanager
def _policy_server(
    site: Site, folder: Path, authority: Authority, policies: Mapping[str, str] | None
) -> Iterator[str]:
    bundle = folder / "bundle"
    bundle.mkdir()
    files = {**(policies or policy_files()), **authorization_file(), "site.json": site_data(site)}
    for name, text in files.items():
        (bundle / name).write_text(text, encoding="utf-8")
    pair, port = authority.server("opa"), free_ports(["opa"])["opa"]
    command = (
        ensure(["opa"], Silent())["opa"] / "opa",
        "run",
        "--server",
        f"--addr={HOST}:{port}",
        f"--tls-cert-file={pair.certificate}",
        f"--tls-private-key-file={pair.key}",
        "--authorization=basic",
        "--skip-version-check",
        "--log-level=error",
        bundle,
    )
    (folder / "opa").mkdir()
    with Child(command, folder / "opa", lambda: listens(port), start_seconds=20.0):
        yield f"https://{HOST}:{port}"


@contextlib.contextmanager
def _realm(site: Site, authority: Authority) -> Iterator[Realm]:
    key = rsa.generate_private_key(65537, 2048)
    numbers = key.public_key().public_numbers()
    published = {
        "kty": "RSA",
        "kid": "one",
        "alg": "RS256",
        "use": "sig",
        "n": _encoded(numbers.n.to_bytes(256, "big")),
        "e": _encoded(numbers.e.to_bytes(3, "big")),
    }
    content = json.dumps({"keys": [published]}).encode()

    class Keys(http.server.BaseHTTPRequestHandler):
        """Answers every question with the realm's keys."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer((HOST, 0), Keys)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = authority.server("realm")
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Realm(site, key, f"https://{HOST}:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
