"""A shell at the lab is given addresses in plain and secrets by their files."""

import subprocess
from pathlib import Path

import pytest

from lab.certificates import Authority
from lab.environment import EnvValue, PlainValue, SecretFile, environment, exports, for_child, for_machines
from lab.ports import Ports
from lab.servers import SERVERS
from lab.servers.base import Lab

SECRET = "not to be printed"
NAMES = {
    "PATH",
    "PULUMI_HOME",
    "PULUMI_BACKEND_URL",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_OPTION_CONFIG_FILE",
    "PULUMI_SKIP_UPDATE_CHECK",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION",
    "KUBECONFIG",
    "VAULT_ADDR",
    "VAULT_CACERT",
    "SSL_CERT_DIR",
    "VAULT_TOKEN",
    "KEYCLOAK_URL",
    "KEYCLOAK_CLIENT_ID",
    "KEYCLOAK_CLIENT_SECRET",
    "KEYCLOAK_REALM",
    "OPA_URL",
    "PROMETHEUS_URL",
    "PROMETHEUS_USER",
    "PROMETHEUS_PASSWORD",
    "KAFKA_BOOTSTRAP",
    "IOT_BROKER_LAB",
    "IOT_BROKER_CA_FILE",
}


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, EnvValue]:
    state = tmp_path / "a lab with spaces"
    state.mkdir()
    lab = Lab("paper", state, Ports(state), Authority(state / "tls", "paper"), {})
    lab.ports.assign(port for server in SERVERS for port in server.ports)
    variables = environment(lab, tmp_path)
    for value in variables.values():
        if isinstance(value, SecretFile):
            value.file.parent.mkdir(exist_ok=True)
            value.file.write_text(SECRET)
    return variables


def test_it_has_what_the_tools_need(variables: dict[str, EnvValue]) -> None:
    assert variables.keys() == NAMES


def test_secrets_are_never_printed(variables: dict[str, EnvValue]) -> None:
    assert SECRET not in exports(variables)
    assert SECRET not in str(for_machines(variables))


def test_a_shell_reads_the_secrets_from_their_files(variables: dict[str, EnvValue]) -> None:
    script = exports(variables) + 'printf "%s" "$VAULT_TOKEN"'
    assert subprocess.run(("sh", "-c", script), check=True, capture_output=True, text=True).stdout == SECRET


def test_a_child_process_gets_the_secrets_themselves(variables: dict[str, EnvValue]) -> None:
    assert for_child(variables)["KEYCLOAK_CLIENT_SECRET"] == SECRET


def test_running_it_twice_does_not_lengthen_the_path(
    variables: dict[str, EnvValue], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = variables["PATH"].resolve()
    monkeypatch.setenv("PATH", path)
    state = tmp_path / "a lab with spaces"
    lab = Lab("paper", state, Ports(state), Authority(state / "tls", "paper"), {})
    assert environment(lab, tmp_path)["PATH"] == PlainValue(path)
