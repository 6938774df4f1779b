"""Where Prometheus is and who asks are told by settings and environment; what is missing is a sentence."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from sitectl.prometheus import (
    Prometheus,
    PrometheusAway,
    PrometheusError,
    PrometheusNotSet,
    configured,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
VARIABLES = ("TOKEN", "TOKEN_FILE", "USER", "PASSWORD", "CERT_FILE", "KEY_FILE")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PULUMI_OPTION_CONFIG_FILE", raising=False)
    for name in VARIABLES:
        monkeypatch.delenv(f"PROMETHEUS_{name}", raising=False)
    (tmp_path / "stacks").mkdir()
    return tmp_path


def settings(root: Path, **values: str) -> None:
    config = {f"iot-broker:{key}": value for key, value in values.items()}
    (root / "stacks" / "Pulumi.field.yaml").write_text(yaml.safe_dump({"config": config}), encoding="utf-8")


def problem(root: Path) -> str:
    found = configured(root, "field")
    assert isinstance(found, PrometheusNotSet)
    return str(found)


def test_a_stack_without_settings_has_none(root: Path) -> None:
    assert "Pulumi.field.yaml: there is no such file" in problem(root)


def test_a_stack_that_names_none_says_which_key(root: Path) -> None:
    settings(root, keycloakUrl="https://keycloak.example")
    assert problem(root).startswith("iot-broker:prometheusUrl is not set in")


def test_an_address_without_tls_is_refused(root: Path) -> None:
    settings(root, prometheusUrl="http://prometheus.example")
    assert problem(root) == "iot-broker:prometheusUrl: `http://prometheus.example` is no https:// address"


def test_an_authority_that_cannot_be_read_is_told(root: Path) -> None:
    settings(root, prometheusUrl="https://prometheus.example", prometheusCaFile=str(root / "absent.pem"))
    assert "a certificate for Prometheus cannot be read" in problem(root)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("USER", "PROMETHEUS_USER and PROMETHEUS_PASSWORD belong together"),
        ("PASSWORD", "PROMETHEUS_USER and PROMETHEUS_PASSWORD belong together"),
        ("CERT_FILE", "PROMETHEUS_CERT_FILE and PROMETHEUS_KEY_FILE belong together"),
        ("TOKEN_FILE", "PROMETHEUS_TOKEN_FILE: half cannot be read"),
    ],
)
def test_half_a_credential_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    settings(root, prometheusUrl="https://prometheus.example")
    monkeypatch.setenv(f"PROMETHEUS_{name}", "half")
    assert words in problem(root)


def test_a_token_is_read_from_its_file_and_shown_nowhere(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(root, prometheusUrl="https://prometheus.example")
    file = root / "token"
    file.write_text("a-secret\n", encoding="utf-8")
    monkeypatch.setenv("PROMETHEUS_TOKEN_FILE", str(file))
    found = configured(root, "field")
    assert isinstance(found, Prometheus)
    assert "a-secret" not in repr(found)


def test_nobody_at_the_address_is_told_in_a_sentence() -> None:
    with pytest.raises(
        PrometheusAway, match=r"does not answer at https://127\.0\.0\.1:1: Connection refused$"
    ):
        Prometheus("https://127.0.0.1:1").samples("up", NOW)


def test_each_failure_is_a_prometheus_error() -> None:
    assert issubclass(PrometheusAway, PrometheusError)
    assert issubclass(PrometheusNotSet, PrometheusError)
