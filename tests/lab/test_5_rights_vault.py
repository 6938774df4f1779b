"""What the deployer and the reviewer may not do in Vault: each known way to more rights is tried and refused.

The administrator tries the same: Vault takes it from them, or says what is wrong with it, so a refusal is about rights.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from model import Site
from tests.support import servers
from tests.support.shell import Outcome, Shell

FORBIDDEN = 403
ALL = 'path "*" {\n  capabilities = ["create", "read", "update", "delete", "list", "sudo"]\n}\n'


@dataclass(frozen=True)
class Try:
    """One request that would be a way to more rights, or to a certificate; `undo` is what takes it back."""

    what: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    undo: str | None = None


TRIES = (
    Try(
        "writes a policy",
        "PUT",
        "/sys/policies/acl/escalated",
        {"policy": ALL},
        "/sys/policies/acl/escalated",
    ),
    Try(
        "writes a policy by the old path",
        "PUT",
        "/sys/policy/escalated",
        {"policy": ALL},
        "/sys/policy/escalated",
    ),
    Try(
        "writes its own policy",
        "PUT",
        "/sys/policies/acl/iot-{site}-escalated",
        {"policy": ALL},
        "/sys/policies/acl/iot-{site}-escalated",
    ),
    Try("reads a policy", "GET", "/sys/policies/acl/iot-{site}-deployer"),
    Try(
        "writes a password policy",
        "PUT",
        "/sys/policies/password/escalated",
        {"policy": "length = 8"},
        "/sys/policies/password/escalated",
    ),
    Try("makes a login", "POST", "/sys/auth/escalated", {"type": "userpass"}, "/sys/auth/escalated"),
    Try(
        "makes a login of the kit's name",
        "POST",
        "/sys/auth/kubernetes-{site}-b",
        {"type": "kubernetes"},
        "/sys/auth/kubernetes-{site}-b",
    ),
    Try(
        "tunes a login",
        "POST",
        "/sys/auth/kubernetes-{site}/tune",
        {"description": "Service accounts of {title}"},
    ),
    Try(
        "makes a role of a login",
        "POST",
        "/auth/kubernetes-{site}/role/escalated",
        {
            "bound_service_account_names": "default",
            "bound_service_account_namespaces": "default",
            "token_policies": "iot-{site}-issue-server",
        },
        "/auth/kubernetes-{site}/role/escalated",
    ),
    Try("takes a machine's secret", "POST", "/auth/approle-{site}/role/device/secret-id", {}),
    Try("makes a token of another policy", "POST", "/auth/token/create", {"policies": ["root"], "ttl": "1m"}),
    Try(
        "makes a token of a site's issuing policy",
        "POST",
        "/auth/token/create",
        {"policies": ["iot-{site}-issue-device"], "ttl": "1m"},
    ),
    Try("makes an orphan", "POST", "/auth/token/create-orphan", {"policies": ["default"], "ttl": "1m"}),
    Try(
        "makes a token's role",
        "POST",
        "/auth/token/roles/escalated",
        {"allowed_policies": "root"},
        "/auth/token/roles/escalated",
    ),
    Try("lists tokens", "LIST", "/auth/token/accessors"),
    Try(
        "makes an entity",
        "POST",
        "/identity/entity",
        {"name": "escalated", "policies": ["iot-promoter"]},
        "/identity/entity/name/escalated",
    ),
    Try(
        "makes a group",
        "POST",
        "/identity/group",
        {"name": "escalated", "policies": ["iot-promoter"]},
        "/identity/group/name/escalated",
    ),
    Try(
        "issues a device's certificate",
        "POST",
        "/pki-{site}-issuing/issue/device",
        {"common_name": "pump-9.devices.{domain}"},
    ),
    Try(
        "issues by the default issuer",
        "POST",
        "/pki-{site}-issuing/issuer/default/issue/device",
        {"common_name": "pump-9.devices.{domain}"},
    ),
    Try("signs a request", "POST", "/pki-{site}-issuing/sign/device", {"csr": "none"}),
    Try("signs a request as it is", "POST", "/pki-{site}-issuing/sign-verbatim", {"csr": "none"}),
    Try(
        "signs as it is by an issuer",
        "POST",
        "/pki-{site}-issuing/issuer/default/sign-verbatim",
        {"csr": "none"},
    ),
    Try(
        "signs a foreign authority", "POST", "/pki-{site}-root/root/sign-self-issued", {"certificate": "none"}
    ),
    Try("brings in a key", "POST", "/pki-{site}-issuing/issuers/import/bundle", {"pem_bundle": "none"}),
    Try("brings in a CA", "POST", "/pki-{site}-issuing/config/ca", {"pem_bundle": "none"}),
    Try("brings in a bare key", "POST", "/pki-{site}-issuing/keys/import", {"pem_bundle": "none"}),
    Try(
        "takes a key out", "POST", "/pki-{site}-issuing/intermediate/generate/exported", {"common_name": "x"}
    ),
    Try("mounts another engine", "POST", "/sys/mounts/escalated", {"type": "kv"}, "/sys/mounts/escalated"),
    Try("mounts another kind at its path", "POST", "/sys/mounts/pki-{site}-root", {"type": "kv"}),
    Try("moves an engine", "POST", "/sys/remount", {"from": "nowhere", "to": "elsewhere"}),
    Try("touches another site's CA", "GET", "/sys/mounts/pki-{other}-root"),
    Try("reads a site's secret", "GET", "/iot/data/{site}/broker-kafka"),
    Try("reads another site's secrets' names", "GET", "/iot/subkeys/{other}/broker-kafka"),
    Try(
        "changes the state's key",
        "POST",
        "/transit/keys/iot-broker-{site}/config",
        {"deletion_allowed": False},
    ),
    Try("takes the state's key out", "GET", "/transit/export/encryption-key/iot-broker-{site}"),
    Try(
        "uses another site's state key", "POST", "/transit/encrypt/iot-broker-{other}", {"plaintext": "eA=="}
    ),
    Try("reads the audit's settings", "GET", "/sys/audit"),
    Try("ends the audit", "DELETE", "/sys/audit/nowhere"),
    Try("reads storage", "GET", "/sys/raw/core/master"),
    Try(
        "registers a plugin",
        "PUT",
        "/sys/plugins/catalog/secret/escalated",
        {"sha256": "00", "command": "none"},
    ),
)
# What the administrator of the lab is refused, too: Vault serves it to none.
SERVED_TO_NONE = ("/sys/raw/core/master",)


@pytest.fixture(params=TRIES, ids=lambda entry: entry.what)
def attempt(request: pytest.FixtureRequest, site: Site) -> Try:
    """Each way, with the site's names in it."""
    found: Try = request.param

    def named(value: Any) -> Any:
        if isinstance(value, str):
            words = (
                ("{site}", site.name),
                ("{other}", "baytown"),
                ("{domain}", site.domain),
                ("{title}", site.title),
            )
            for word, name in words:
                value = value.replace(word, name)
            return value
        if isinstance(value, dict):
            return {key: named(inner) for key, inner in value.items()}
        return [named(inner) for inner in value] if isinstance(value, list) else value

    return Try(found.what, found.method, named(found.path), named(found.body), named(found.undo))


