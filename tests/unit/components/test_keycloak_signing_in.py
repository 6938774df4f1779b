"""How people sign in: passwords, second factor, mail, the public client, built-in clients and default roles."""

import re

import pytest

from components.dashboard_proxy import refresh_after
from components.keycloak_builtin import built_in_clients
from components.keycloak_flows import settings_digest
from components.keycloak_settings import password_policy, realm_settings
from components.recording import Composition
from model.identity import Mail, MailLogin, Passwords
from model.units import Duration
from tests.support.composing import compose

MAIL = Mail(
    host="smtp.field.example",
    port=587,
    encryption="starttls",
    sender="iot@field.example",
    sender_name=None,
    login=MailLogin(user="iot", secret="smtp"),
)


def with_mail(composition: Composition, mail: Mail) -> Composition:
    identity = composition.site.identity.model_copy(update={"mail": mail})
    return compose(composition.site.model_copy(update={"identity": identity}))


def pattern(different: int) -> re.Pattern[str]:
    policy = password_policy(Passwords(length=14, different=different, history=5))
    found = re.search(r"regexPattern\((.*)\) and passwordHistory\(5\)$", policy)
    assert found is not None, policy
    return re.compile(found[1])


@pytest.mark.parametrize(
    ("password", "different"),
    [("aaaaaaaaaaaaaa", 1), ("abababababab", 2), ("abcabcabcabc", 3), ("aab", 2), ("Correct-horse-9", 9)],
)
def test_a_password_is_taken_up_to_as_many_different_characters_as_it_has(
    password: str, different: int
) -> None:
    assert pattern(max(2, different)).fullmatch(password) or different == 1
    assert pattern(min(9, different + 1)).fullmatch(password) is None or different == 9


def test_a_long_password_of_few_characters_is_refused_at_once() -> None:
    """Each character is looked at once: one that could be matched in many ways would hold up the server."""
    assert pattern(9).fullmatch("abcdefgh" * 10_000) is None


def test_addresses_are_verified_by_a_mail_server_or_not_at_all(composition: Composition) -> None:
    realm = composition.one("Realm").inputs
    assert (realm["verifyEmail"], realm.get("smtpServer")) == (False, None)
    mailed = with_mail(composition, MAIL).one("Realm").inputs
    assert mailed["verifyEmail"] is True
    server = mailed["smtpServer"]
    assert (server["host"], server["port"], server["starttls"], server["ssl"]) == (
        MAIL.host,
        "587",
        True,
        False,
    )
    # What Pulumi holds is a reference, which is no secret.
    assert server["auth"] == {"username": "iot", "password": "${vault.smtp}"}
    other = MAIL.model_copy(update={"encryption": "tls", "login": None})
    server = with_mail(composition, other).one("Realm").inputs["smtpServer"]
    assert (server["starttls"], server["ssl"], server.get("auth")) == (False, True, None)


def test_the_proxy_needs_no_verified_address(eagle_ford: Composition) -> None:
    settings = eagle_ford.one("ConfigMap", "dashboard-proxy").inputs["data"]["oauth2-proxy.cfg"]
    assert 'oidc_email_claim = "preferred_username"' in settings


def test_who_needs_a_second_factor_has_its_role(composition: Composition) -> None:
    site = composition.site
    factor = f"{site.name}-second-factor-id"
    for role in site.identity.roles:
        contained = composition.one("Role", f"{site.name}-{role.name}").inputs["compositeRoles"]
        assert contained == ([factor] if role.name in site.identity.second_factor.roles else [])
    condition = composition.one("ExecutionConfig").inputs["config"]
    assert condition == {"condUserRole": "second-factor", "negate": "false"}


def test_every_login_and_no_password_grant_goes_by_the_sites_flows(composition: Composition) -> None:
    bound = composition.one("Bindings").inputs
    assert (bound["browserFlow"], bound["directGrantFlow"]) == ("people", "no-password-grant")
    steps = {
        (made.inputs["parentFlowAlias"], made.inputs["authenticator"]): made.inputs["requirement"]
        for made in composition.of("Execution")
    }
    assert steps == {
        ("people-who", "auth-cookie"): "ALTERNATIVE",
        ("people-password", "auth-username-password-form"): "REQUIRED",
        ("people-second-factor", "conditional-user-role"): "REQUIRED",
        ("people-second-factor", "auth-otp-form"): "REQUIRED",
        ("no-password-grant", "deny-access-authenticator"): "REQUIRED",
    }
    # Nothing may be bound before the last step is there: the flow would let in without it.
    made = {step.urn for step in composition.of("Execution")}
    assert made <= set(composition.one("Bindings").depends_on)


def test_no_two_parts_of_the_flows_are_made_at_the_same_time(composition: Composition) -> None:
    parts = [
        made for kind in ("Flow", "Subflow", "Execution", "ExecutionConfig") for made in composition.of(kind)
    ]
    before = {made.urn: set(made.depends_on) & {part.urn for part in parts} for made in parts}
    made_before: set[str] = set()
    while len(made_before) < len(parts):
        (following,) = [urn for urn in before if urn not in made_before and before[urn] <= made_before]
        made_before.add(following)


def test_flows_are_bound_anew_when_any_setting_of_the_realm_changes(eagle_ford: Composition) -> None:
    site = eagle_ford.site
    digest = settings_digest(realm_settings(site))
    assert digest == settings_digest(realm_settings(site))
    force = site.identity.brute_force.model_copy(update={"failures": 7})
    changes = ({"mail": MAIL}, {"brute_force": force})
    for change in changes:
        other = site.model_copy(update={"identity": site.identity.model_copy(update=change)})
        assert settings_digest(realm_settings(other)) != digest


def test_peoples_programs_have_a_public_client_with_pkce_and_no_refresh_token(
    composition: Composition,
) -> None:
    people = composition.site.identity.people
    client = composition.one("Client", f"{composition.site.name}-{people.client_id}").inputs
    assert (client["accessType"], client["pkceCodeChallengeMethod"]) == ("PUBLIC", "S256")
    assert client["useRefreshTokens"] is False
    assert client["validRedirectUris"] == list(people.redirects)
    scopes = composition.one("ClientDefaultScopes", f"{composition.site.name}-{people.client_id}").inputs
    assert "mqtt" in scopes["defaultScopes"]
    assert {tuple(made.inputs["optionalScopes"]) for made in composition.of("ClientOptionalScopes")} == {()}


def test_keycloaks_own_clients_are_adopted_and_return_to_their_own_pages(composition: Composition) -> None:
    own = [made.inputs for made in composition.of("Client") if made.inputs.get("import")]
    assert {client["clientId"] for client in own} == set(built_in_clients(composition.site.name))
    for client in own:
        for address in client["validRedirectUris"]:
            assert address.startswith(("/realms/", "/admin/")), address
        assert client["implicitFlowEnabled"] is client["serviceAccountsEnabled"] is False
    roles = composition.one("DefaultRoles").inputs["defaultRoles"]
    assert roles == ["account/manage-account", "account/view-profile"]


def test_a_session_is_refreshed_before_its_token_ends(composition: Composition) -> None:
    for seconds in (60, 300, 3600):
        assert seconds / 2 < refresh_after(Duration(seconds)).seconds < seconds
    realm = composition.one("Realm").inputs
    assert realm["revokeRefreshToken"] is False
