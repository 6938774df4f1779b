"""The variables of a shell in which Pulumi and the other tools reach a lab; secrets by the files that hold them."""

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.servers import kafka, keycloak, kubernetes, prometheus, vault
from lab.servers.base import Lab
from lab.workspace import Workspace

MACHINES_OWN = "/etc/ssl/certs"
"""Where most machines keep the authorities that they believe."""


@dataclass(frozen=True)
class PlainValue:
    """A value that everybody may see."""

    text: str

    def resolve(self) -> str:
        """Return the value."""
        return self.text


@dataclass(frozen=True)
class SecretFile:
    """A value that is printed nowhere: the content of a file that its owner alone may read."""

    file: Path

    def resolve(self) -> str:
        """Return the value as the file holds it now."""
        return self.file.read_text()


EnvValue = PlainValue | SecretFile


def environment(lab: Lab, root: Path) -> dict[str, EnvValue]:
    """Return each variable with its value, or with the file of a secret one."""
    workspace = Workspace(lab.state / "pulumi", root)
    plain = {
        "PATH": _path(lab),
        **workspace.environment(),
        "KUBECONFIG": str(kubernetes.deployer_kubeconfig(lab)),
        "VAULT_ADDR": lab.url("vault"),
        "VAULT_CACERT": str(lab.authority.certificate),
        # Of this alone the keycloak plugin learns whom to trust; the machine's own authorities stay believed.
        "SSL_CERT_DIR": f"{lab.authority.trust}{os.pathsep}{MACHINES_OWN}",
        "KEYCLOAK_URL": lab.url("keycloak"),
        "KEYCLOAK_REALM": "master",
        "KEYCLOAK_CLIENT_ID": keycloak.DEPLOYER,
        "OPA_URL": lab.url("opa"),
        "PROMETHEUS_URL": lab.url("prometheus"),
        "PROMETHEUS_USER": prometheus.USER,
        "KAFKA_BOOTSTRAP": kafka.bootstrap(lab),
        "IOT_BROKER_LAB": lab.name,
        "IOT_BROKER_CA_FILE": str(lab.authority.certificate),
    }
    return {name: PlainValue(text) for name, text in plain.items()} | {
        "VAULT_TOKEN": SecretFile(vault.deployer_token_file(lab)),
        "KEYCLOAK_CLIENT_SECRET": SecretFile(keycloak.secret_file(lab)),
        "PROMETHEUS_PASSWORD": SecretFile(prometheus.password_file(lab)),
    }


def administration(lab: Lab) -> dict[str, str]:
    """Return the variables of the servers' administrators where they differ from the deployer's: secrets."""
    return {
        "VAULT_TOKEN": vault.administrator_token(lab),
        "KUBECONFIG": str(kubernetes.kubeconfig(lab)),
        "KEYCLOAK_CLIENT_ID": keycloak.ADMINISTRATORS_CLIENT,
        "KEYCLOAK_CLIENT_SECRET": "",
        "KEYCLOAK_USER": keycloak.ADMINISTRATOR,
        "KEYCLOAK_PASSWORD": keycloak.password_file(lab).read_text(),
    }


def exports(variables: Mapping[str, EnvValue]) -> str:
    """Return shell text that sets the variables; secrets are read from their files when the shell runs it."""
    return "".join(f"export {name}={_shell(value)}\n" for name, value in variables.items())


def for_machines(variables: Mapping[str, EnvValue]) -> dict[str, dict[str, str]]:
    """Return the variables as data: `{"value": …}` or `{"file": …}` each."""
    return {
        name: {"file": str(value.file)} if isinstance(value, SecretFile) else {"value": value.text}
        for name, value in variables.items()
    }


def for_child(variables: Mapping[str, EnvValue]) -> dict[str, str]:
    """Return a child process's whole environment: this process's own, and the variables with secrets read."""
    return {**os.environ} | {name: value.resolve() for name, value in variables.items()}


def _path(lab: Lab) -> str:
    """Return PATH with the lab's programs first: kept in one folder of links that each `up` renews."""
    before = [str(lab.state / "bin"), str(Path(sys.executable).parent)]
    # In the shell that an earlier `lab env` made, they are there already.
    rest = [entry for entry in os.environ.get("PATH", "").split(os.pathsep) if entry not in before]
    return os.pathsep.join(before + rest)


def _shell(value: EnvValue) -> str:
    return (
        f'"$(cat {shlex.quote(str(value.file))})"'
        if isinstance(value, SecretFile)
        else shlex.quote(value.text)
    )
