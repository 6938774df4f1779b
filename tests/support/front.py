"""A site's door with real certificates, tokens and decisions, and what one needs to come to it."""

import contextlib
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components import names
from components.emqx_configuration import document
from components.recording import OFFLINE
from lab.certificates import KeyPair
from lab.estate import Estate
from lab.mqtt import Door, Servers, running, site_door, site_settings
from lab.progress import Silent
from lab.tools import ensure
from model import Site
from tests.support import servers
from tests.support.mqtt import Certificate, Session, session
from tests.support.shell import Shell

_RULES = "rule-engine"


@dataclass(frozen=True)
class Front:
    """The site's door, and what one needs to come to it."""

    shell: Shell
    site: Site
    root: servers.Client
    folder: Path
    ports: dict[str, int]
    trust: Path
    revoked: Path

    def enrolled(self, kind: str, name: str, ttl: str = "1h") -> Certificate:
        """Have Vault issue a certificate of a class of clients."""
        return self.issued(kind, f"{name}.{names.client_domain(self.site, kind)}", ttl)[0]

    def issued(
        self, role: str, common_name: str, ttl: str, others: Iterable[str] = ()
    ) -> tuple[Certificate, str]:
        """Have Vault issue a certificate of a role, for `others` too; return it, and its serial number."""
        body = {"common_name": common_name, "ttl": ttl, "alt_names": ",".join(others)}
        reply = self.root.ask("POST", f"/pki-{self.site.name}-issuing/issue/{role}", body)
        assert reply.status == 200, reply.text
        data = reply.json["data"]
        certificate = Certificate(self.folder / f"{common_name}.pem", self.folder / f"{common_name}.key")
        certificate.chain.write_text("\n".join([data["certificate"], *data["ca_chain"]]))
        certificate.key.write_text(data["private_key"])
        return certificate, data["serial_number"]

    def revoke(self, kind: str, name: str) -> Certificate:
        """Revoke a new certificate of a class, have the list rebuilt, and fetch it for the listeners."""
        certificate, serial = self.issued(kind, f"{name}.{names.client_domain(self.site, kind)}", "1h")
        mount = f"/pki-{self.site.name}-issuing"
        assert self.root.ask("POST", f"{mount}/revoke", {"serial_number": serial}).status == 200
        # By itself Vault makes the list anew shortly before it lapses, and not for each revocation.
        assert self.root.ask("GET", f"{mount}/crl/rotate").status == 200
        fetch_list(self.root, self.site, self.revoked)
        return certificate

    def device(
        self, certificate: Certificate | None, client_id: str = "pump", login: tuple[str, str] | None = None
    ) -> AbstractContextManager[Session]:
        """A session at the door for certificates."""
        host = self.site.mqtt_host
        return session(self.ports["mqtts"], host, self.trust, client_id, certificate=certificate, login=login)

    def person(self, name: str, token: str, client_id: str = "browser") -> AbstractContextManager[Session]:
        """A session at the door for browsers, with a token."""
        host = self.site.mqtt_host
        return session(self.ports["wss"], host, self.trust, client_id, login=(name, token), web_socket=True)

    def gateway(self, name: str, token: str) -> AbstractContextManager[Session]:
        """A session at the door for gateways with tokens."""
        return session(self.ports["gateway"], self.site.mqtt_host, self.trust, "edge", login=(name, token))

    def rules(self, client_id: str) -> AbstractContextManager[Session]:
        """A session at the door for what stands for the broker's own rule engine."""
        login = (_RULES, self.rules_password.read_text())
        return session(self.ports["rules"], self.site.mqtt_host, self.trust, client_id, login=login)

    @property
    def rules_password(self) -> Path:
        """The file with the password of the door for rules."""
        return self.folder / "rules-password"


def fetch_list(root: servers.Client, site: Site, file: Path) -> None:
    """Fetch the issuing CA's list of revoked certificates, as EMQX does every so often."""
    # Vault's answer is PEM text here; the list's own address gives the same as bytes.
    data = root.get(f"/pki-{site.name}-issuing/cert/crl")["data"]
    file.write_text(data["certificate"])


@contextlib.contextmanager
def front_of(deployed: Shell, site: Site, estate: Estate, folder: Path) -> Iterator[Front]:
    """Give the open door of a site that is deployed; its broker is stopped at the end, whatever happens."""
    root = servers.vault_root(deployed, estate)
    trust, revoked = folder / "trust.pem", folder / "revoked.pem"
    trust.write_text(deployed.get("configmap", names.TRUST, site.namespace)["data"][names.TRUST_SITE])
    fetch_list(root, site, revoked)
    made = Front(deployed, site, root, folder, {}, trust, revoked)
    made.rules_password.write_text(secrets.token_urlsafe())
    with opened(made, site) as ports:
        yield replace(made, ports=ports)


@contextlib.contextmanager
def opened(front: Front, site: Site) -> Iterator[dict[str, int]]:
    """Open the doors of a site as its own EMQX configuration has them, and one for rules; gives their ports."""
    shell = front.shell
    # As cert-manager has it signed for the broker.
    asked = shell.get("certificate", names.BROKER_TLS, site.namespace)["spec"]
    pair, _ = front.issued("server", asked["commonName"], "1h", asked["dnsNames"])
    server = KeyPair(pair.chain, pair.key)
    settings = replace(OFFLINE, keycloak_url=shell.environment["KEYCLOAK_URL"])
    configuration: dict[str, Any] = dict(document(site, settings))
    found = {"ssl": {"default": "mqtts"}, "wss": {"default": "wss"}}
    doors = {
        found[kind].get(name, name): site_door(
            listener, server, front.trust, (front.revoked,), web_socket=kind == "wss"
        )
        for kind in found
        for name, listener in configuration["listeners"][kind].items()
    }
    doors["rules"] = Door(server, rules=True)
    told = site_settings(configuration, Servers(shell.environment["OPA_URL"], shell.authority))
    told = {**told, "Users": {_RULES: str(front.rules_password)}}
    program = ensure({"mqtt"}, Silent())["mqtt"] / "mqtt"
    folder = Path(tempfile.mkdtemp(dir=front.folder))
    with running(program, folder, doors, told) as ports:
        yield ports
