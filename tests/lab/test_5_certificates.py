"""The site's CAs, lists and certificates at the real Vault: what is issued, what lapses, what is renewed, and told."""

import datetime
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from components import names
from components.certificate_exporter import PROGRAM
from components.issuing_roles import IssuingRole, issuing_roles
from lab.certificates import Authority
from lab.child import Child, listens
from lab.estate import Estate
from lab.ports import HOST, free_ports
from lab.waiting import wait_until
from model import Site
from tests.support import servers
from tests.support.front import Front, fetch_list
from tests.support.mqtt import Refused
from tests.support.shell import Shell

# Vault looks after its lists once a minute.
LOOKS_AFTER = 150.0
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Pki:
    """Vault's issuing CA of the deployed site, with every right."""

    root: servers.Client
    site: Site

    @property
    def mount(self) -> str:
        return f"/pki-{self.site.name}-issuing"

    def configure(self, **settings: object) -> None:
        """Change how lists are made, by hand, and make one."""
        assert self.root.ask("POST", f"{self.mount}/config/crl", settings).status == 200
        self.root.get(f"{self.mount}/crl/rotate")

    def revocations(self) -> x509.CertificateRevocationList:
        """Return the list as Vault serves it to everybody."""
        return x509.load_pem_x509_crl(self.root.ask("GET", f"{self.mount}/crl/pem").text.encode())

    def issue(self, role: str, name: str) -> Any:
        return self.root.ask("POST", f"{self.mount}/issue/{role}", {"common_name": name, "ttl": "1h"})

    def sign(self, role: str, name: str, key: Key) -> Any:
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .sign(key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )
        body = {"csr": request.decode(), "common_name": name, "ttl": "1h"}
        return self.root.ask("POST", f"{self.mount}/sign/{role}", body)


@pytest.fixture
def pki(deployed: Shell, estate: Estate, site: Site) -> Pki:
    """The site's issuing CA."""
    return Pki(servers.vault_root(deployed, estate), site)


@pytest.fixture
def put_right(deployed: Shell, site: Site) -> Iterator[None]:
    """What a test changed by hand is put right as anybody would do it."""
    yield
    refreshed(deployed, site)


def refreshed(deployed: Shell, site: Site) -> None:
    deployed.pulumi("up", "--refresh", "--yes", "--skip-preview", "--stack", site.name)


def name_of(role: IssuingRole) -> str:
    return role.domains[0] if role.exact else f"x.{role.domains[0]}"


def lists_of(certificate: x509.Certificate) -> list[str]:
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    return [str(name.value) for point in points for name in point.full_name or ()]


def test_every_certificate_that_vault_issues_names_a_list_that_is_there(pki: Pki, site: Site) -> None:
    """EMQX lets in a certificate that names none."""
    key = ec.generate_private_key(ec.SECP256R1())
    for role in issuing_roles(site):
        for reply in (pki.issue(role.name, name_of(role)), pki.sign(role.name, name_of(role), key)):
            assert reply.status == 200, (role.name, reply.text)
            certificate = x509.load_pem_x509_certificate(reply.json["data"]["certificate"].encode())
            (address,) = lists_of(certificate)
            assert address.endswith("/crl/pem"), role.name
            found = x509.load_pem_x509_crl(
                pki.root.ask("GET", urlsplit(address).path.removeprefix("/v1")).text.encode()
            )
            assert found.issuer == certificate.issuer
    (issuing,) = [
        x509.load_pem_x509_certificate(
            pki.root.get(f"{pki.mount}/issuer/default")["data"]["certificate"].encode()
        )
    ]
    (address,) = lists_of(issuing)
    assert f"/pki-{site.name}-root/" in address


def test_a_second_up_changes_nothing_of_the_lists(deployed: Shell, site: Site, pki: Pki) -> None:
    said = pki.root.get(f"{pki.mount}/config/crl")["data"]
    assert (said["auto_rebuild"], said["expiry"], said["auto_rebuild_grace_period"]) == (
        True,
        "72h0m0s",
        "48h0m0s",
    )
    assert [step for step in deployed.preview(site.name, "--refresh") if "crlConfig" in step.type_token] == []


@pytest.mark.usefixtures("put_right")
def test_a_list_that_lapses_locks_everybody_out_and_is_renewed_by_the_kits_settings(
    front: Front, deployed: Shell, site: Site, pki: Pki
) -> None:
    certificate = front.enrolled("device", "pump-lapse")
    pki.configure(auto_rebuild=False, expiry="20s")
    fetch_list(pki.root, site, front.revoked)
    with front.device(certificate):
        pass
    end = pki.revocations().next_update_utc
    assert end is not None
    wait_until(lambda: datetime.datetime.now(datetime.UTC) > end, 60, "the list's end")
    # Vault goes on serving it as it is.
    assert pki.revocations().next_update_utc == end
    fetch_list(pki.root, site, front.revoked)
    with pytest.raises(Refused), front.device(certificate):
        pass
    refreshed(deployed, site)
    wait_until(lambda: fresh(pki), LOOKS_AFTER, "Vault's next list")
    fetch_list(pki.root, site, front.revoked)
    with front.device(certificate):
        pass


