"""The bootstrap's logins give each holder one certificate, and its deployer no way to more rights."""

import re

import pytest

from components.deployed import Deployed
from components.issuing_roles import issuing_roles
from components.recording import Composition
from components.vault_access import urn_in_site
from components.vault_moved import LoginsNotMovedError, check
from components.vault_names import LOGINS
from tests.support.composing import compose_bootstrap

# Each of these, at any path, is a way from a deployer's rights to all rights, or to a certificate.
ESCALATIONS = (
    "sys/policies/",
    "sys/policy",
    "sys/auth",
    "sys/mounts/auth/",
    "sys/remount",
    "sys/raw",
    "auth/token/create",
    "auth/token/roles",
    "auth/kubernetes",
    "auth/approle",
    "identity/",
    "/issue/",
    "/sign/",
    "/sign-verbatim",
    "/sign-self-issued",
    "/issuers/import",
    "/keys/import",
    "/exported",
)


@pytest.fixture
def bootstrap(composition: Composition) -> Composition:
    """The bootstrap of each sample site."""
    return compose_bootstrap(composition.site)


@pytest.fixture
def eagle_fords(eagle_ford: Composition) -> Composition:
    """The bootstrap of the sample site whose values the tests know."""
    return compose_bootstrap(eagle_ford.site)


def grants(policy: str) -> dict[str, set[str]]:
    """Return the capabilities of each path of a policy."""
    found = re.findall(r'^path "([^"]+)" {\n\s*capabilities\s*=\s*\[([^]]*)\]', policy, re.MULTILINE)
    return {path: set(re.findall(r'"([^"]+)"', words)) for path, words in found}


def test_each_login_has_one_policy_which_issues_by_one_role(bootstrap: Composition) -> None:
    prefix = f"iot-{bootstrap.site.name}-issue-"
    for login in bootstrap.of("AuthBackendRole"):
        (policy,) = login.inputs["tokenPolicies"]
        assert policy.startswith(prefix), login.name
        role = policy.removeprefix(prefix)
        mount = f"pki-{bootstrap.site.name}-issuing"
        assert grants(bootstrap.one("Policy", policy).inputs["policy"]).keys() == {
            f"{mount}/issue/{role}",
            f"{mount}/sign/{role}",
        }


def test_every_role_but_the_wide_ones_has_a_login(bootstrap: Composition) -> None:
    """What may take every service's or gateway's name could become a host: no login has it."""
    names = {login.inputs["roleName"] for login in bootstrap.of("AuthBackendRole")}
    wanted = {role.name for role in issuing_roles(bootstrap.site) if role.login == "approle"}
    assert names == wanted | set(LOGINS.values())
    assert {"service", "gateway"}.isdisjoint(names)


def test_machines_log_in_with_a_secret_for_minutes_and_get_nothing_else(eagle_fords: Composition) -> None:
    login = next(
        made.inputs
        for made in eagle_fords.of("AuthBackendRole")
        if made.inputs["roleName"] == "host-scada-karnes"
    )
    assert login["bindSecretId"] is True
    assert login["tokenNoDefaultPolicy"] is True
    assert login["tokenTtl"] <= 600


def test_cert_manager_may_have_server_certificates_and_nothing_else(eagle_fords: Composition) -> None:
    login = eagle_fords.one("AuthBackendRole", "eagle-ford-cert-manager").inputs
    assert login["tokenPolicies"] == ["iot-eagle-ford-issue-server"]
    assert login["boundServiceAccountNamespaces"] == ["iot-eagle-ford"]
    policy = eagle_fords.one("Policy", "iot-eagle-ford-issue-server").inputs["policy"]
    assert policy == (
        'path "pki-eagle-ford-issuing/issue/server" {\n  capabilities = ["create", "update"]\n}\n'
        'path "pki-eagle-ford-issuing/sign/server" {\n  capabilities = ["create", "update"]\n}\n'
    )