@pytest.fixture(scope="module")
def deployers_token(deployed: Shell, site: Site) -> Iterator[str]:
    """A token with the rights of one site's deployer, and no other's: the lab's own deploys all its sites."""
    yield from _token(deployed, f"iot-{site.name}-deployer")


@pytest.fixture(scope="module")
def deployer(deployed: Shell, deployers_token: str) -> servers.Client:
    """Vault, as the site's deployer sees it."""
    return servers.vault(deployed, deployers_token)


@pytest.fixture(scope="module")
def reviewer(deployed: Shell, site: Site) -> Iterator[servers.Client]:
    """Vault, as the site's reviewers see it."""
    for token in _token(deployed, f"iot-{site.name}-review"):
        yield servers.vault(deployed, token)


def _token(shell: Shell, policy: str) -> Iterator[str]:
    root = servers.vault(shell)
    made = root.ask("POST", "/auth/token/create", {"policies": [policy], "ttl": "1h", "no_parent": True})
    assert made.status == 200, made.text
    token = made.json["auth"]["client_token"]
    assert policy in made.json["auth"]["policies"]
    yield token
    root.ask("POST", "/auth/token/revoke", {"token": token})


def test_the_deployer_is_refused(deployer: servers.Client, attempt: Try) -> None:
    reply = deployer.ask(attempt.method, attempt.path, attempt.body)
    assert reply.status == FORBIDDEN, f"{attempt.what}: {reply.status} {reply.text}"
    assert "permission denied" in reply.text


def test_the_reviewer_is_refused(reviewer: servers.Client, attempt: Try) -> None:
    reply = reviewer.ask(attempt.method, attempt.path, attempt.body)
    # Policies are what a reviewer looks at.
    if attempt.what == "reads a policy":
        assert reply.status == 200
        return
    assert reply.status == FORBIDDEN, f"{attempt.what}: {reply.status} {reply.text}"


