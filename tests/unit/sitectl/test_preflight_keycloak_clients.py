"""Hand edits of the clients that Keycloak made and the provider cannot own are found, each by its name."""

from typing import Any, cast

import pytest

from model import Site, load_site
from pipelines.drift import Drift, text
from pipelines.stack import Plan
from sitectl.checks import Finding
from sitectl.checks.keycloak_clients import AS_MADE, CLIENTS, finding
from sitectl.checks.web import Answer, Web
from tests.support.variants import STACKS

# As a real Keycloak 26 gives them: what is empty is left out, and the standard flow is on.
MADE: dict[str, Any] = {
    "enabled": True,
    "bearerOnly": True,
    "publicClient": False,
    "standardFlowEnabled": True,
    "implicitFlowEnabled": False,
    "directAccessGrantsEnabled": False,
    "serviceAccountsEnabled": False,
    "redirectUris": [],
    "webOrigins": [],
    "authenticationFlowBindingOverrides": {},
}


@pytest.fixture
def site() -> Site:
    return load_site(STACKS, "eagle-ford")


class Keycloak:
    """Answers a list of the clients of a name, as Keycloak does; `edits` are a hand's."""

    def __init__(self, client: str = "", edits: dict[str, Any] | None = None, status: int = 200) -> None:
        self.client = client
        self.edits = edits or {}
        self.status = status

    def get(self, path: str) -> Answer:
        """Answer for the client that the path names."""
        name = path.removeprefix("/admin/realms/eagle-ford/clients?clientId=")
        assert name in CLIENTS
        return Answer(self.status, [{**MADE, **(self.edits if name == self.client else {})}])


def look(keycloak: Keycloak, site: Site) -> Finding:
    return finding(cast(Web, keycloak), site)


def test_as_keycloak_made_them_they_pass(site: Site) -> None:
    assert look(Keycloak(), site).passed


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("key", AS_MADE)
def test_each_setting_that_a_hand_turned_is_named(client: str, key: str, site: Site) -> None:
    wanted = AS_MADE[key]
    others: dict[Any, Any] = {str: "https://x", list: ["*"], dict: {"browser": "x"}}
    turned = not wanted if isinstance(wanted, bool) else others[type(wanted)]
    found = look(Keycloak(client, {key: turned}), site)
    assert not found.passed
    assert f"{client} has {key} {turned!r}, not {wanted!r}" in found.detail


def test_what_may_not_be_looked_at_is_no_pass(site: Site) -> None:
    found = look(Keycloak(status=403), site)
    assert (found.passed, "view-clients" in found.remedy) == (False, True)


def test_drift_tells_it_although_a_refresh_sees_nothing() -> None:
    unseen = ("Keycloak's own clients: broker has bearerOnly False",)
    drift = Drift("eagle-ford", Plan("sha256:…", ()), unseen=unseen)
    assert drift.found
    assert "broker has bearerOnly False" in text([drift])
    assert not Drift("eagle-ford", Plan("sha256:…", ())).found
