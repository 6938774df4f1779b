"""What is left of a site's CAs in Vault goes back into the state where its chain is whole, and makes room where not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from components.recording import OFFLINE
from components.vault_names import issuing_mount, root_mount
from model import Site
from sitectl.checks.web import Answer
from sitectl.recovery import mending
from sitectl.recovery.authorities import (
    REQUEST,
    REQUEST_IS_LOST,
    ROOT,
    SIGNED,
    TAKEN_IN,
    Authorities,
    Leftover,
)
from sitectl.recovery.vault import Vault
from sitectl.recovery.wanted import Wanted, of_site
from tests.unit.components.conftest import composed

_NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Authority:
    """A CA of the test's own: PEM text as Vault gives it, with a line feed at its end."""

    def __init__(self, name: str, above: "Authority | None" = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        signer = above or self
        made = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(signer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_NOW)
            .not_valid_after(_NOW + timedelta(days=3650))
            .sign(signer.key, hashes.SHA256())
        )
        self.pem = made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def site() -> Site:
    return composed("eagle-ford").site


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority("Eagle Ford Root")


@pytest.fixture(scope="module")
def issuing(root: Authority) -> Authority:
    return Authority("Eagle Ford Issuing", root)


@pytest.fixture(scope="module")
def everything(site: Site) -> dict[str, Wanted]:
    return of_site(site, OFFLINE)


class Server:
    """Vault's answers about two engines: their keys by name, and their certificates."""

    def __init__(self, site: Site) -> None:
        self.root, self.issuing = root_mount(site), issuing_mount(site)
        self.answers: dict[str, dict[str, Any]] = {}

    def key(self, mount: str, name: str, identity: str) -> None:
        keys = self.answers.setdefault(f"{mount}/keys?list=true", {"key_info": {}})
        keys["key_info"][identity] = {"key_name": name}

    def issuer(self, mount: str, identity: str, key: str, certificate: str, name: str = "") -> None:
        self.answers.setdefault(f"{mount}/issuers?list=true", {"keys": []})["keys"].append(identity)
        issuer = {"issuer_id": identity, "key_id": key, "certificate": certificate}
        self.answers[f"{mount}/issuer/{identity}"] = issuer
        if name:
            self.answers[f"{mount}/issuer/{name}"] = issuer

    def whole(self, root: Authority, issuing: Authority) -> None:
        self.key(self.root, "root-g1", "root-key")
        self.issuer(self.root, "root-1", "root-key", root.pem, "root-g1")
        self.key(self.issuing, "issuing-g1", "issuing-key")
        self.issuer(self.issuing, "issuing-1", "issuing-key", issuing.pem)


def chain(everything: dict[str, Wanted], *kinds: str) -> tuple[Wanted, ...]:
    """Return the CAs' resources of these types, in their order."""
    return tuple(one for kind in kinds for one in everything.values() if one.made.type == kind)


def entry(one: Wanted, **outputs: Any) -> dict[str, dict[str, Any]]:
    return {one.urn: {"type": one.made.type, "outputs": {**one.inputs, **outputs}}}


def test_a_whole_chain_goes_back_into_the_state(
    everything: dict[str, Wanted], site: Site, root: Authority, issuing: Authority
) -> None:
    """The request's text is lost, and is the same in the request and in the signature: no replacement follows."""
    server = Server(site)
    server.whole(root, issuing)
    missing = chain(everything, ROOT, REQUEST, SIGNED, TAKEN_IN)
    found, keys = Authorities(server.answers.get, {}, missing[1:] + missing[:1]).look()
    assert [one.made.type for one in missing if one.urn in found] == [ROOT, REQUEST, SIGNED, TAKEN_IN]
    assert keys == {}
    _, request, signed, taken = (found[one.urn].outputs for one in missing)
    assert (request["csr"], signed["csr"], request["keyId"]) == (
        REQUEST_IS_LOST,
        REQUEST_IS_LOST,
        "issuing-key",
    )
    assert signed["issuerRef"] == "root-1"
    assert signed["certificate"] == taken["certificate"] == issuing.pem.strip()
    assert signed["certificateBundle"] == f"{issuing.pem.strip()}\n{root.pem.strip()}"
    assert taken["importedIssuers"] == ["issuing-1"]


