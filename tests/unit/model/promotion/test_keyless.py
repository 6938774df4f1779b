"""A keyless signature counts while its certificate led to the authority at the time it names, for a name that may."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from model.calendar import Moment
from model.promotion.record import Signature
from model.promotion.signers import Signer, Signers, message, refusal

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
FORMAT, CONTENT = "iot-broker/approvals/1", f"sha256:{'1' * 64}"
KEY, ROOT = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())


def named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def root(key: EllipticCurvePrivateKey) -> x509.Certificate:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    return (
        x509.CertificateBuilder()
        .subject_name(named("Signatures"))
        .issuer_name(named("Signatures"))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, SHA256())
    )


def leaf(name: str, signed_by: EllipticCurvePrivateKey, since: datetime) -> str:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named("Signatures"))
        .public_key(KEY.public_key())
        .serial_number(2)
        .not_valid_before(since)
        .not_valid_after(since + timedelta(minutes=10))
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .sign(signed_by, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


def answer(
    name: str = "m-reyes@field.example",
    by: EllipticCurvePrivateKey = ROOT,
    since: datetime = NOW - timedelta(minutes=1),
    content: str = CONTENT,
) -> str | None:
    authority = root(ROOT).public_bytes(Encoding.PEM).decode()
    signer = Signer(
        name="people",
        method="keyless",
        uses=("approval",),
        path="signing/promoter",
        authority=authority,
        identities=("*@field.example",),
    )
    made_at = Moment.of(NOW)
    value = KEY.sign(message(FORMAT, content, made_at), ECDSA(SHA256()))
    signature = Signature(
        signer="people",
        method="keyless",
        certificate=leaf(name, by, since),
        made_at=made_at,
        value=base64.b64encode(value).decode(),
    )
    signers = Signers(format="iot-broker/signers/1", signers=(signer,))
    found = refusal(signers, "approval", FORMAT, CONTENT, signature)
    return found[0] if found else None


def test_a_signature_of_a_certified_key_counts() -> None:
    assert answer() is None


@pytest.mark.parametrize("since", [NOW - timedelta(hours=1), NOW + timedelta(hours=1)])
def test_outside_of_the_certificates_minutes_it_does_not(since: datetime) -> None:
    assert "its certificate does not count" in str(answer(since=since))


def test_another_authority_does_not_count() -> None:
    assert "its certificate does not count" in str(answer(by=generate_private_key(SECP256R1())))


def test_another_name_does_not_count() -> None:
    assert "may not sign as `people`" in str(answer(name="m-reyes@elsewhere.example"))


def test_another_content_does_not_count() -> None:
    assert "does not fit the content" in str(answer(content=f"sha256:{'2' * 64}"))