def fresh(pki: Pki) -> bool:
    end = pki.revocations().next_update_utc
    return end is not None and end > datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)


@pytest.mark.usefixtures("put_right")
def test_vault_renews_a_list_by_itself_before_it_ends(pki: Pki) -> None:
    pki.configure(auto_rebuild=True, expiry="4m", auto_rebuild_grace_period="3m30s")
    first = pki.revocations()
    assert first.next_update_utc is not None
    wait_until(
        lambda: pki.revocations().last_update_utc > first.last_update_utc, LOOKS_AFTER, "the next list"
    )
    assert datetime.datetime.now(datetime.UTC) < first.next_update_utc


def test_a_stolen_device_is_out_when_the_list_is_rebuilt_and_its_session_is_ended(
    front: Front, site: Site, pki: Pki
) -> None:
    """The runbook's order: revoked alone it is on no list, and a session that stands goes on."""
    name = names.client_name(site, "device", "pump-stolen")
    certificate, serial = front.issued("device", name, "1h")
    fetch_list(pki.root, site, front.revoked)
    with front.device(certificate) as stolen:
        assert pki.root.ask("POST", f"{pki.mount}/revoke", {"serial_number": serial}).status == 200
        number = int(serial.replace(":", ""), 16)
        # Lists are made by the day, and not when something is revoked.
        assert pki.revocations().get_revoked_certificate_by_serial_number(number) is None
        pki.root.get(f"{pki.mount}/crl/rotate")
        assert pki.revocations().get_revoked_certificate_by_serial_number(number) is not None
        fetch_list(pki.root, site, front.revoked)
        # The handshake alone is looked at: the session that stands goes on.
        assert stolen.publish(f"{site.name}/{name}/flow", "4.2") == "Success"
    with pytest.raises(Refused), front.device(certificate):
        pass


def test_a_gateway_with_rsa_keys_gets_a_certificate_where_the_data_says_so(
    deployed: Shell, stacks: Path, site: Site, pki: Pki
) -> None:
    key, name = rsa.generate_private_key(65537, 2048), f"gw-rsa.gateways.{site.domain}"
    refused = pki.sign("gateway", name, key)
    assert (refused.status, "role requires keys of type ec" in refused.text) == (400, True)
    file = stacks / "sites" / f"{site.name}.yaml"
    text = file.read_text()
    try:
        file.write_text(text.replace("pki:\n", "pki:\n  client_keys:\n    gateway: any\n", 1))
        changed = {
            (step.operation, step.type_token.rsplit(":", 1)[-1]) for step in deployed.preview(site.name)
        }
        assert changed == {("update", "SecretBackendRole")}
        deployed.up(site.name)
        signed = pki.sign("gateway", name, key)
        assert signed.status == 200, signed.text
        ours = pki.sign("gateway", name, ec.generate_private_key(ec.SECP256R1()))
        assert ours.status == 200, ours.text
    finally:
        file.write_text(text)
        deployed.up(site.name)


@pytest.mark.parametrize("kind", ["root", "issuing"])
def test_preflight_finds_a_ca_that_ends_before_what_it_may_sign(
    deployed: Shell, stacks: Path, site: Site, kind: str
) -> None:
    file = stacks / "sites" / f"{site.name}.yaml"
    text = file.read_text()
    # The data ask for more than the CAs that are there can give.
    asked = {
        "root": (("  root:\n", "    lifetime: 4000d\n"), ("  issuing:\n", "    lifetime: 3650d\n")),
        "issuing": (
            ("  issuing:\n", "    lifetime: 1200d\n"),
            ("pki:\n", "  device_certificates: {maximum: 1100d}\n"),
        ),
    }
    assert findings(deployed, site) == []
    try:
        edited = text
        for key, more in asked[kind]:
            edited = edited.replace(key, key + more, 1)
        file.write_text(edited)
        (found,) = findings(deployed, site)
        assert found["what"] == f"the {kind} CA"
        assert "before the longest certificate that it may sign" in found["detail"]
        assert f"`pki.{kind}.generation: 2`" in found["remedy"]
    finally:
        file.write_text(text)


def findings(shell: Shell, site: Site) -> list[dict[str, str]]:
    found = json.loads(shell.run("sitectl", "preflight", site.name, "--json", check=False).out)["findings"]
    return [entry for entry in found if entry["what"].endswith(" CA") and not entry["passed"]]


