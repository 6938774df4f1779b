"""The vault stand-in answers what the official plugin answered, request by request, at a real Vault."""

import json
from collections.abc import Iterator, Mapping

import pytest

from lab.estate import Estate
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
def environment(estate: Estate, shell: Shell) -> Mapping[str, str]:
    """The shell's environment with the root token: the recording mounts more than a site's deployer may."""
    keys = json.loads((estate.state / "vault" / "keys.json").read_text())
    return {**shell.environment, "VAULT_TOKEN": keys["root"]}


@pytest.fixture
def vault(environment: Mapping[str, str]) -> Iterator[Client]:
    """Vault itself, without what an interrupted replay may have left."""
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
    recording: list[Exchange], environment: Mapping[str, str], vault: Client
) -> None:
    settings = {"address": environment["VAULT_ADDR"], "skipChildToken": "true"}

    def edit_by_hand() -> None:
        vault.write("pki-ef-issuing/roles/device", {**_role(vault), "max_ttl": 999})

    with PluginProcess("vault", environment) as plugin:
        replay = Replay(plugin, settings)
        replay.run(recording, before={"5-refresh": edit_by_hand})
    assert unexplained(replay.differences, DEVIATIONS) == []
    assert not {f"{mount}/" for mount in MOUNTS} & (vault.read("sys/mounts") or {}).keys()


def _role(vault: Client) -> dict[str, object]:
    return vault.read("pki-ef-issuing/roles/device") or {}
