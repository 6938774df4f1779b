"""What is not wrong yet is told: a revoked client that is let in, a door for nobody."""

from datetime import date
from typing import Any

import pytest

from model import Site, load_site, site_names
from model.promotion.chain import Chain
from model.warnings import warnings_of
from tests.unit.model.bad_sites import STACKS

TODAY = date(2026, 11, 25)


def told(site: Site) -> str:
    return "\n".join(warnings_of(site, Chain(site.name, ()), TODAY))


def with_broker(**changes: Any) -> Site:
    site = load_site(STACKS, "eagle-ford")
    return site.model_copy(update={"broker": site.broker.model_copy(update=changes)})


@pytest.mark.parametrize("name", site_names(STACKS))
def test_every_sample_site_says_how_it_stands_to_revoked_clients(name: str) -> None:
    assert "revoked" not in told(load_site(STACKS, name))


@pytest.mark.parametrize("revocation", ["none", "ocsp"])
def test_a_revoked_client_that_comes_in_is_told_unless_data_says_why(revocation: str) -> None:
    words = told(with_broker(revocation=revocation))
    assert f"is let in (`broker.revocation` is `{revocation}`): choose `crl`" in words
    reason = "Vault is ashore"
    assert "revoked" not in told(with_broker(revocation=revocation, revocation_reason=reason))


def test_a_door_for_gateways_that_are_not_there_is_told() -> None:
    site = load_site(STACKS, "eagle-ford")
    assert "gateways with tokens" not in told(site)
    nobody = site.identity.model_copy(update={"gateways": ()})
    assert "list them under `identity.gateways`" in told(site.model_copy(update={"identity": nobody}))