def test_the_issuers_login_and_vaults_role_agree(eagle_ford: Composition, eagle_fords: Composition) -> None:
    for issuer, role in (("site-issuer", "server"), ("broker-probe", "probe")):
        vault = eagle_ford.one("Issuer", issuer).spec["vault"]
        name = vault["auth"]["kubernetes"]["role"]
        (login,) = (
            made.inputs for made in eagle_fords.of("AuthBackendRole") if made.inputs["roleName"] == name
        )
        account = vault["auth"]["kubernetes"]["serviceAccountRef"]["name"]
        assert login["boundServiceAccountNames"] == [account]
        assert login["audience"] == f"vault://iot-eagle-ford/{issuer}"
        assert login["tokenPolicies"] == [f"iot-eagle-ford-issue-{role}"]
        assert vault["path"] == f"pki-eagle-ford-issuing/sign/{role}"
        assert vault["auth"]["kubernetes"]["mountPath"] == "/v1/auth/kubernetes-eagle-ford"


def test_the_deployer_has_no_way_to_more_rights(bootstrap: Composition) -> None:
    policy = bootstrap.one("Policy", f"iot-{bootstrap.site.name}-deployer").inputs["policy"]
    found = grants(policy)
    assert [path for path in found for word in ESCALATIONS if word in path] == []
    assert found[f"pki-{bootstrap.site.name}-root/config/ca"] == {"deny"}
    # A final star, or a plus for a whole engine, would take in paths that nobody thought of.
    assert [path for path in found if path.endswith("*") and "/subkeys/" not in path] == []


def test_the_deployer_uses_the_key_of_the_states_secrets(eagle_fords: Composition) -> None:
    found = grants(eagle_fords.one("Policy", "iot-eagle-ford-deployer").inputs["policy"])
    assert found["transit/encrypt/iot-broker-eagle-ford"] == {"update"}
    assert found["transit/decrypt/iot-broker-eagle-ford"] == {"update"}


def test_a_deployer_reaches_its_own_site_alone(bootstrap: Composition) -> None:
    name = bootstrap.site.name
    own = ("sys/mounts", "auth/token/lookup-self", "auth/token/renew-self", "sys/capabilities-self")
    paths = grants(bootstrap.one("Policy", f"iot-{name}-deployer").inputs["policy"])
    assert [path for path in paths if name not in path and path not in own] == []


def test_a_reviewer_reads_and_does_nothing_else(bootstrap: Composition) -> None:
    found = grants(bootstrap.one("Policy", f"iot-{bootstrap.site.name}-review").inputs["policy"])
    written = {path: words for path, words in found.items() if words != {"read"}}
    assert written == {
        # Vault asks by a write for what changes nothing.
        f"transit/decrypt/iot-broker-{bootstrap.site.name}": {"update"},
        "auth/token/renew-self": {"update"},
        "sys/capabilities-self": {"update"},
        # It looks by these as well; Vault wants more for it.
        f"sys/auth/kubernetes-{bootstrap.site.name}/tune": {"read", "sudo"},
        f"sys/auth/approle-{bootstrap.site.name}/tune": {"read", "sudo"},
    }


def test_a_search_for_escalations_would_find_one() -> None:
    """The control: the patterns match what the deployer once had."""
    before = 'path "sys/policies/acl/iot-*" {\n  capabilities = ["create"]\n}\n'
    assert [path for path in grants(before) for word in ESCALATIONS if word in path] == [
        "sys/policies/acl/iot-*"
    ]


class Known(Deployed):
    """A stack that was deployed before."""

    def __init__(self, outputs: dict[str, str], resources: frozenset[str]) -> None:
        self.__dict__.update(outputs=outputs, resources=resources)


def test_a_site_whose_logins_are_still_in_its_stack_is_not_deployed(eagle_ford: Composition) -> None:
    site = eagle_ford.site
    urn = urn_in_site(site.name)
    with pytest.raises(LoginsNotMovedError) as refusal:
        check(site, Known({"site": site.name}, frozenset({urn, "another"})))
    assert f"--dest organization/iot-broker-bootstrap/eagle-ford '{urn}'\n" in str(refusal.value)


@pytest.mark.parametrize("outputs", [{}, {"site": "eagle-ford"}, {"vaultAccess": "bootstrap"}])
def test_a_new_site_and_one_that_was_moved_are_deployed(
    eagle_ford: Composition, outputs: dict[str, str]
) -> None:
    check(eagle_ford.site, Known(outputs, frozenset({"another"})))
