"""Texts and names of people at the real Vault, Keycloak and OPA: one text stays one, and odd names read."""

from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from components import names
from lab.estate import Estate
from model import Site
from tests.support import servers
from tests.support.front import Front
from tests.support.shell import Shell

MOUNT = "pki-words"


@pytest.fixture(scope="module")
def vault(deployed: Shell, estate: Estate) -> Iterator[servers.Client]:
    """Vault with an engine of certificates beside the site's."""
    client = servers.vault_root(deployed, estate)
    assert client.ask("POST", f"/sys/mounts/{MOUNT}", {"type": "pki"}).status == 204
    yield client
    assert client.ask("DELETE", f"/sys/mounts/{MOUNT}").status == 204


def organizations(vault: servers.Client, written: str) -> list[str]:
    """The organizations in the subject of a root that Vault makes, as the stack asks for it."""
    body = {"common_name": "words", "organization": written, "key_type": "ec", "key_bits": 256, "ttl": "1h"}
    made = vault.ask("POST", f"/{MOUNT}/root/generate/internal", body)
    assert made.status == 200, made.text
    subject = x509.load_pem_x509_certificate(made.json["data"]["certificate"].encode()).subject
    return [str(found.value) for found in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]


@pytest.mark.parametrize(
    "written", ["Eagle Ford", 'O=x+CN="y"', "Öl & Gas; Söhne", "漢字 \\ / {{ x }}", "${x} 'a' #b", "x" * 64]
)
def test_an_organization_that_is_taken_is_one(vault: servers.Client, written: str) -> None:
    assert organizations(vault, written) == [written]


def test_a_comma_would_make_several(vault: servers.Client) -> None:
    assert sorted(organizations(vault, "Karnes, Runge, Falls City")) == ["Falls City", "Karnes", "Runge"]


@pytest.mark.parametrize("name", ["jane+iot@example.com", "josé", "-çelik@öl.example"])
def test_a_person_reads_whatever_name_keycloak_takes(
    deployed: Shell, front: Front, site: Site, name: str
) -> None:
    pump = f"pump-15.{names.client_domain(site, 'device')}"
    with (
        servers.signed_in(deployed, site, name) as access,
        front.person(name, access) as person,
        front.device(front.enrolled("device", "pump-15")) as device,
    ):
        assert servers.claims(access)["preferred_username"] == name
        assert person.subscribe(f"{site.name}/#") == "Granted QoS 1"
        assert device.publish(f"{site.name}/{pump}/flow", "4.2") == "Success"
        assert person.next() == (f"{site.name}/{pump}/flow", "4.2")


@pytest.mark.parametrize(
    "name", ["o'brien", "jane doe", "o`brien", "a{b}", "${x}", 'x"y', "a/b", "a\\b", "a#b", "a<b"]
)
def test_keycloak_makes_no_person_of_a_name_that_other_languages_read_otherwise(
    deployed: Shell, site: Site, name: str
) -> None:
    """The other side of the test above: which names a policy never meets, as Keycloak has them refused by default."""
    made = servers.keycloak(deployed).ask("POST", f"/{site.name}/users", {"username": name, "enabled": True})
    assert (made.status, made.json["errorMessage"]) == (400, "error-username-invalid-character")
