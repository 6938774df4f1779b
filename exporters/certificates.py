"""Tells Prometheus when the site's CAs, lists and server certificates end: `python certificates.py --vault URL …`.

It stands alone, so that it can run beside the broker (Kubernetes mounts it into a pod) and in a lab: Python 3.11,
cryptography, requests and prometheus-client are all that it needs. It has no login anywhere: what it reads Vault tells
everybody, and of a server it looks at the certificate that each client is shown. Exits 2 for a wrong call.
"""

import argparse
import math
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from prometheus_client import CollectorRegistry, Gauge, start_http_server

ANSWER_SECONDS = 10.0
PREFIX = "iot_broker"


class Unreadable(Exception):
    """Something that should be there cannot be read; the message says what, and why."""


@dataclass(frozen=True)
class Issuer:
    """One generation of a CA: Vault's id of it, whether it is the one that signs, and when its certificate ends."""

    id: str
    current: bool
    end: float


@dataclass(frozen=True)
class RevocationList:
    """One generation's list: when it was made, and when it ends."""

    made: float
    end: float


@dataclass(frozen=True)
class Target:
    """A server whose certificate is looked at."""

    name: str
    host: str
    port: int


class Vault:
    """What Vault tells of its CAs without a login."""

    def __init__(self, address: str, authorities: Path | None) -> None:
        self._address = address.rstrip("/")
        self._session = requests.Session()
        self._session.headers["X-Vault-Request"] = "true"
        # No proxy and no password file of the machine's decides where this goes.
        self._session.trust_env = False
        if authorities is not None:
            self._session.verify = str(authorities)

    def issuers(self, mount: str) -> dict[str, bool]:
        """Return the issuers of an engine by id, and whether each is the one that signs; raises Unreadable."""
        try:
            data = self._get(f"{mount}/issuers?list=true").json()["data"]
            return {str(key): bool(data["key_info"][key]["is_default"]) for key in data["keys"]}
        except (ValueError, KeyError, TypeError) as error:
            raise Unreadable(f"{mount}: not an answer of Vault's: {error}") from None

    def certificate(self, mount: str, issuer: str) -> x509.Certificate:
        """Return an issuer's certificate; raises Unreadable."""
        try:
            return x509.load_pem_x509_certificate(self._get(f"{mount}/issuer/{quote(issuer)}/pem").content)
        except ValueError as error:
            raise Unreadable(f"{mount}: {issuer} has no certificate: {error}") from None

    def revocation_list(self, mount: str, issuer: str) -> x509.CertificateRevocationList:
        """Return an issuer's list, as the broker fetches it; raises Unreadable."""
        try:
            return x509.load_pem_x509_crl(self._get(f"{mount}/issuer/{quote(issuer)}/crl/pem").content)
        except ValueError as error:
            raise Unreadable(f"{mount}: {issuer} has no list: {error}") from None

    def _get(self, path: str) -> requests.Response:
        try:
            answer = self._session.get(
                f"{self._address}/v1/{path}", timeout=ANSWER_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise Unreadable(f"{path}: {type(error).__name__}") from None
        if answer.status_code != requests.codes.ok:
            raise Unreadable(f"{path}: Vault answers {answer.status_code}")
        return answer


def look_at_list(found: x509.CertificateRevocationList, issuer: x509.Certificate) -> RevocationList:
    """Return when a list was made and ends; raises Unreadable for one that is not the issuer's own."""
    key = issuer.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise Unreadable("the list's issuer has a key of another kind")
    try:
        own = found.is_signature_valid(key)
    except (UnsupportedAlgorithm, TypeError):
        own = False
    if not own or found.next_update_utc is None:
        raise Unreadable("the list is not its issuer's, or has no end")
    return RevocationList(found.last_update_utc.timestamp(), found.next_update_utc.timestamp())


def end_of_certificate(target: Target) -> float:
    """Return when the certificate that a server shows ends, in Unix seconds; raises Unreadable.

    Nothing is believed and nothing is sent: a certificate that ended is still to be told.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((target.host, target.port), timeout=ANSWER_SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=target.host) as secured,
        ):
            shown = secured.getpeercert(binary_form=True)
    except OSError as error:
        raise Unreadable(f"{target.name} at {target.host}:{target.port}: {error}") from None
    if not shown:
        raise Unreadable(f"{target.name} at {target.host}:{target.port} shows no certificate")
    try:
        return x509.load_der_x509_certificate(shown).not_valid_after_utc.timestamp()
    except ValueError as error:
        raise Unreadable(f"{target.name} at {target.host}:{target.port}: {error}") from None


class Series:
    """The series, as they were when each thing was last read: what cannot be read keeps its end, and says so."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, words: str, *labels: str) -> Gauge:
            return Gauge(f"{PREFIX}_{name}", words, labels, registry=registry)

        self.authority_end = gauge(
            "authority_end_timestamp_seconds",
            "When a CA's certificate ends.",
            "authority",
            "issuer",
            "current",
        )
        self.list_made = gauge(
            "revocation_list_made_timestamp_seconds", "When a list was made.", "authority", "issuer"
        )
        self.list_end = gauge(
            "revocation_list_end_timestamp_seconds", "When a list ends (nextUpdate).", "authority", "issuer"
        )
        self.authority_read = gauge(
            "authority_read", "Whether a CA's certificates could be read just now.", "authority"
        )
        self.list_read = gauge(
            "revocation_list_read", "Whether every list of a CA could be read just now.", "authority"
        )
        self.server_end = gauge(
            "server_certificate_end_timestamp_seconds",
            "When the certificate that a server shows ends.",
            "server",
        )
        self.server_read = gauge(
            "server_certificate_read", "Whether a server's certificate could be read just now.", "server"
        )


def look_at_authority(
    vault: Vault, series: Series, name: str, mount: str, say: Callable[[str], None]
) -> None:
    """Read a CA's generations and their lists, and tell their ends."""
    try:
        signing = vault.issuers(mount)
        certificates = {issuer: vault.certificate(mount, issuer) for issuer in signing}
    except Unreadable as missing:
        say(str(missing))
        series.authority_read.labels(name).set(0)
        series.list_read.labels(name).set(0)
        return
    # What was the signing one, or is gone, is not told under its old name for ever.
    series.authority_end.remove_by_labels({"authority": name})
    for issuer, certificate in certificates.items():
        current = "true" if signing[issuer] else "false"
        series.authority_end.labels(name, issuer, current).set(certificate.not_valid_after_utc.timestamp())
    series.authority_read.labels(name).set(1)
    _look_at_lists(vault, series, name, mount, certificates, say)


def _look_at_lists(
    vault: Vault,
    series: Series,
    name: str,
    mount: str,
    certificates: dict[str, x509.Certificate],
    say: Callable[[str], None],
) -> None:
    read: dict[str, RevocationList] = {}
    complete = True
    for issuer, certificate in certificates.items():
        try:
            read[issuer] = look_at_list(vault.revocation_list(mount, issuer), certificate)
        except Unreadable as missing:
            say(f"{name}: {missing}")
            complete = False
    if complete:
        series.list_made.remove_by_labels({"authority": name})
        series.list_end.remove_by_labels({"authority": name})
    for issuer, found in read.items():
        series.list_made.labels(name, issuer).set(found.made)
        series.list_end.labels(name, issuer).set(found.end)
    series.list_read.labels(name).set(1 if complete and read else 0)


def look_at_server(series: Series, target: Target, say: Callable[[str], None]) -> None:
    """Read the certificate that a server shows, and tell its end."""
    try:
        series.server_end.labels(target.name).set(end_of_certificate(target))
        series.server_read.labels(target.name).set(1)
    except Unreadable as missing:
        say(str(missing))
        series.server_read.labels(target.name).set(0)


class Identity:
    """The exporter's own certificate and key: `tls.crt` and `tls.key`, read anew when cert-manager renews them."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        self._read = self._content()

    def renew(self, context: ssl.SSLContext) -> None:
        """Give the server the files' new content, if there is one; half of a renewal waits for the other half."""
        content = self._content()
        if content == self._read:
            return
        try:
            # OpenSSL lets go of the key that a new certificate does not fit: tried where nothing is served.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError):
            return
        self._read = content

    def _content(self) -> tuple[bytes, bytes]:
        try:
            return self.certificate.read_bytes(), self.key.read_bytes()
        except OSError:
            return b"", b""


def _named(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE")
    return name, value


def _target(text: str) -> Target:
    name, address = _named(text)
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=HOST:PORT")
    return Target(name, host, int(port))


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vault", required=True, help="address of Vault, https://HOST:PORT")
    parser.add_argument("--vault-authorities", type=Path, help="PEM file; the machine's own when left out")
    parser.add_argument(
        "--authority", type=_named, action="append", default=[], help="NAME=MOUNT of a CA; repeatable"
    )
    parser.add_argument(
        "--server", type=_target, action="append", default=[], help="NAME=HOST:PORT of a server; repeatable"
    )
    parser.add_argument(
        "--identity", type=Path, required=True, help="folder with its own tls.crt and tls.key"
    )
    parser.add_argument("--address", default="0.0.0.0", help="address that it listens at")  # noqa: S104 - in a pod
    parser.add_argument("--port", type=int, required=True, help="port that it listens at")
    parser.add_argument("--every", type=_seconds, default=60.0, help="seconds between two looks")
    found = parser.parse_args(words)
    if not str(found.vault).startswith("https://"):
        parser.error("--vault: write an https:// address")
    return found


def main(words: Sequence[str] | None = None, stop: threading.Event | None = None) -> int:
    """Look and tell, until `stop`."""
    arguments, stop = _arguments(words), stop or threading.Event()
    registry = CollectorRegistry()
    series, vault = Series(registry), Vault(arguments.vault, arguments.vault_authorities)
    identity = Identity(arguments.identity)
    said: set[str] = set()

    def look() -> None:
        missing: set[str] = set()

        def say(line: str) -> None:
            # A trouble that stays is said once.
            missing.add(line)
            if line not in said:
                sys.stdout.write(f"{time.strftime('%FT%TZ', time.gmtime())} {line}\n")
                sys.stdout.flush()

        for name, mount in arguments.authority:
            look_at_authority(vault, series, name, mount, say)
        for target in arguments.server:
            look_at_server(series, target, say)
        said.clear()
        said.update(missing)

    server: Any
    server, thread = start_http_server(
        arguments.port,
        arguments.address,
        registry,
        certfile=str(identity.certificate),
        keyfile=str(identity.key),
        tls_min_version=ssl.TLSVersion.TLSv1_2,
    )
    try:
        while True:
            look()
            if stop.wait(arguments.every):
                return 0
            identity.renew(server.socket.context)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