def test_the_administrator_is_not_refused(deployed: Shell, attempt: Try) -> None:
    """The control: the request is one that Vault knows, and refuses to those alone who have no right to it."""
    root = servers.vault(deployed)
    reply = root.ask(attempt.method, attempt.path, attempt.body)
    if attempt.undo:
        assert root.ask("DELETE", attempt.undo).status == 204, attempt.undo
    if attempt.path not in SERVED_TO_NONE:
        assert reply.status != FORBIDDEN, f"{attempt.what}: {reply.text}"


def test_a_reviewer_reads_what_the_site_has_and_changes_nothing(
    reviewer: servers.Client, deployed: Shell, site: Site
) -> None:
    path = f"/pki-{site.name}-issuing/roles/device"
    role = reviewer.get(path)["data"]
    assert reviewer.ask("POST", path, role).status == FORBIDDEN
    assert reviewer.ask("DELETE", path).status == FORBIDDEN
    assert (
        reviewer.ask("POST", f"/pki-{site.name}-issuing/revoke", {"serial_number": "00"}).status == FORBIDDEN
    )
    assert servers.vault(deployed).get(path)["data"] == role


def test_a_deployer_encrypts_and_decrypts_the_states_secrets(deployer: servers.Client, site: Site) -> None:
    key = f"iot-broker-{site.name}"
    sealed = deployer.ask("POST", f"/transit/encrypt/{key}", {"plaintext": "c3RhdGU="})
    assert sealed.status == 200, sealed.text
    body = {"ciphertext": sealed.json["data"]["ciphertext"]}
    assert deployer.ask("POST", f"/transit/decrypt/{key}", body).json["data"]["plaintext"] == "c3RhdGU="


def test_pulumi_keeps_a_states_secrets_with_the_deployers_right(
    deployed: Shell, deployers_token: str, site: Site, tmp_path: Path
) -> None:
    """As docs/real-site.md has a stack made; Pulumi reads the token from the environment, and from no file."""
    (tmp_path / "Pulumi.yaml").write_text("name: state\nruntime: python\n")
    (tmp_path / ".vault-token").write_text(deployers_token)
    (tmp_path / "state").mkdir()
    variables = {
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_OPTION_CONFIG_FILE": "",
        "HOME": str(tmp_path),
        "VAULT_TOKEN": deployers_token,
    }
    place = ("--cwd", str(tmp_path), "--non-interactive")

    def made(name: str, key: str, **others: str) -> Outcome:
        provider = f"--secrets-provider=hashivault://iot-broker-{key}"
        command = ("pulumi", "stack", "init", name, provider, *place)
        return deployed.run(*command, check=False, variables={**variables, **others})

    assert made("own", site.name).code == 0
    config = ("pulumi", "config", "--stack", "own", *place)
    deployed.run(*config, "set", "--secret", "kept", "in-the-state", variables=variables)
    assert "in-the-state" not in (tmp_path / "Pulumi.own.yaml").read_text()
    assert deployed.run(*config, "get", "kept", variables=variables).out.strip() == "in-the-state"
    for refused in (made("another", "baytown"), made("from-the-file", site.name, VAULT_TOKEN="")):
        assert refused.code != 0


def test_a_machine_gets_its_own_certificate_and_no_other(deployed: Shell, site: Site) -> None:
    """The host's login, by the id of its role and a secret that the administrator hands out once."""
    root = servers.vault(deployed)
    role = f"/auth/approle-{site.name}/role/host-scada-karnes"
    names = {
        "role_id": root.get(f"{role}/role-id")["data"]["role_id"],
        "secret_id": root.ask("POST", f"{role}/secret-id", {}).json["data"]["secret_id"],
    }
    anonymous = servers.Client(deployed.environment["VAULT_ADDR"] + "/v1", str(deployed.authority))
    login = anonymous.ask("POST", f"/auth/approle-{site.name}/login", names)
    assert login.status == 200, login.text
    host = servers.vault(deployed, login.json["auth"]["client_token"])
    issue = f"/pki-{site.name}-issuing/issue"
    own = {"common_name": f"scada-karnes.services.{site.domain}"}
    assert host.ask("POST", f"{issue}/host-scada-karnes", own).status == 200
    another = {"common_name": f"scada-other.services.{site.domain}"}
    assert "not allowed by this role" in host.ask("POST", f"{issue}/host-scada-karnes", another).text
    assert host.ask("POST", f"{issue}/service", own).status == FORBIDDEN
    assert host.ask("POST", f"{issue}/server", own).status == FORBIDDEN
