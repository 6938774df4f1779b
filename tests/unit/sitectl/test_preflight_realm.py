"""Preflight asks Keycloak itself whether a login may make a realm: its token need not say so."""

from typing import cast

import pytest

from model import Site, load_site
from sitectl.checks.keycloak import NO_REALM, rights_finding
from sitectl.checks.web import Answer, Web
from tests.support.variants import STACKS


@pytest.fixture
def site() -> Site:
    return load_site(STACKS, "eagle-ford")


class Keycloak:
    """Answers in Keycloak's place: for the site's realm, and to who would make one."""

    def __init__(self, realm: int, making: int) -> None:
        self.realm, self.making = realm, making
        self.sent: list[object] = []

    def get(self, path: str) -> Answer:
        """Answer for the site's realm."""
        assert path == "/admin/realms/eagle-ford"
        return Answer(self.realm, None)

    def post_json(self, path: str, body: object) -> Answer:
        """Answer to who would make a realm."""
        assert path == "/admin/realms"
        self.sent.append(body)
        return Answer(self.making, None)

    @property
    def web(self) -> Web:
        return cast(Web, self)


def test_a_realm_that_is_there_is_not_asked_for(site: Site) -> None:
    server = Keycloak(realm=200, making=500)
    assert rights_finding(server.web, site).passed
    assert server.sent == []


@pytest.mark.parametrize(
    ("status", "passed", "words"),
    [
        (400, True, "may be made"),
        (403, False, "lacks `create-realm`"),
        (500, False, "not known: Keycloak answers HTTP 500"),
    ],
)
def test_what_keycloak_says_to_what_is_no_realm_is_what_counts(
    site: Site, status: int, passed: bool, words: str
) -> None:
    server = Keycloak(realm=404, making=status)
    found = rights_finding(server.web, site)
    assert (found.passed, words in found.detail) == (passed, True)
    # Nothing that a realm could be made of.
    assert server.sent == [NO_REALM]
