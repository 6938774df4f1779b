"""Which certificates the site's real door takes: those of Vault that have neither expired nor been revoked."""

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from components import names
from lab.certificates import Authority
from lab.waiting import wait_until
from model import Site
from tests.support.front import Front, opened
from tests.support.mqtt import Certificate, Refused


def test_without_a_certificate_nobody_comes_in(front: Front) -> None:
    with pytest.raises(Refused), front.device(None):
        pass


def test_an_expired_certificate_is_refused(front: Front) -> None:
    certificate = front.enrolled("device", "pump-old", ttl="2s")
    with front.device(certificate):
        pass
    wait_until(lambda: has_expired(certificate), 30, "the certificate expires")
    with pytest.raises(Refused), front.device(certificate):
        pass


def has_expired(certificate: Certificate) -> bool:
    from cryptography import x509

    end = x509.load_pem_x509_certificate(certificate.chain.read_bytes()).not_valid_after_utc
    return datetime.datetime.now(datetime.UTC) > end + datetime.timedelta(seconds=1)


def test_a_revoked_certificate_is_refused(front: Front, site: Site) -> None:
    assert site.broker.revocation == "crl"
    with pytest.raises(Refused), front.device(front.revoke("device", "pump-lost")):
        pass


@pytest.mark.parametrize("revocation", ["none", "ocsp"])
def test_a_revoked_certificate_comes_in_where_the_site_does_not_ask(
    front: Front, site: Site, revocation: str
) -> None:
    """The control: it is the site's own choice that refuses it; stapling is about the broker's certificate."""
    certificate = front.revoke("device", f"pump-lost-{revocation}")
    broker = site.broker.model_copy(update={"revocation": revocation})
    with opened(front, site.model_copy(update={"broker": broker})) as ports:
        careless = replace(front, ports=ports)
        with careless.device(certificate) as device:
            own = f"pump-lost-{revocation}.{names.client_domain(site, 'device')}"
            assert device.publish(f"{site.name}/{own}/flow", "4.2") == "Success"


def test_a_certificate_of_another_authority_is_refused(front: Front, site: Site, tmp_path: Path) -> None:
    foreign = Authority(tmp_path, "Somebody else")
    foreign.ensure()
    pair = foreign.client("pump", f"pump-2.{names.client_domain(site, 'device')}")
    with pytest.raises(Refused), front.device(Certificate(pair.certificate, pair.key)):
        pass
