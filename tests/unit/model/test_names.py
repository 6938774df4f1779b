"""Names that another program has already, and names that no certificate takes: refused, and right up to the limit."""

from pathlib import Path

import pytest

from components import names
from components.recording import Composition
from model import Site, SiteErrors, load_site
from model.rules import RULES
from model.rules.names import (
    LONGEST_COMMON_NAME,
    LONGEST_DOMAIN,
    LONGEST_SITE,
    OWN_ACCOUNTS,
    OWN_ISSUERS,
    OWN_SECRETS,
    PROBE,
)
from tests.support.any_site import broken
from tests.support.composing import compose
from tests.unit.model.bad_sites import STACKS, copy_of_stacks

FIELD = load_site(STACKS, "eagle-ford")


def called(folder: Path, name: str) -> Site:
    """Load the sample site under another name."""
    stacks = copy_of_stacks(folder)
    text = (stacks / "sites" / "eagle-ford.yaml").read_text()
    (stacks / "sites" / f"{name}.yaml").write_text(text.replace("name: eagle-ford\n", f"name: {name}\n"))
    return load_site(stacks, name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("master", "`master` is Keycloak's own realm"),
        ("ot", "`ot` is the first level of the OT mirror's topics"),
        ("a" * (LONGEST_SITE + 1), "is too long"),
    ],
)
def test_a_site_is_not_called_so(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(SiteErrors) as refused:
        called(tmp_path, name)
    assert words in str(refused.value)


def longest() -> Site:
    """A site with the longest name and domain that are taken."""
    domain = f"{'d' * (LONGEST_DOMAIN - len('.field.example'))}.field.example"
    site = FIELD.model_copy(update={"name": "s" * LONGEST_SITE, "domain": domain})
    assert broken(site, [rule for rule in RULES if rule.needs <= {"name", "domain"}]) == []
    return site


def common_names(composition: Composition) -> list[str]:
    return [made.spec["commonName"] for made in composition.of("Certificate")]


@pytest.mark.parametrize("edition", ["opensource", "enterprise"])
def test_the_longest_names_that_are_taken_fit_their_certificates(edition: str) -> None:
    site = longest()
    site = site.model_copy(update={"broker": site.broker.model_copy(update={"edition": edition})})
    found = common_names(compose(site))
    assert found
    assert max(map(len, found)) <= LONGEST_COMMON_NAME


def test_a_longer_name_of_a_site_would_not_fit() -> None:
    site = longest()
    found = common_names(compose(site.model_copy(update={"name": site.name + "s"})))
    assert max(map(len, found)) > LONGEST_COMMON_NAME


def test_the_domain_leaves_room_for_the_kits_own_client_and_some_more() -> None:
    assert len(names.probe_name(longest())) < LONGEST_COMMON_NAME


def test_what_is_reserved_is_what_the_kit_makes() -> None:
    assert names.BROKER_PROBE == PROBE
    assert {names.BROKER_PROBE, names.BROKER_PROBE_STRANGER} == set(OWN_ISSUERS)
    assert {names.CERTIFICATE_EXPORTER} == set(OWN_ACCOUNTS)
    for name in ("eagle-ford", "north-cormorant"):
        composition = compose(load_site(STACKS, name))
        secrets = {made.spec["secretName"] for made in composition.of("Certificate")}
        secrets |= {
            made.metadata["name"]
            for made in composition.of("ExternalSecret")
            if made.metadata["namespace"] == composition.site.namespace
        }
        assert {secret for secret in secrets if not secret.startswith("sink-")} <= set(OWN_SECRETS)
