"""The exporter tells what ends, as it was read last, and says when it cannot read: over TLS, from real servers."""

import contextlib
import datetime
import http.server
import json
import shutil
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from exporters import certificates
from lab.certificates import Authority, KeyPair
from lab.ports import HOST, free_ports
from lab.waiting import wait_until

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
MOUNT = "pki-x-issuing"


@dataclass
class Ca:
    """A CA of the test's own, and its list."""

    name: str
    end: datetime.datetime
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def subject(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, self.name)])

    def certificate(self) -> bytes:
        made = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(self.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - DAY)
            .not_valid_after(self.end)
            .sign(self.key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)

    def revocations(self, end: datetime.datetime) -> bytes:
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.subject)
            .last_update(NOW - 3 * DAY)
            .next_update(end)
            .sign(self.key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)


@dataclass
class Answers:
    """What the server in Vault's place answers, by path; what is not there is a 503, as of a sealed Vault."""

    by_path: dict[str, bytes] = field(default_factory=dict)

    def of(self, *generations: tuple[Ca, datetime.datetime], current: str) -> None:
        """Answer as Vault does for these CAs with lists that end then."""
        info = {ca.name: {"is_default": ca.name == current} for ca, _ in generations}
        found = {"data": {"keys": list(info), "key_info": info}}
        self.by_path = {f"/v1/{MOUNT}/issuers?list=true": json.dumps(found).encode()}
        for ca, end in generations:
            self.by_path[f"/v1/{MOUNT}/issuer/{ca.name}/pem"] = ca.certificate()
            self.by_path[f"/v1/{MOUNT}/issuer/{ca.name}/crl/pem"] = ca.revocations(end)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls"), "Test")
    made.ensure()
    return made


