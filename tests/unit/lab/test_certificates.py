"""The lab's authority signs what TLS clients accept, and keeps it."""

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from lab import certificates
from lab.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path / "tls", "a lab")
    authority.ensure()
    return authority


def test_python_can_use_the_key_pair(authority: Authority) -> None:
    pair = authority.server("vault")
    ssl.create_default_context(cafile=authority.certificate).load_cert_chain(pair.certificate, pair.key)


def test_keys_are_readable_by_their_owner_alone(authority: Authority) -> None:
    pair = authority.server("vault")
    assert {
        file.stat().st_mode & 0o777 for file in (pair.key, authority.certificate.with_suffix(".key"))
    } == {0o600}


def test_a_client_certificate_carries_user_and_group(authority: Authority) -> None:
    pair = authority.client("admin", "kubernetes-admin", "system:masters")
    subject = x509.load_pem_x509_certificate(pair.certificate.read_bytes()).subject
    assert subject.rfc4514_string() == "CN=kubernetes-admin,O=system:masters"


def test_a_certificate_is_kept(authority: Authority) -> None:
    before = authority.server("vault").certificate.read_bytes()
    assert authority.server("vault").certificate.read_bytes() == before


def test_a_certificate_close_to_its_end_is_renewed(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = authority.server("vault").certificate.read_bytes()
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=certificates.LEAF_DAYS - 1)
    monkeypatch.setattr(certificates, "_now", lambda: later)
    assert authority.server("vault").certificate.read_bytes() != before
