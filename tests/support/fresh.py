"""A Vault and a Keycloak beside the lab's own, as their makers ship them: only their administrators can log in."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.certificates import Authority
from lab.ports import Ports
from lab.progress import Silent
from lab.servers.base import Lab
from lab.servers.http import Client
from lab.servers.keycloak import ADMINISTRATOR, Keycloak, password_file
from lab.servers.vault import PLUGIN, Vault
from lab.supervision import Supervisor
from lab.tools import ensure
from lab.waiting import wait_until

START_SECONDS = 240
TOOLS = ("vault", "keycloak", "pulumi", "kubernetes", "java")


@dataclass(frozen=True)
class Fresh:
    """Both servers; `unseal_key` and `root_token` are what Vault's initialisation gave."""

    lab: Lab
    unseal_key: str = field(repr=False)
    root_token: str = field(repr=False)

    @property
    def keycloak_administrator(self) -> tuple[str, str]:
        """The name and password of Keycloak's first administrator."""
        return ADMINISTRATOR, password_file(self.lab).read_text()

    def vault(self, token: str = "") -> Client:
        """Return a client of Vault with a token, or without."""
        headers = {"X-Vault-Token": token} if token else {}
        return Client(self.lab.url("vault"), self.lab.authority.certificate, headers=headers)

    def another_root_token(self) -> str:
        """Make a root token as `vault operator generate-root` does: with the unseal key, and no other token."""
        begun = self.vault().must("PUT", "/v1/sys/generate-root/attempt", {})
        given = {"key": self.unseal_key, "nonce": begun["nonce"]}
        encoded = self.vault().must("PUT", "/v1/sys/generate-root/update", given)["encoded_token"]
        token = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
        return bytes(left ^ right for left, right in zip(token, begun["otp"].encode(), strict=True)).decode()


@contextmanager
def fresh_servers(folder: Path, siblings: Path) -> Iterator[Fresh]:
    """Start both, with certificates of the authority of the lab in `siblings`; they are stopped at the end."""
    ports = Ports(folder, [siblings])
    servers = (Vault(), Keycloak())
    ports.assign(port for server in servers for port in server.ports)
    authority = Authority(siblings / "tls", "")
    lab = Lab("fresh", folder, ports, authority, ensure(TOOLS, Silent()))
    supervisor = Supervisor(folder)
    try:
        for server in servers:
            supervisor.start(server.name, server.launch(lab))
        vault = Client(lab.url("vault"), authority.certificate)
        wait_until(lambda: servers[0].is_alive(lab), START_SECONDS, "a fresh Vault")
        made = vault.must("PUT", "/v1/sys/init", {"secret_shares": 1, "secret_threshold": 1})
        vault.must("PUT", "/v1/sys/unseal", {"key": made["keys_base64"][0]})
        wait_until(lambda: vault.answers("/v1/sys/health"), START_SECONDS, "the election of a fresh Vault")
        found = Fresh(lab, made["keys_base64"][0], made["root_token"])
        _know_kubernetes(found)
        wait_until(lambda: servers[1].is_ready(lab), START_SECONDS, "a fresh Keycloak")
        yield found
    finally:
        for server in servers:
            supervisor.stop(server.name, 0)


def _know_kubernetes(fresh: Fresh) -> None:
    """Register the login by Kubernetes: a Vault as its maker ships it has it inside, the lab's small one has not."""
    binary = fresh.lab.tools["vault"] / "plugins" / PLUGIN
    known = {"sha256": hashlib.sha256(binary.read_bytes()).hexdigest(), "command": PLUGIN}
    fresh.vault(fresh.root_token).must("PUT", "/v1/sys/plugins/catalog/auth/kubernetes", known)
