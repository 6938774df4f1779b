"""The site's CAs are made so that they can be rotated, and their roles so that nobody gets another's name."""

import inspect
import re

import pytest
from pulumi_vault import pkisecret

from components.recording import Composition
from components.vault_access import policies
from tests.support.composing import compose


def generations(composition: Composition, *, root: int, issuing: int) -> Composition:
    pki = composition.site.pki
    changed = pki.model_copy(
        update={
            "root": pki.root.model_copy(update={"generation": root}),
            "issuing": pki.issuing.model_copy(update={"generation": issuing}),
        }
    )
    return compose(composition.site.model_copy(update={"pki": changed}))


def test_the_private_keys_never_leave_vault(composition: Composition) -> None:
    for kind in ("SecretBackendRootCert", "SecretBackendIntermediateCertRequest"):
        assert {made.inputs["type"] for made in composition.of(kind)} == {"internal"}


def test_an_engines_usual_life_is_not_longer_than_its_longest(composition: Composition) -> None:
    for mount in composition.of("Mount"):
        assert mount.inputs["defaultLeaseTtlSeconds"] <= mount.inputs["maxLeaseTtlSeconds"], mount.name


def test_each_address_in_a_certificate_names_an_engine_that_exists(composition: Composition) -> None:
    mounts = {mount.inputs["path"] for mount in composition.of("Mount")}
    for urls in composition.of("SecretBackendConfigUrls"):
        for key in ("issuingCertificates", "crlDistributionPoints", "ocspServers"):
            for address in urls.inputs[key]:
                path = address.removeprefix("https://vault.example:8200/v1/").split("/")[0]
                assert path == urls.inputs["backend"]
                assert path in mounts


def test_every_engine_writes_into_each_certificate_where_the_list_is(composition: Composition) -> None:
    """EMQX lets in a certificate that names no list, whatever the list says."""
    mounts = {mount.inputs["path"] for mount in composition.of("Mount")}
    found = {made.inputs["backend"]: made for made in composition.of("SecretBackendConfigUrls")}
    assert found.keys() == mounts
    for mount, urls in found.items():
        # PEM: EMQX 5.8 stores an empty list when it refreshes one in DER.
        base = f"https://vault.example:8200/v1/{mount}"
        assert urls.inputs["crlDistributionPoints"] == [f"{base}/issuer/{{{{issuer_id}}}}/crl/pem"]
        # What an engine issues before that has no address: its CA comes after, and the roles after the CA.
        for kind in ("SecretBackendRootCert", "SecretBackendRootSignIntermediate"):
            for made in composition.of(kind):
                assert urls.urn in made.depends_on, f"{made.name} waits for {urls.name}"


def test_no_engine_lets_its_lists_lapse(composition: Composition) -> None:
    """Vault's own choice is 72 h without renewal: then EMQX refuses every client."""
    mounts = {mount.inputs["path"] for mount in composition.of("Mount")}
    lists = {made.inputs["backend"]: made.inputs for made in composition.of("SecretBackendCrlConfig")}
    assert lists.keys() == mounts
    for said in lists.values():
        assert (said["autoRebuild"], said["disable"]) == (True, False)
        # Go's form, which Vault keeps and gives back as it was written.
        assert (said["expiry"], said["autoRebuildGracePeriod"]) == ("72h0m0s", "48h0m0s")


def test_a_list_has_every_setting_of_the_provider_so_that_an_edit_by_hand_is_put_right(
    eagle_ford: Composition,
) -> None:
    written = {key for key in eagle_ford.of("SecretBackendCrlConfig")[0].inputs if key != "namespace"}
    names = set(inspect.signature(pkisecret.SecretBackendCrlConfigArgs.__init__).parameters)
    camel = {
        re.sub(r"_(.)", lambda found: found[1].upper(), name) for name in names if not name.startswith("_")
    }
    assert written == camel - {"namespace", "self"}


def with_keys(composition: Composition, **keys: str) -> Composition:
    pki = composition.site.pki
    changed = pki.model_copy(update={"client_keys": pki.client_keys.model_copy(update=keys)})
    return compose(composition.site.model_copy(update={"pki": changed}))


@pytest.mark.parametrize(("kind", "bits"), [("ec", 256), ("rsa", 2048), ("any", 0)])
def test_a_class_may_have_the_keys_that_its_hardware_makes(
    eagle_ford: Composition, kind: str, bits: int
) -> None:
    made = with_keys(eagle_ford, gateway=kind)
    gateway = made.one("SecretBackendRole", "gateway").inputs
    assert (gateway["keyType"], gateway["keyBits"]) == (kind, bits)
    # A gateway that the data names has a role of its own, and the keys of its class.
    assert made.one("SecretBackendRole", "gateway-runge-satellite").inputs["keyType"] == kind
    for role in ("device", "service", "mirror", "server", "probe", "host-scada-karnes"):
        assert made.one("SecretBackendRole", role).inputs["keyType"] == "ec"


