"""Preflight finds a CA that ends before what it may sign; one that is not made yet is no mistake."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from model import Site, load_site
from model.authorities import Authority, common_name
from sitectl.checks import Finding
from sitectl.checks.authorities import authority_findings
from sitectl.checks.web import Answer, Web
from tests.support.variants import STACKS

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.fixture
def site() -> Site:
    return load_site(STACKS, "eagle-ford")


class Answering:
    """Answers in Vault's place: the CAs' certificates by mount."""

    def __init__(self, certificates: dict[str, str]) -> None:
        self.certificates = certificates

    def get(self, path: str) -> Answer:
        """Answer as Vault does for the issuer that signs."""
        mount = path.split("/")[2]
        if mount not in self.certificates:
            return Answer(404, {"errors": []})
        data: Any = {"data": {"certificate": self.certificates[mount]}}
        return Answer(200, data)


def certificate(name: str, days: int) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=30))
        .not_valid_after(NOW + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def looked_at(site: Site, root: str | None, issuing: str | None) -> list[Finding]:
    made = {f"pki-{site.name}-root": root, f"pki-{site.name}-issuing": issuing}
    web = Answering({mount: text for mount, text in made.items() if text})
    return authority_findings(cast(Web, web), site, NOW)


def named(site: Site, kind: Authority, days: int, generation: int = 1) -> str:
    return certificate(common_name(site, kind, generation), days)


def test_cas_with_time_enough_pass(site: Site) -> None:
    found = looked_at(site, named(site, "root", 3000), named(site, "issuing", 400))
    assert [(entry.passed, entry.detail) for entry in found] == [
        (True, "ends on 2035-02-13"),
        (True, "ends on 2028-01-01"),
    ]


@pytest.mark.parametrize("days", [365, 364, 1, -5])
def test_an_issuing_ca_that_ends_before_the_longest_leaf_is_found(site: Site, days: int) -> None:
    _, found = looked_at(site, named(site, "root", 3000), named(site, "issuing", days))
    assert not found.passed
    assert "before the longest certificate that it may sign (365d)" in found.detail
    assert "write `pki.issuing.generation: 2`" in found.remedy


def test_a_root_that_ends_before_an_issuing_ca_would_is_found(site: Site) -> None:
    found, _ = looked_at(site, named(site, "root", 1095), named(site, "issuing", 400))
    assert not found.passed
    assert "write `pki.root.generation: 2`" in found.remedy


def test_before_the_first_up_there_is_none(site: Site) -> None:
    assert [(entry.passed, entry.detail) for entry in looked_at(site, None, None)] == [
        (True, "not made yet")
    ] * 2


def test_a_generation_that_comes_with_this_change_is_no_mistake(site: Site) -> None:
    _, found = looked_at(site, named(site, "root", 3000), named(site, "issuing", 10, generation=7))
    assert found.passed


def test_an_answer_that_is_no_certificate_is_found(site: Site) -> None:
    found, _ = looked_at(site, "no certificate", None)
    assert not found.passed
