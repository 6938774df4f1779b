"""The lab's certificate authority: it signs every server's certificate and the lab's own client certificates."""

import datetime
import ipaddress
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.files import write, write_if_changed

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

CERTIFICATE_MODE = 0o644
AUTHORITY_DAYS = 3650
LEAF_DAYS = 365
# A certificate this close to its end is renewed before its server starts.
RENEW_DAYS = 30


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, PEM files (the key PKCS#8, mode 0600)."""

    certificate: Path
    key: Path


class Authority:
    """An EC (P-256) certificate authority in a folder: `ca.crt`, `ca.key` and what it signed."""

    def __init__(self, folder: Path, common_name: str) -> None:
        self._folder = folder
        self._common_name = common_name
        self._guard = threading.Lock()

    @property
    def certificate(self) -> Path:
        """Return the authority's own certificate, made by `ensure`."""
        return self._folder / "ca.crt"

    @property
    def trust(self) -> Path:
        """Return the folder with the authority's certificate and nothing else, made by `ensure`."""
        return self._folder / "trust"

    def ensure(self) -> Path:
        """Make the authority unless it exists; return its certificate file."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        with self._guard:
            if self.certificate.exists():
                write_if_changed(self.trust / "ca.crt", self.certificate.read_text(), CERTIFICATE_MODE)
                return self.certificate
            key = ec.generate_private_key(ec.SECP256R1())
            name = _name(self._common_name)
            certificate = (
                _builder(name, name, key.public_key(), AUTHORITY_DAYS)
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(_usage(signs_certificates=True), critical=True)
                .sign(key, hashes.SHA256())
            )
            write(self._folder / "ca.key", _key_pem(key))
            write(self.trust / "ca.crt", _pem(certificate), CERTIFICATE_MODE)
            return write(self.certificate, _pem(certificate), CERTIFICATE_MODE)

    def server(self, name: str, names: Iterable[str] = (), addresses: Iterable[str] = ()) -> KeyPair:
        """Return a server certificate for loopback and the further DNS `names` and IP `addresses`.

        It may serve as a client certificate too: a server that talks to its own kind (Kafka, etcd) needs that.
        """
        with self._guard:
            return self._leaf(name, None, ("localhost", *names), ("127.0.0.1", *addresses))

    def client(self, name: str, common_name: str, *organizations: str) -> KeyPair:
        """Return a client certificate; Kubernetes reads the user from its name, and groups from the organizations."""
        with self._guard:
            return self._leaf(name, (common_name, *organizations), (), ())

    def _leaf(
        self,
        name: str,
        client: tuple[str, ...] | None,
        dns_names: Iterable[str],
        addresses: Iterable[str],
    ) -> KeyPair:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID

        pair = KeyPair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        if _is_fresh(pair):
            return pair
        signer = serialization.load_pem_private_key((self._folder / "ca.key").read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)  # noqa: S101 - `ensure` made no other
        issuer = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(*client) if client else _name(name)
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH] + ([] if client else [ExtendedKeyUsageOID.SERVER_AUTH])
        builder = (
            _builder(subject, issuer.subject, key.public_key(), LEAF_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
        )
        alternatives: list[x509.GeneralName] = [x509.DNSName(dns_name) for dns_name in dns_names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        write(pair.key, _key_pem(key))
        write(pair.certificate, _pem(builder.sign(signer, hashes.SHA256())), CERTIFICATE_MODE)
        return pair


def _is_fresh(pair: KeyPair) -> bool:
    from cryptography import x509

    if not (pair.certificate.exists() and pair.key.exists()):
        return False
    end = x509.load_pem_x509_certificate(pair.certificate.read_bytes()).not_valid_after_utc
    return end - _now() > datetime.timedelta(days=RENEW_DAYS)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _name(common_name: str, *organizations: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: "x509.Name", issuer: "x509.Name", key: "ec.EllipticCurvePublicKey", days: int
) -> "x509.CertificateBuilder":
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # A clock that is a little behind (a container's, say) must not refuse a new certificate.
        .not_valid_before(_now() - datetime.timedelta(hours=1))
        .not_valid_after(_now() + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: "ec.EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