@pytest.fixture
def exporter(deployed: Shell, estate: Estate, site: Site, tmp_path: Path) -> Iterator[servers.Client]:
    """Prometheus, which scrapes the exporter before the lab's Vault and OPA as a site's would."""
    identity = tmp_path / "identity"
    identity.mkdir()
    authority = Authority(tmp_path / "tls", "Exporter")
    authority.ensure()
    pair = authority.server("exporter")
    (identity / "tls.crt").write_bytes(pair.certificate.read_bytes())
    (identity / "tls.key").write_bytes(pair.key.read_bytes())
    (port,) = free_ports(["exporter"]).values()
    opa = urlsplit(deployed.environment["OPA_URL"])
    command = (
        sys.executable,
        PROGRAM,
        f"--vault={deployed.environment['VAULT_ADDR']}",
        f"--vault-authorities={deployed.authority}",
        f"--authority=root=pki-{site.name}-root",
        f"--authority=issuing=pki-{site.name}-issuing",
        f"--server=opa={opa.hostname}:{opa.port}",
        f"--identity={identity}",
        f"--address={HOST}",
        f"--port={port}",
        "--every=5",
    )
    job = {
        "job_name": "certificate-exporter",
        "scheme": "https",
        "scrape_interval": "5s",
        "tls_config": {"ca_file": str(authority.certificate)},
        "static_configs": [{"targets": [f"{HOST}:{port}"], "labels": {"namespace": site.namespace}}],
    }
    prometheus = servers.prometheus(deployed)
    reload = prometheus.address.removesuffix("/api/v1") + "/-/reload"
    file = estate.state / "prometheus" / "scrapes" / "exporter.json"
    with Child(command, tmp_path, lambda: listens(port), start_seconds=30):
        file.write_text(json.dumps({"scrape_configs": [job]}))
        try:
            assert prometheus.ask("POST", reload).status == 200
            yield prometheus
        finally:
            file.unlink()
            prometheus.ask("POST", reload)


@pytest.mark.usefixtures("put_right")
def test_a_list_that_is_not_renewed_rises_in_prometheus_and_goes_when_it_is(
    exporter: servers.Client, deployed: Shell, site: Site, pki: Pki
) -> None:
    chosen = f'{{namespace="{site.namespace}",job="certificate-exporter"}}'
    wait_until(lambda: value(exporter, f"up{chosen}") == 1, 60, "the exporter's first scrape")
    for series in (
        "iot_broker_authority_end_timestamp_seconds",
        "iot_broker_server_certificate_end_timestamp_seconds",
    ):
        wait_until(lambda series=series: value(exporter, f"min({series}{chosen}) - time()") > 0, 60, series)  # type: ignore[misc]
    ends = f'min(iot_broker_revocation_list_end_timestamp_seconds{{authority="issuing",{chosen[1:]}) - time()'
    wait_until(lambda: value(exporter, ends) > 24 * 3600, 60, "the list's end")
    pki.configure(auto_rebuild=False, expiry="10m")
    wait_until(lambda: 0 < value(exporter, ends) < 700, 60, "the shorter list")
    for alert in ("RevocationListNotRenewed", "RevocationListExpires"):
        wait_until(lambda alert=alert: raised(exporter, alert), 120, alert)  # type: ignore[misc]
    refreshed(deployed, site)
    pki.root.get(f"{pki.mount}/crl/rotate")
    wait_until(lambda: not raised(exporter, "RevocationListExpires"), 120, "the end of the alert")


def raised(prometheus: servers.Client, alert: str) -> bool:
    return value(prometheus, f'count(ALERTS{{alertname="{alert}",authority="issuing"}})') > 0


def value(prometheus: servers.Client, query: str) -> float:
    """Return the one value of a query; 0 where it has none."""
    found = prometheus.ask("POST", "/query", form={"query": query}).json["data"]["result"]
    return float(found[0]["value"][1]) if found else 0.0


NAMES = (
    *(
        "pump",
        "1",
        "PUMP",
        "a.b",
        "a.b.c",
        "xn--bro-hoa",
        "büro",
        "泵",
        "\uff21",
        "a。b",
        "x" * 40,
        "a-b",
        "a--b",
        "é\u0301",
    ),
    *(
        "a_b",
        "-a",
        "a-",
        "a@b",
        "*",
        "a*b",
        "a b",
        "a+b",
        "#",
        "a/b",
        "a..b",
        ".a",
        "a\n",
        "",
        "a$",
        "$SYS",
        "a,b",
    ),
)


def test_vault_signs_no_name_that_the_policy_then_denies(deployed: Shell, site: Site, pki: Pki) -> None:
    """Each name that Vault signs may publish below itself."""
    opa = servers.Client(deployed.environment["OPA_URL"], str(deployed.authority))
    signed: list[str] = []
    refused: list[str] = []
    for label in NAMES:
        name = names.client_name(site, "device", label)
        reply = pki.issue("device", name)
        (signed if reply.status == 200 else refused).append(label)
        if reply.status == 200:
            assert decision(opa, site, name) == "allow", label
    assert {"pump", "a.b", "PUMP", "büro"} <= set(signed)
    assert {"a@b", "*", "a+b", "#", "a/b", "a\n"} <= set(refused)


def decision(opa: servers.Client, site: Site, name: str) -> str:
    question = {
        "site": site.name,
        "username": name,
        "clientid": name,
        "topic": f"{site.name}/{name}/flow",
        "action": "publish",
        "qos": "1",
        "retain": "false",
        "peerhost": "127.0.0.1",
        "cert_common_name": name,
    }
    return str(opa.ask("POST", "/v0/data/iot/mqtt/decision", question).json["result"])
