"""Where this site's servers are: the addresses that the stack's own configuration gives to the program."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(Exception):
    """The stack's configuration cannot be used: which key, what is wrong with it, and what would be right."""

    def __init__(self, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"iot-broker:{key}: {problem}\n    {remedy}")
        self.key = key
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True)
class Settings:
    """Addresses of the servers, and the PEM text of the authorities that signed their certificates.

    Credentials are never here: the providers read them from the environment, so that none reaches the state.
    """

    kubernetes_context: str
    kubernetes_host: str
    kubernetes_ca: str
    vault_address: str
    vault_ca: str | None
    keycloak_url: str
    keycloak_ca: str | None

    @classmethod
    def read(cls, values: Mapping[str, str]) -> "Settings":
        """Take the settings from values by key (without `iot-broker:`); raises SettingsError."""
        kubernetes_ca = _pem(values, "kubernetesCaFile")
        if kubernetes_ca is None:
            raise SettingsError("kubernetesCaFile", "is missing", _set_it("kubernetesCaFile"))
        return cls(
            kubernetes_context=_required(values, "kubernetesContext"),
            kubernetes_host=_https(values, "kubernetesHost"),
            kubernetes_ca=kubernetes_ca,
            vault_address=_https(values, "vaultAddress"),
            vault_ca=_pem(values, "vaultCaFile"),
            keycloak_url=_https(values, "keycloakUrl"),
            keycloak_ca=_pem(values, "keycloakCaFile"),
        )


KEYS = (
    "kubernetesContext",
    "kubernetesHost",
    "kubernetesCaFile",
    "vaultAddress",
    "vaultCaFile",
    "keycloakUrl",
    "keycloakCaFile",
)


def _required(values: Mapping[str, str], key: str) -> str:
    value = values.get(key)
    if not value:
        raise SettingsError(key, "is missing", _set_it(key))
    return value


def _https(values: Mapping[str, str], key: str) -> str:
    address = _required(values, key)
    if not address.startswith("https://"):
        raise SettingsError(key, f"`{address}` is not an https:// address", "nothing is reached without TLS")
    return address.rstrip("/")


def _pem(values: Mapping[str, str], key: str) -> str | None:
    file = values.get(key)
    if not file:
        return None
    try:
        text = Path(file).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(key, f"`{file}` cannot be read", "name a readable file of PEM text") from error
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise SettingsError(key, f"`{file}` holds no certificate", "name a file of PEM certificates")
    return text


def _set_it(key: str) -> str:
    return f"set it with `pulumi config set iot-broker:{key} VALUE`"