def test_placeholders_of_the_program_do_not_reach_the_state(
    everything: dict[str, Wanted], site: Site, root: Authority, issuing: Authority
) -> None:
    server = Server(site)
    server.whole(root, issuing)
    missing = chain(everything, ROOT, REQUEST, SIGNED, TAKEN_IN)
    found, _ = Authorities(server.answers.get, {}, missing).look()
    signed = next(one for one in missing if one.made.type == SIGNED)
    ids = {signed.provider: "of-the-provider", signed.parent: ""}
    written = mending._entry(signed, found[signed.urn], None, ids)
    assert written["inputs"]["csr"] == written["outputs"]["csr"] == REQUEST_IS_LOST
    assert written["inputs"]["issuerRef"] == "root-1"


def test_a_signature_is_found_for_a_request_that_the_state_has(
    everything: dict[str, Wanted], site: Site, root: Authority, issuing: Authority
) -> None:
    server = Server(site)
    server.whole(root, issuing)
    (above,), (request,) = chain(everything, ROOT), chain(everything, REQUEST)
    known = entry(above, certificate=root.pem, issuerId="root-1") | entry(
        request, csr="CSR", keyId="issuing-key"
    )
    missing = chain(everything, SIGNED, TAKEN_IN)
    found, keys = Authorities(server.answers.get, known, missing).look()
    assert [found[one.urn].outputs.get("csr") for one in missing] == ["CSR", None]
    assert keys == {}


def test_a_certificate_of_a_known_request_whose_root_is_gone_goes_without_its_key(
    everything: dict[str, Wanted], site: Site, issuing: Authority
) -> None:
    server = Server(site)
    server.key(server.issuing, "issuing-g1", "issuing-key")
    server.issuer(server.issuing, "issuing-1", "issuing-key", issuing.pem)
    (request,) = chain(everything, REQUEST)
    known = entry(request, csr="CSR", keyId="issuing-key")
    found, keys = Authorities(server.answers.get, known, chain(everything, ROOT, SIGNED, TAKEN_IN)).look()
    assert (found, list(keys.values())) == (
        {},
        [Leftover(server.issuing, "issuing-g1", None, ("issuing-1",))],
    )


@pytest.mark.parametrize("which", ["another root", "no root"])
def test_a_certificate_whose_root_is_gone_makes_room(
    everything: dict[str, Wanted], site: Site, issuing: Authority, which: str
) -> None:
    server = Server(site)
    server.key(server.root, "root-g1", "root-key")
    server.key(server.issuing, "issuing-g1", "issuing-key")
    server.issuer(server.issuing, "issuing-1", "issuing-key", issuing.pem)
    if which == "another root":
        server.issuer(server.root, "root-2", "root-key", Authority("Eagle Ford Root").pem, "root-g1")
    missing = chain(everything, ROOT, REQUEST, SIGNED, TAKEN_IN)
    found, keys = Authorities(server.answers.get, {}, missing).look()
    assert {one.made.type for one in missing if one.urn in found} <= {ROOT}
    lost = Leftover(server.issuing, "issuing-g1", "issuing-key", ("issuing-1",))
    alone = [Leftover(server.root, "root-g1", "root-key")] if which == "no root" else []
    assert list(keys.values()) == [*alone, lost]
    assert lost.paths == (
        f"{server.issuing}/issuer/issuing-1",
        f"{server.issuing}/key/issuing-key",
    )


def test_words_say_what_goes() -> None:
    words = [
        Leftover("pki", "g1", key, issuers).words
        for key, issuers in (("k", ()), ("k", ("i",)), (None, ("i",)))
    ]
    assert words == [
        "the key g1 of pki, which has no certificate",
        "the key g1 of pki and its certificate, whose root is gone",
        "the certificate of the key g1 of pki, whose root is gone",
    ]