@contextlib.contextmanager
def serving(pair: KeyPair, answers: Answers) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.by_path.get(self.path)
            self.send_response(503 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Bench:
    """The exporter before a server in Vault's place."""

    answers: Answers
    vault: certificates.Vault
    port: int
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.series = certificates.Series(self.registry)

    def look(self) -> None:
        certificates.look_at_authority(self.vault, self.series, "issuing", MOUNT, self.said.append)

    def value(self, name: str, **labels: str) -> float | None:
        found: float | None = self.registry.get_sample_value(f"iot_broker_{name}", labels)
        return found


@pytest.fixture
def bench(authority: Authority) -> Iterator[Bench]:
    answers = Answers()
    with serving(authority.server("vault"), answers) as port:
        vault = certificates.Vault(f"https://{HOST}:{port}", authority.certificate)
        yield Bench(answers, vault, port)


def test_each_generation_and_its_list_are_told_with_their_ends(bench: Bench) -> None:
    old, new = Ca("g1", NOW + 100 * DAY), Ca("g2", NOW + 1000 * DAY)
    bench.answers.of((old, NOW + DAY), (new, NOW + 2 * DAY), current="g2")
    bench.look()
    end = "authority_end_timestamp_seconds"
    assert bench.value(end, authority="issuing", issuer="g2", current="true") == new.end.timestamp()
    assert bench.value(end, authority="issuing", issuer="g1", current="false") == old.end.timestamp()
    for issuer, days in (("g1", 1), ("g2", 2)):
        told = bench.value("revocation_list_end_timestamp_seconds", authority="issuing", issuer=issuer)
        assert told == (NOW + days * DAY).timestamp()
    assert bench.value("revocation_list_read", authority="issuing") == 1
    assert bench.said == []


def test_a_list_that_has_lapsed_is_still_told(bench: Bench) -> None:
    """Vault goes on serving it; its age is what matters."""
    bench.answers.of((Ca("g1", NOW + 100 * DAY), NOW - DAY), current="g1")
    bench.look()
    told = bench.value("revocation_list_end_timestamp_seconds", authority="issuing", issuer="g1")
    assert told == (NOW - DAY).timestamp()


def test_what_cannot_be_read_keeps_its_end_and_says_so(bench: Bench) -> None:
    ca = Ca("g1", NOW + 100 * DAY)
    bench.answers.of((ca, NOW + DAY), current="g1")
    bench.look()
    bench.answers.by_path.clear()
    bench.look()
    assert bench.value("authority_read", authority="issuing") == 0
    assert bench.value("revocation_list_read", authority="issuing") == 0
    told = bench.value("revocation_list_end_timestamp_seconds", authority="issuing", issuer="g1")
    assert told == (NOW + DAY).timestamp()
    assert bench.said == [f"{MOUNT}/issuers?list=true: Vault answers 503"]


def test_one_list_that_is_missing_is_not_hidden_by_the_other(bench: Bench) -> None:
    bench.answers.of((Ca("g1", NOW + 9 * DAY), NOW + DAY), (Ca("g2", NOW + 9 * DAY), NOW + DAY), current="g2")
    del bench.answers.by_path[f"/v1/{MOUNT}/issuer/g1/crl/pem"]
    bench.look()
    assert bench.value("authority_read", authority="issuing") == 1
    assert bench.value("revocation_list_read", authority="issuing") == 0


def test_another_authoritys_list_is_none(bench: Bench) -> None:
    ca, other = Ca("g1", NOW + 9 * DAY), Ca("g1", NOW + 9 * DAY)
    bench.answers.of((ca, NOW + DAY), current="g1")
    bench.answers.by_path[f"/v1/{MOUNT}/issuer/g1/crl/pem"] = other.revocations(NOW + 50 * DAY)
    bench.look()
    assert bench.value("revocation_list_read", authority="issuing") == 0
    assert bench.value("revocation_list_end_timestamp_seconds", authority="issuing", issuer="g1") is None


def test_an_authority_that_signs_no_longer_is_not_told_as_the_one_that_does(bench: Bench) -> None:
    old, new = Ca("g1", NOW + 9 * DAY), Ca("g2", NOW + 99 * DAY)
    bench.answers.of((old, NOW + DAY), current="g1")
    bench.look()
    bench.answers.of((old, NOW + DAY), (new, NOW + DAY), current="g2")
    bench.look()
    end = "authority_end_timestamp_seconds"
    assert bench.value(end, authority="issuing", issuer="g1", current="true") is None
    assert bench.value(end, authority="issuing", issuer="g1", current="false") is not None


def test_a_vault_that_is_not_believed_is_not_read(bench: Bench, tmp_path: Path) -> None:
    foreign = Authority(tmp_path, "Another")
    foreign.ensure()
    bench.answers.of((Ca("g1", NOW + 9 * DAY), NOW + DAY), current="g1")
    bench.vault = certificates.Vault(f"https://{HOST}:{bench.port}", foreign.certificate)
    bench.look()
    assert bench.value("authority_read", authority="issuing") == 0


def test_the_certificate_that_a_server_shows_is_told_also_one_of_another_name(
    bench: Bench, authority: Authority
) -> None:
    shown = x509.load_pem_x509_certificate(authority.server("vault").certificate.read_bytes())
    target = certificates.Target("opa", HOST, bench.port)
    certificates.look_at_server(bench.series, target, bench.said.append)
    end = bench.value("server_certificate_end_timestamp_seconds", server="opa")
    assert end == shown.not_valid_after_utc.timestamp()
    assert bench.value("server_certificate_read", server="opa") == 1


def test_a_server_that_is_away_keeps_its_end_and_says_so(bench: Bench) -> None:
    certificates.look_at_server(bench.series, certificates.Target("opa", HOST, bench.port), bench.said.append)
    (away,) = free_ports(["away"]).values()
    certificates.look_at_server(bench.series, certificates.Target("opa", HOST, away), bench.said.append)
    assert bench.value("server_certificate_read", server="opa") == 0
    assert bench.value("server_certificate_end_timestamp_seconds", server="opa") is not None
    assert len(bench.said) == 1


def test_it_serves_its_series_over_tls_and_takes_a_renewed_certificate(
    bench: Bench, authority: Authority, tmp_path: Path
) -> None:
    bench.answers.of((Ca("g1", NOW + 9 * DAY), NOW + DAY), current="g1")
    identity = tmp_path / "identity"
    identity.mkdir()

    def put(pair: KeyPair) -> None:
        shutil.copy(pair.certificate, identity / "tls.crt")
        shutil.copy(pair.key, identity / "tls.key")

    put(authority.server("first"))
    (port,) = free_ports(["exporter"]).values()
    words = [
        f"--vault=https://{HOST}:{bench.port}",
        f"--vault-authorities={authority.certificate}",
        f"--authority=issuing={MOUNT}",
        f"--server=opa={HOST}:{bench.port}",
        f"--identity={identity}",
        f"--address={HOST}",
        f"--port={port}",
        "--every=0.1",
    ]
    stop = threading.Event()
    running = threading.Thread(target=certificates.main, args=(words, stop))
    running.start()
    try:
        wait_until(
            lambda: "iot_broker_server_certificate_read{" in scraped(port, authority), 20, "the series"
        )
        samples = {
            (sample.name, *sorted(sample.labels.items()))
            for family in text_string_to_metric_families(scraped(port, authority))
            for sample in family.samples
        }
        assert ("iot_broker_revocation_list_read", ("authority", "issuing")) in samples
        assert ("iot_broker_server_certificate_read", ("server", "opa")) in samples
        before = shown(port)
        put(authority.server("second"))
        wait_until(lambda: shown(port) != before, 20, "the renewed certificate")
    finally:
        stop.set()
        running.join()


def test_half_of_a_renewal_leaves_the_former_certificate_in_use(authority: Authority, tmp_path: Path) -> None:
    """cert-manager's two files do not come at one moment."""
    first, second = authority.server("first"), authority.server("second")
    for name, file in (("tls.crt", first.certificate), ("tls.key", first.key)):
        shutil.copy(file, tmp_path / name)
    identity, context = certificates.Identity(tmp_path), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    shutil.copy(second.certificate, tmp_path / "tls.crt")
    identity.renew(context)
    assert handshake(context, authority) == "first"
    shutil.copy(second.key, tmp_path / "tls.key")
    identity.renew(context)
    assert handshake(context, authority) == "second"


def handshake(server: ssl.SSLContext, authority: Authority) -> str:
    """Return the common name of the certificate that a client is shown."""
    client = ssl.create_default_context(cafile=str(authority.certificate))
    client.check_hostname = False
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True))
    left = list(ends)
    while left:
        for end in tuple(left):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            left.remove(end)
    found: Any = ends[0].getpeercert()
    return str(dict(pair for parts in found["subject"] for pair in parts)["commonName"])


def scraped(port: int, authority: Authority) -> str:
    try:
        answer = requests.get(f"https://{HOST}:{port}/metrics", verify=str(authority.certificate), timeout=5)
    except requests.ConnectionError:
        return ""
    return answer.text


def shown(port: int) -> str:
    return ssl.get_server_certificate((HOST, port))


@pytest.mark.parametrize(
    "words",
    [
        ["--vault=http://vault:8200", "--identity=.", "--port=1"],
        ["--vault=https://vault:8200", "--identity=.", "--port=1", "--server=opa"],
        ["--vault=https://vault:8200", "--identity=.", "--port=1", "--server=opa=host"],
        ["--vault=https://vault:8200", "--identity=.", "--port=1", "--every=0"],
    ],
    ids=str,
)
def test_a_wrong_call_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        certificates.main(words)
    assert ended.value.code == 2
