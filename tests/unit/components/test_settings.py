"""A stack's configuration that cannot be used is refused before anything is touched, with key and remedy."""

from pathlib import Path

import pytest

from components.settings import KEYS, Settings, SettingsErrors

OPTIONAL = {"vaultCaFile", "keycloakCaFile", "prometheusUrl", "prometheusCaFile"}


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    authority = tmp_path / "ca.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n", encoding="ascii")
    return {
        key: str(authority) if key.endswith("File") else f"https://{key.lower()}.example/" for key in KEYS
    }


def test_addresses_are_taken_without_a_final_slash(values: dict[str, str]) -> None:
    assert Settings.read(values).vault_address == "https://vaultaddress.example"


def test_an_authority_is_taken_as_text(values: dict[str, str]) -> None:
    assert "BEGIN CERTIFICATE" in Settings.read(values).kubernetes_ca


@pytest.mark.parametrize("key", ["vaultCaFile", "keycloakCaFile"])
def test_a_publicly_trusted_server_needs_no_authority(values: dict[str, str], key: str) -> None:
    del values[key]
    settings = Settings.read(values)
    assert None in (settings.vault_ca, settings.keycloak_ca)


def test_a_stack_need_not_name_a_prometheus(values: dict[str, str]) -> None:
    del values["prometheusUrl"], values["prometheusCaFile"]
    settings = Settings.read(values)
    assert (settings.prometheus_url, settings.prometheus_ca) == (None, None)


@pytest.mark.parametrize("key", sorted(set(KEYS) - OPTIONAL))
def test_a_missing_key_is_named_with_its_remedy(values: dict[str, str], key: str) -> None:
    del values[key]
    with pytest.raises(SettingsErrors, match=f"pulumi config set iot-broker:{key}") as error:
        Settings.read(values)
    assert [mistake.key for mistake in error.value.errors] == [key]


@pytest.mark.parametrize("key", ["kubernetesHost", "vaultAddress", "keycloakUrl", "prometheusUrl"])
def test_a_plain_address_is_refused(values: dict[str, str], key: str) -> None:
    with pytest.raises(SettingsErrors, match="https://") as error:
        Settings.read(values | {key: "http://server.example"})
    assert [mistake.key for mistake in error.value.errors] == [key]


def test_a_file_that_is_not_there_is_named(values: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsErrors, match="cannot be read"):
        Settings.read(values | {"vaultCaFile": str(tmp_path / "absent.pem")})


def test_a_file_without_certificate_is_refused(values: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text("nothing", encoding="ascii")
    with pytest.raises(SettingsErrors, match="holds no certificate"):
        Settings.read(values | {"keycloakCaFile": str(other)})


def test_all_mistakes_are_told_at_once(values: dict[str, str]) -> None:
    del values["kubernetesContext"], values["kubernetesCaFile"]
    with pytest.raises(SettingsErrors) as error:
        Settings.read(values | {"vaultAddress": "vault.example"})
    assert {mistake.key for mistake in error.value.errors} == {
        "kubernetesContext",
        "kubernetesCaFile",
        "vaultAddress",
    }


@pytest.mark.parametrize(
    "address",
    [
        "https://reader:hunter2@vault.example",
        'https://vault.example/"x',
        "https://vault.example/?x=1",
        "https://a b",
    ],
)
def test_an_address_that_another_language_would_read_otherwise_is_refused(
    values: dict[str, str], address: str
) -> None:
    values["vaultAddress"] = address
    with pytest.raises(SettingsErrors) as error:
        Settings.read(values)
    (mistake,) = error.value.errors
    assert mistake.key == "vaultAddress"
    assert "hunter2" not in str(error.value)
