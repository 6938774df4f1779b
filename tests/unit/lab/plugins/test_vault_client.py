"""The plugin tells Vault's refusals as they are, and a Vault that is sealed or away in a sentence."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from lab.plugins.errors import ServerAwayError, ServerRefusedError, SettingsError
from lab.plugins.vault.approle import Machines
from lab.plugins.vault.client import Client, SealedError, Settings
from lab.plugins.vault.provider import VaultProvider, settings_of


class StubVault(BaseHTTPRequestHandler):
    """Answers a request by its path."""

    answers: ClassVar[dict[str, tuple[int, object]]] = {}
    received: ClassVar[list[tuple[str, str, object, str]]] = []

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        path = self.path.removeprefix("/v1/").partition("?")[0]
        self.received.append((self.command, path, body, self.headers["X-Vault-Token"]))
        status, content = self.answers.get(path, (404, {"errors": []}))
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names are the library's


@pytest.fixture
def address() -> Iterator[str]:
    """Where the stub listens."""
    StubVault.answers = {"sys/health": (200, {"sealed": False})}
    StubVault.received = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), StubVault)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client(address: str) -> Client:
    return Client(Settings(address, "the-token"))


def test_what_is_not_there_reads_as_none(client: Client) -> None:
    assert client.read("pki/roles/device") is None


def test_deleting_what_is_not_there_is_no_error(client: Client) -> None:
    client.delete("pki/roles/device")


def test_what_is_none_is_not_sent(client: Client) -> None:
    StubVault.answers["pki/roles/device"] = (200, {"data": {"ttl": 0}})
    assert client.write("pki/roles/device", {"ttl": "60", "max_ttl": None}) == {"ttl": 0}
    assert StubVault.received == [("POST", "pki/roles/device", {"ttl": "60"}, "the-token")]


def test_of_a_machines_login_only_what_changes_is_written_again(client: Client) -> None:
    path = "auth/approle/role/device"
    StubVault.answers[path] = (200, {"data": {"bind_secret_id": True, "token_ttl": 600}})
    prior = {
        "bindSecretId": True,
        "localSecretIds": False,
        "tokenTtl": 9,
        "secretIdBoundCidrs": ["10.0.0.0/8"],
    }
    planned = {"bindSecretId": True, "localSecretIds": False, "tokenTtl": 600, "tokenBoundCidrs": []}
    Machines(client).update(path, prior, planned)
    assert StubVault.received[0] == (
        "POST",
        path,
        {"token_ttl": 600, "secret_id_bound_cidrs": []},
        "the-token",
    )


def test_a_refusal_names_the_path_and_carries_vaults_words(client: Client, address: str) -> None:
    message = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"
    StubVault.answers["sys/mounts"] = (403, {"errors": [message]})
    with pytest.raises(ServerRefusedError) as caught:
        client.read("sys/mounts")
    assert str(caught.value) == (
        f"Vault refused GET {address}/v1/sys/mounts (code 403): permission denied; invalid token"
    )


def test_writing_below_a_mount_that_is_not_there_is_an_error(client: Client) -> None:
    StubVault.answers["pki/roles/a"] = (404, {"errors": ['no handler for route "pki/roles/a"']})
    with pytest.raises(ServerRefusedError, match="no handler for route"):
        client.write("pki/roles/a", {})


def test_a_sealed_vault_is_told(client: Client, address: str) -> None:
    StubVault.answers["sys/health"] = (503, {"sealed": True})
    StubVault.answers["sys/mounts"] = (503, {"errors": ["Vault is sealed"]})
    with pytest.raises(SealedError, match=f"Vault at {address} is sealed"):
        client.require_unsealed()
    with pytest.raises(SealedError):
        client.read("sys/mounts")


def test_a_vault_that_is_away_is_told() -> None:
    with pytest.raises(ServerAwayError, match="Connection refused"):
        Client(Settings("https://127.0.0.1:1", "t")).read("sys/mounts")


def test_a_token_never_shows_in_the_settings() -> None:
    assert "secret" not in repr(Settings("https://127.0.0.1:1", "secret"))


def test_the_environment_completes_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text("")
    monkeypatch.setenv("VAULT_TOKEN", "from-environment")
    monkeypatch.setenv("VAULT_CACERT", str(authority))
    assert settings_of({"address": "https://a"}) == Settings("https://a", "from-environment", str(authority))


@pytest.mark.parametrize("missing", ["VAULT_ADDR", "VAULT_TOKEN"])
def test_what_is_missing_is_named(missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("VAULT_ADDR", "VAULT_TOKEN"):
        monkeypatch.setenv(name, "https://a")
    monkeypatch.delenv(missing)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SettingsError, match=missing):
        settings_of({})


def test_a_child_token_is_used_unless_it_is_skipped(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_CACERT", raising=False)
    StubVault.answers["auth/token/create"] = (200, {"auth": {"client_token": "child"}})
    VaultProvider().configure({"address": address, "token": "parent"})
    method, path, body, token = StubVault.received[-1]
    assert (method, path, token) == ("POST", "auth/token/create", "parent")
    assert isinstance(body, dict)
    assert body["ttl"] == "1200s"
    VaultProvider().configure({"address": address, "token": "parent", "skipChildToken": "true"})
    assert StubVault.received[-1][1] == "sys/health"


def test_a_type_that_is_not_covered_has_no_handler() -> None:
    assert VaultProvider().resource("vault:ssh/secretBackendRole:SecretBackendRole") is None
