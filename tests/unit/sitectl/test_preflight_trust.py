"""Preflight looks at Keycloak as Pulumi's plugin does: with the authorities of the environment, not of the settings."""

from pathlib import Path

from lab.certificates import Authority
from sitectl.checks.keycloak import environments_authorities


def test_an_environment_that_names_none_leaves_it_to_the_machine() -> None:
    assert environments_authorities({}) is None


def test_each_certificate_of_each_folder_is_believed_and_nothing_else_is_read(tmp_path: Path) -> None:
    one, two = (Authority(tmp_path / name, name) for name in ("one", "two"))
    texts = [authority.ensure().read_text() for authority in (one, two)]
    (one.trust / "README").write_text("no certificate\n")
    (one.trust / "broken.crt").write_bytes(b"\xff\xfe")
    found = environments_authorities({"SSL_CERT_DIR": f"{one.trust}:{two.trust}:{tmp_path / 'absent'}"})
    assert found is not None
    assert all(text in found for text in texts)
    assert "no certificate" not in found


def test_a_file_that_is_named_stands_for_the_machines_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls", "a test's own")
    text = authority.ensure().read_text()
    found = environments_authorities(
        {"SSL_CERT_FILE": str(authority.certificate), "SSL_CERT_DIR": str(authority.trust)}
    )
    assert found == text + text
