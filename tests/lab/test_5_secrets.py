"""No secret in plain text: not in the exported state, not in any log of the lab, not in what the commands printed."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from components import names
from components.kafka_topics import user_name
from lab.estate import Estate
from model import Site
from tests.support import servers
from tests.support.shell import REPOSITORY, Shell

SHORTEST = 8  # characters; anything shorter would be found by chance


@dataclass(frozen=True)
class Secrets:
    """Values by where they come from; a failure's report shows none of them."""

    values_by_name: dict[str, str] = field(repr=False)


@pytest.fixture(scope="module")
def known_secrets(deployed: Shell, estate: Estate, site: Site) -> Secrets:
    """Every secret that the tests can know, by where it comes from."""
    environment = deployed.environment
    own = ("VAULT_TOKEN", "KEYCLOAK_CLIENT_SECRET", "PROMETHEUS_PASSWORD")
    found = {name: environment[name] for name in own}
    found |= {
        f"the administrator's {name}": deployed.administration[name]
        for name in ("VAULT_TOKEN", "KEYCLOAK_PASSWORD")
    }
    found["passphrase"] = Path(environment["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text().strip()
    found |= _client_secrets(deployed, site)
    found |= _kubernetes_secrets(deployed, site)
    for user in site.streams.users:
        found[user.name] = servers.kafka_password(deployed, user_name(site, user.name))
    for number, file in enumerate(_private_files(estate.state)):
        found[f"{file.name} {number}"] = file.read_text().strip()
    return Secrets({name: value for name, value in found.items() if len(value) >= SHORTEST})


def test_state_holds_no_secret_in_plain_text(deployed: Shell, site: Site, known_secrets: Secrets) -> None:
    exported = deployed.pulumi("stack", "export", "--stack", site.name).out
    assert "PRIVATE KEY" not in exported
    assert leaks(exported, known_secrets) == []
    assert '"ciphertext"' in exported, "the dashboard client's secret should be there, encrypted"


def test_scan_would_find_a_secret(known_secrets: Secrets) -> None:
    """The control: the scan is able to fail."""
    name, value = next(iter(known_secrets.values_by_name.items()))
    assert name in leaks(f"… {value} …", known_secrets)
    assert name in leaks(base64.b64encode(value.encode()).decode(), known_secrets)


def test_logs_hold_no_secret_in_plain_text(estate: Estate, known_secrets: Secrets) -> None:
    logs = [file for file in (estate.state / "logs").rglob("*") if file.is_file()]
    logs += [file for file in (estate.state / "vault").rglob("*audit*") if file.is_file()]
    assert logs
    for file in logs:
        assert leaks(file.read_text(errors="replace"), known_secrets) == [], file.name


def test_commands_printed_no_secret(deployed: Shell, known_secrets: Secrets) -> None:
    printed = [text for text in deployed.logs if '"kind": "Secret"' not in text]
    assert printed
    for text in printed:
        assert leaks(text, known_secrets) == [], text[:200]


def test_lab_env_prints_names_of_files_only(deployed: Shell, known_secrets: Secrets) -> None:
    for arguments in ((), ("--json",)):
        printed = Shell(REPOSITORY, deployed.environment).run("sitectl", "lab", "env", *arguments).out
        assert leaks(printed, known_secrets) == []


def test_no_secret_is_on_a_command_line(estate: Estate, known_secrets: Secrets) -> None:
    import psutil

    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    for line in lines:
        if str(estate.state) in line:
            assert leaks(line, known_secrets) == []


def leaks(text: str, secrets: Secrets) -> list[str]:
    """Return the names of the secrets that are in the text, as they are or in base64."""
    return [
        name
        for name, value in secrets.values_by_name.items()
        if value in text or base64.b64encode(value.encode()).decode().rstrip("=") in text
    ]


def _client_secrets(deployed: Shell, site: Site) -> dict[str, str]:
    """Return the secret of the dashboard's and of each gateway's client, as Keycloak has them."""
    admin = servers.keycloak(deployed)
    clients = [client for client in admin.get(f"/{site.name}/clients") if not client["publicClient"]]
    secrets = {
        client["clientId"]: admin.get(f"/{site.name}/clients/{client['id']}/client-secret").get("value", "")
        for client in clients
    }
    gateways = {names.gateway_login(gateway.name) for gateway in site.identity.gateways}
    assert gateways
    assert {site.identity.dashboard.client_id, *gateways} <= secrets.keys()
    return secrets


def _kubernetes_secrets(deployed: Shell, site: Site) -> dict[str, str]:
    """Return every value of the Secrets in the site's namespace, but for certificates, which anybody may read."""
    return {
        f"{secret['metadata']['name']}/{key}": base64.b64decode(value).decode()
        for secret in deployed.all("secret", site.namespace)
        for key, value in (secret.get("data") or {}).items()
        if not key.endswith(".crt")
    }


def _private_files(state: Path) -> Iterator[Path]:
    """Yield the lab's own files with one secret on one line."""
    for file in sorted(state.rglob("*")):
        if file.is_file() and any(
            word in file.name for word in ("password", "token", "secret", "passphrase")
        ):
            content = file.read_text(errors="replace").strip()
            if content and "\n" not in content and " " not in content and "/" not in content[:1]:
                yield file