def test_a_key_without_a_certificate_makes_room(everything: dict[str, Wanted], site: Site) -> None:
    server = Server(site)
    server.key(server.issuing, "issuing-g1", "issuing-key")
    server.key(server.issuing, "issuing-g2", "another-key")
    found, keys = Authorities(server.answers.get, {}, chain(everything, REQUEST, SIGNED, TAKEN_IN)).look()
    assert (found, list(keys.values())) == ({}, [Leftover(server.issuing, "issuing-g1", "issuing-key")])


def test_a_certificate_that_the_state_says_was_signed_is_found(
    everything: dict[str, Wanted], site: Site, root: Authority, issuing: Authority
) -> None:
    server = Server(site)
    server.whole(root, issuing)
    (signed,), missing = chain(everything, SIGNED), chain(everything, TAKEN_IN)
    known = entry(signed, certificate=issuing.pem.strip())
    found, _ = Authorities(server.answers.get, known, missing).look()
    assert found[missing[0].urn].outputs["importedIssuers"] == ["issuing-1"]
    other = entry(signed, certificate=root.pem)
    assert Authorities(server.answers.get, other, missing).look() == ({}, {})


@pytest.mark.parametrize("is_there", [True, False])
def test_a_root_that_vault_no_longer_has_is_lost_before_its_key_is_looked_for(
    everything: dict[str, Wanted], site: Site, root: Authority, is_there: bool
) -> None:
    """A destruction that is killed while it deletes the root leaves it in the state, and its key in Vault."""
    server = Server(site)
    server.answers["sys/mounts"] = {f"{server.root}/": {}, f"{server.issuing}/": {}}
    if is_there:
        server.issuer(server.root, "root-1", "root-key", root.pem)

    class Asked(Vault):
        def _data(self, path: str) -> dict[str, Any] | None:
            return server.answers.get(path)

    (above,), (signed,) = chain(everything, ROOT), chain(everything, SIGNED)
    known = {
        one.urn: {"type": one.made.type, "id": identity, "inputs": dict(one.inputs)}
        for one, identity in ((above, f"{server.root}/issuer/root-1"), (signed, "made-up"))
    }
    web: Any = None
    assert Asked(web).lost(known) == ([] if is_there else [above.urn])


def test_a_certificate_of_an_old_root_stays_beside_a_new_one(
    everything: dict[str, Wanted], site: Site, root: Authority, issuing: Authority
) -> None:
    server = Server(site)
    server.issuer(server.root, "root-2", "another-key", Authority("Eagle Ford Root g2").pem, "root-g2")
    server.whole(root, issuing)
    missing = chain(everything, REQUEST, SIGNED, TAKEN_IN)
    found, left = Authorities(server.answers.get, {}, missing).look()
    assert (len(found), left) == (3, {})
    assert found[missing[1].urn].outputs["issuerRef"] == "root-1"


def test_a_request_is_read_off_the_signature_that_the_state_has(
    everything: dict[str, Wanted], site: Site, issuing: Authority
) -> None:
    """Also where the root is gone: what the state still counts on is not in the way."""
    server = Server(site)
    server.key(server.issuing, "issuing-g1", "issuing-key")
    server.issuer(server.issuing, "issuing-1", "issuing-key", issuing.pem)
    (request,), (signed,) = chain(everything, REQUEST), chain(everything, SIGNED)
    known = {signed.urn: {"type": SIGNED, "outputs": {"csr": "CSR"}, "dependencies": [request.urn]}}
    found, left = Authorities(server.answers.get, known, (request,)).look()
    assert ([there.outputs["csr"] for there in found.values()], left) == (["CSR"], {})


@pytest.mark.parametrize(
    ("key", "paths"), [("key-1", ["/v1/pki/issuer/a", "/v1/pki/key/key-1"]), (None, ["/v1/pki/issuer/a"])]
)
def test_what_is_in_the_way_is_deleted_by_its_own_paths(key: str | None, paths: list[str]) -> None:
    asked = []

    class Answering:
        def ask(self, method: str, path: str) -> Answer:
            asked.append((method, path))
            return Answer(204, None)

    web: Any = Answering()
    Vault(web).delete(Leftover("pki", "g1", key, ("a",)))
    assert asked == [("DELETE", path) for path in paths]