def test_no_role_signs_an_address_as_a_name(composition: Composition) -> None:
    """Vault's own choice takes `a@pump.devices.<domain>` as a common name; the policy server knows no such client."""
    for role in composition.of("SecretBackendRole"):
        assert role.inputs["cnValidations"] == ["hostname"]


def test_who_revokes_may_find_the_certificate_and_have_the_list_made_anew(eagle_ford: Composition) -> None:
    policy = policies(eagle_ford.site)["revoke"]
    assert re.findall(r'path "([^"]+)"', policy) == [
        f"pki-eagle-ford-issuing/{part}" for part in ("certs", "cert/*", "revoke", "crl/rotate")
    ]


def test_durations_are_told_to_vault_in_seconds(composition: Composition) -> None:
    for kind in ("SecretBackendRootCert", "SecretBackendRootSignIntermediate", "SecretBackendRole"):
        for made in composition.of(kind):
            assert made.inputs["ttl"].isdigit()


def test_the_default_issuer_is_set_by_its_id(eagle_ford: Composition) -> None:
    defaults = {
        made.inputs["backend"]: made.inputs["default"] for made in eagle_ford.of("SecretBackendConfigIssuers")
    }
    assert defaults == {
        "pki-eagle-ford-root": "root-issuer",
        "pki-eagle-ford-issuing": "issuing-issuer",
    }


def test_an_issuer_carries_its_generation(eagle_ford: Composition) -> None:
    assert eagle_ford.one("SecretBackendRootCert").inputs["issuerName"] == "root-g1"


def test_a_new_generation_stands_beside_the_old_one(eagle_ford: Composition) -> None:
    rotated = generations(eagle_ford, root=2, issuing=2)
    roots = {made.inputs["issuerName"] for made in rotated.of("SecretBackendRootCert")}
    assert roots == {"root-g1", "root-g2"}
    assert len(rotated.of("SecretBackendIntermediateSetSigned")) == 2


def test_servers_believe_all_generations(eagle_ford: Composition) -> None:
    rotated = generations(eagle_ford, root=2, issuing=2)
    assert rotated.one("ConfigMap", "site-trust").inputs["data"]["site.pem"].count("BEGIN CERTIFICATE") == 4


@pytest.mark.parametrize("client_class", ["device", "gateway", "service", "mirror"])
def test_a_client_role_gives_client_certificates_below_its_own_domain_only(
    eagle_ford: Composition, client_class: str
) -> None:
    role = eagle_ford.one("SecretBackendRole", client_class).inputs
    assert (role["clientFlag"], role["serverFlag"]) == (True, False)
    assert role["allowedDomains"] == [f"{client_class}s.eagle-ford.field.example"]
    assert (role["allowSubdomains"], role["allowBareDomains"]) == (True, False)
    assert role["allowedUriSans"] == [f"urn:iot-broker:eagle-ford:{client_class}:*"]


def test_the_server_role_gives_exactly_the_servers_names(composition: Composition) -> None:
    role = composition.one("SecretBackendRole", "server").inputs
    assert (role["clientFlag"], role["serverFlag"]) == (False, True)
    assert (role["allowSubdomains"], role["allowBareDomains"]) == (False, True)
    asked = {
        name
        for made in composition.of("Certificate")
        for name in made.spec["dnsNames"]
        if "server auth" in made.spec["usages"]
    }
    assert asked == set(role["allowedDomains"])


def test_no_role_gives_wildcards_addresses_or_any_name(composition: Composition) -> None:
    for role in composition.of("SecretBackendRole"):
        for key in (
            "allowAnyName",
            "allowGlobDomains",
            "allowIpSans",
            "allowLocalhost",
            "allowWildcardCertificates",
        ):
            assert role.inputs[key] is False, f"{role.name}: {key}"


def test_a_named_host_and_a_listed_gateway_have_a_role_for_exactly_their_name(
    eagle_ford: Composition,
) -> None:
    wanted = {
        "host-scada-karnes": "scada-karnes.services.eagle-ford.field.example",
        "gateway-runge-satellite": "runge-satellite.gateways.eagle-ford.field.example",
    }
    for name, domain in wanted.items():
        role = eagle_ford.one("SecretBackendRole", name).inputs
        assert role["allowedDomains"] == [domain]
        assert (role["allowBareDomains"], role["allowSubdomains"]) == (True, False)
        assert (role["clientFlag"], role["serverFlag"]) == (True, False)
        assert role["allowedUriSans"] == []


def test_the_sites_own_stack_writes_no_policy_and_no_login(composition: Composition) -> None:
    """What could write one would have every right that there is, whatever else is checked."""
    assert [
        made.name for kind in ("Policy", "AuthBackend", "AuthBackendRole") for made in composition.of(kind)
    ] == []


def test_cert_manager_may_ask_for_that_accounts_tokens_only(eagle_ford: Composition) -> None:
    (rule,) = eagle_ford.one("Role", "site-issuer-tokens").inputs["rules"]
    assert rule["resources"] == ["serviceaccounts/token"]
    assert rule["resourceNames"] == ["site-issuer"]
    assert rule["verbs"] == ["create"]
