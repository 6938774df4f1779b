"""A bootstrap that is behind its data is found by who may read no policy: by a mark among its own capabilities."""

from typing import Any, cast

import pytest

from components.recording import compose_bootstrap
from components.vault_access import mark, policies
from model import Site, load_site
from sitectl.checks.bootstrap import finding
from sitectl.checks.web import Answer, Web
from tests.support.variants import STACKS


@pytest.fixture
def site() -> Site:
    return load_site(STACKS, "eagle-ford")


class Vault:
    """Answers, as Vault does, with what a policy's text gives on exactly the path that is asked for."""

    def __init__(self, policy: str, status: int = 200) -> None:
        self.policy = policy
        self.status = status

    def post_json(self, path: str, body: dict[str, Any]) -> Answer:
        """Answer what the holder may do at each path."""
        assert path == "/v1/sys/capabilities-self"
        if self.policy == "root":
            return Answer(200, {"data": {name: ["root"] for name in body["paths"]}})
        given = {name: ["read"] if f'path "{name}" {{' in self.policy else ["deny"] for name in body["paths"]}
        return Answer(self.status, {"data": given})


def look(policy: str, site: Site, status: int = 200) -> tuple[bool, str]:
    found = finding(cast(Web, Vault(policy, status)), site)
    return found.passed, found.detail if found.passed else f"{found.detail}\n{found.remedy}"


def changed(site: Site, **identity: Any) -> Site:
    return site.model_copy(update={"identity": site.identity.model_copy(update=identity)})


@pytest.mark.parametrize("identity", ["deployer", "review"])
def test_one_that_ran_over_these_data_passes(site: Site, identity: str) -> None:
    assert look(policies(site)[identity], site) == (True, "has run over these data")


def test_one_that_ran_before_a_gateway_was_named_is_behind(site: Site) -> None:
    fewer = changed(site, gateways=site.identity.gateways[1:])
    passed, words = look(policies(fewer)["deployer"], site)
    assert not passed
    assert "is behind the data" in words
    assert "have Vault's administrator run `pulumi up -s eagle-ford` in bootstrap/" in words
    # And the other way: a gateway's login that the data name no more.
    assert not look(policies(site)["deployer"], fewer)[0]


def test_a_change_that_the_bootstrap_does_not_know_leaves_it(site: Site) -> None:
    other = site.model_copy(update={"title": "Another title"})
    assert mark(other) == mark(site)


def test_who_may_not_ask_and_who_has_no_such_policy_is_refused(site: Site) -> None:
    assert not look("", site)[0]
    assert "may not ask" in look("", site, status=403)[1]


def test_a_root_token_cannot_know(site: Site) -> None:
    assert look("root", site) == (True, "not compared: the token may do everything")


def test_what_says_so_is_made_last(site: Site) -> None:
    """A bootstrap that stopped half way must not say that it is done."""
    made = [resource.name for resource in compose_bootstrap(site).objects]
    assert sorted(made[-2:]) == ["eagle-ford-deployer", "eagle-ford-review"]
