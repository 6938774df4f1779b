"""Hostile organizations through the subjects of certificates: one attribute each, and the same text everywhere."""

import datetime
import subprocess
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from components import distinguished_name
from tests.support import hostile

KEY = ec.generate_private_key(ec.SECP256R1())
DAY = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def certificate(organization: str) -> bytes:
    """A certificate of the subject, in PEM."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "a CA"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        ]
    )
    built = (
        x509.CertificateBuilder(name, name, KEY.public_key(), x509.random_serial_number())
        .not_valid_before(DAY)
        .not_valid_after(DAY + datetime.timedelta(days=1))
        .sign(KEY, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


@given(hostile.organizations())
def test_the_subject_as_text_is_read_back_as_two_attributes(organization: str) -> None:
    text = distinguished_name.text({"CN": "a CA", "O": organization})
    read = x509.Name.from_rfc4514_string(text.replace(", O=", ",O=", 1))
    found = {attribute.oid: attribute.value for attribute in read}
    assert found == {NameOID.COMMON_NAME: "a CA", NameOID.ORGANIZATION_NAME: organization}


@settings(max_examples=3, deadline=None, phases=hostile.NO_SHRINKING)
@given(st.lists(hostile.organizations(), min_size=8, max_size=8))
def test_openssl_reads_one_organization_out_of_a_certificate(organizations: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "all.pem"
        file.write_bytes(b"".join(certificate(organization) for organization in organizations))
        command = ("openssl", "storeutl", "-noout", "-text", "-certs", str(file))
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    subjects = [line for line in done.stdout.splitlines() if line.strip().startswith("Subject:")]
    assert len(subjects) == len(organizations)
    for organization in organizations:
        loaded = x509.load_pem_x509_certificate(certificate(organization))
        (found,) = loaded.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        assert found.value == organization
