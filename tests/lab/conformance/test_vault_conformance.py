"""The vault stand-in answers what the official plugin answered, request by request, at a real Vault."""

from collections.abc import Iterator

import pytest

from lab.plugins.vault.client import Client, Settings
from tests.lab.conformance.replay import Deviation, Exchange, PluginProcess, Replay, load, unexplained
from tests.support.shell import Shell

MOUNTS = ("pki-ef", "pki-ef-issuing", "kv-ef", "transit-ef")

DEVIATIONS = tuple(
    Deviation(reason=reason, file="1-up", method="Create", urn=f"{kind}::.*", path=path)
    for kind, reason in (
        ("vault:pkiSecret/secretBackendRootCert:SecretBackendRootCert", "Vault numbers issuers by chance"),
        (
            "vault:pkiSecret/secretBackendIntermediateCertRequest:SecretBackendIntermediateCertRequest",
            "a request's id ends by chance",
        ),
        (
            "vault:pkiSecret/secretBackendIntermediateSetSigned:SecretBackendIntermediateSetSigned",
            "a taking-in's id ends by chance",
        ),
    )
    for path in ("id", r"properties\.id")
)


@pytest.fixture
def recording() -> list[Exchange]:
    found = load("vault")
    if found is None:
        pytest.skip("the recordings of the official plugins are not on this machine (IOT_BROKER_REFERENCE)")
    return found


@pytest.fixture
def vault(shell: Shell) -> Iterator[Client]:
    """Vault itself, without what an interrupted replay may have left."""
    environment = shell.environment
    client = Client(
        Settings(environment["VAULT_ADDR"], environment["VAULT_TOKEN"], environment["VAULT_CACERT"])
    )
    _clear(client)
    yield client
    _clear(client)


def _clear(client: Client) -> None:
    for mount in MOUNTS:
        client.delete(f"sys/mounts/{mount}")
    client.delete("sys/auth/k8s-ef")
    client.delete("sys/policies/acl/ef")


def test_checks_and_differences_need_no_server(recording: list[Exchange]) -> None:
    with PluginProcess("vault") as plugin:
        replay = Replay(plugin)
        replay.run_offline(recording, methods=("CheckConfig", "Check", "Diff"))
    assert unexplained(replay.differences, ()) == []


def test_every_recorded_request_is_answered_alike(
    recording: list[Exchange], shell: Shell, vault: Client
) -> None:
    settings = {"address": shell.environment["VAULT_ADDR"], "skipChildToken": "true"}

    def edit_by_hand() -> None:
        vault.write("pki-ef-issuing/roles/device", {**_role(vault), "max_ttl": 999})

    with PluginProcess("vault", shell.environment) as plugin:
        replay = Replay(plugin, settings)
        replay.run(recording, before={"5-refresh": edit_by_hand})
    assert unexplained(replay.differences, DEVIATIONS) == []
    assert not {f"{mount}/" for mount in MOUNTS} & (vault.read("sys/mounts") or {}).keys()


def _role(vault: Client) -> dict[str, object]:
    return vault.read("pki-ef-issuing/roles/device") or {}
