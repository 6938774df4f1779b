"""Where this site's servers are: the addresses that the stack's own configuration gives to the program."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from model.base import is_address
from model.words import quoted, without_login

KEYS = (
    "kubernetesContext",
    "kubernetesHost",
    "kubernetesCaFile",
    "vaultAddress",
    "vaultCaFile",
    "keycloakUrl",
    "keycloakCaFile",
    "prometheusUrl",
    "prometheusCaFile",
)
"""Keys of the stack's configuration, each after `iot-broker:`."""


@dataclass(frozen=True)
class SettingError:
    """One mistake in the stack's configuration: which key, what is wrong, and what would be right."""

    key: str
    problem: str
    remedy: str


class SettingsErrors(Exception):
    """All the mistakes in a stack's configuration."""

    def __init__(self, errors: tuple[SettingError, ...]) -> None:
        super().__init__(
            "\n".join(f"iot-broker:{error.key}: {error.problem}\n    {error.remedy}" for error in errors)
        )
        self.errors = errors


@dataclass(frozen=True)
class Settings:
    """Addresses of the servers, and the PEM text of the authorities that signed their certificates.

    Credentials are never here: the providers read them from the environment, so that none reaches the state.
    An authority that is None is one that every machine believes.
    Prometheus is only read, by `sitectl`, and may be None.
    """

    kubernetes_context: str
    kubernetes_host: str
    kubernetes_ca: str
    vault_address: str
    vault_ca: str | None
    keycloak_url: str
    keycloak_ca: str | None
    prometheus_url: str | None = None
    prometheus_ca: str | None = None

    @classmethod
    def read(cls, values: Mapping[str, str], folder: Path = Path()) -> "Settings":
        """Take the settings from values by key (without `iot-broker:`); raises SettingsErrors.

        Files are looked for from `folder`, the program's own.
        """
        reader = _Reader(values, folder)
        settings = cls(
            kubernetes_context=reader.text("kubernetesContext"),
            kubernetes_host=reader.address("kubernetesHost"),
            kubernetes_ca=reader.needed_authority("kubernetesCaFile"),
            vault_address=reader.address("vaultAddress"),
            vault_ca=reader.authority("vaultCaFile"),
            keycloak_url=reader.address("keycloakUrl"),
            keycloak_ca=reader.authority("keycloakCaFile"),
            prometheus_url=reader.address("prometheusUrl") if values.get("prometheusUrl") else None,
            prometheus_ca=reader.authority("prometheusCaFile"),
        )
        if reader.errors:
            raise SettingsErrors(tuple(reader.errors))
        return settings


def _shown(address: str) -> str:
    return quoted(without_login(address))


@dataclass
class _Reader:
    """Reads values, and keeps what is wrong with them, so that all mistakes are told at once."""

    values: Mapping[str, str]
    folder: Path
    errors: list[SettingError] = field(default_factory=list)

    def text(self, key: str) -> str:
        value = self.values.get(key, "")
        if not value:
            self._refuse(key, "is missing", f"set it with `pulumi config set iot-broker:{key} VALUE`")
        return value

    def address(self, key: str) -> str:
        address = self.text(key)
        if address and not address.startswith("https://"):
            self._refuse(
                key, f"{_shown(address)} is not an https:// address", "nothing is reached without TLS"
            )
        elif address and not is_address(address):
            remedy = "write it like `https://vault.example:8200`, without login, query and quotes"
            self._refuse(key, f"{_shown(address)} is no address", remedy)
        return address.rstrip("/")

    def needed_authority(self, key: str) -> str:
        return (self.authority(key) or "") if self.text(key) else ""

    def authority(self, key: str) -> str | None:
        file = self.values.get(key)
        if not file:
            return None
        try:
            text = (self.folder / file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            self._refuse(key, f"`{file}` cannot be read", "name a readable file of PEM text")
            return None
        if "-----BEGIN CERTIFICATE-----" not in text:
            self._refuse(key, f"`{file}` holds no certificate", "name a file of PEM certificates")
        return text

    def _refuse(self, key: str, problem: str, remedy: str) -> None:
        self.errors.append(SettingError(key, problem, remedy))
