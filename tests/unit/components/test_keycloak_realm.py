"""The realm lets people in through the browser and by groups, and its tokens have one audience."""

import json
import re

from components.recording import Composition

CANONICAL = re.compile(r"^(\d+h[0-5]?\dm[0-5]?\ds|[0-5]?\dm[0-5]?\ds|[0-5]?\ds)$")


def test_durations_are_in_the_form_that_keycloak_reads_back(composition: Composition) -> None:
    realm = composition.one("Realm").inputs
    durations = {key: value for key, value in realm.items() if "Lifespan" in key or "Timeout" in key}
    told = {key: value for key, value in durations.items() if isinstance(value, str)}
    assert len(told) >= 14
    assert [key for key, value in told.items() if not CANONICAL.match(value)] == []


def test_times_are_the_sites(eagle_ford: Composition) -> None:
    realm = eagle_ford.one("Realm").inputs
    assert realm["accessTokenLifespan"] == "5m0s"
    assert realm["ssoSessionIdleTimeout"] == "30m0s"
    assert realm["ssoSessionMaxLifespan"] == "10h0m0s"


def test_guessing_passwords_is_slow(eagle_ford: Composition) -> None:
    force = eagle_ford.one("Realm").inputs["securityDefenses"]["bruteForceDetection"]
    assert (force["maxLoginFailures"], force["waitIncrementSeconds"], force["maxFailureWaitSeconds"]) == (
        5,
        60,
        900,
    )


def test_nobody_registers_and_nobody_comes_over_a_plain_connection(composition: Composition) -> None:
    realm = composition.one("Realm").inputs
    assert realm["sslRequired"] == "all"
    assert realm["registrationAllowed"] is False


def test_a_group_has_exactly_its_roles(eagle_ford: Composition) -> None:
    roles = eagle_ford.one("GroupRoles", "eagle-ford-site-engineers").inputs
    assert roles["roleIds"] == ["eagle-ford-broker-admin-id", "eagle-ford-broker-viewer-id"]
    assert roles["exhaustive"] is True


def test_the_dashboards_client_signs_people_in_by_the_browser_only(composition: Composition) -> None:
    client = composition.one("Client", f"{composition.site.name}-emqx-dashboard").inputs
    assert client["accessType"] == "CONFIDENTIAL"
    assert client["standardFlowEnabled"] is True
    assert client["pkceCodeChallengeMethod"] == "S256"
    for flow in (
        "implicitFlowEnabled",
        "directAccessGrantsEnabled",
        "serviceAccountsEnabled",
        "oauth2DeviceAuthorizationGrantEnabled",
    ):
        assert client[flow] is False, flow


def test_logins_return_to_the_dashboard_only(eagle_ford: Composition) -> None:
    client = eagle_ford.one("Client", "eagle-ford-emqx-dashboard").inputs
    assert client["validRedirectUris"] == ["https://dashboard.eagle-ford.field.example:18084/oauth2/callback"]


def test_a_token_for_the_broker_has_one_audience(composition: Composition) -> None:
    mappers = composition.of("AudienceProtocolMapper")
    assert {made.inputs["includedCustomAudience"] for made in mappers} == {"mqtt"}
    carriers = [made.inputs.get("clientId") or made.inputs["clientScopeId"] for made in mappers]
    assert len(set(carriers)) == len(carriers) == 1 + len(composition.site.identity.gateways)
    for made in composition.of("ClientDefaultScopes"):
        assert "roles" not in made.inputs["defaultScopes"], "it would add the account's audience"


def test_people_get_a_token_for_the_broker_by_the_readers_roles(composition: Composition) -> None:
    site = composition.site
    given = {made.inputs["roleId"] for made in composition.of("GenericRoleMapper")}
    assert given == {f"{site.name}-{role}-id" for role in site.identity.readers}
    scopes = composition.one("ClientDefaultScopes", f"{site.name}-emqx-dashboard").inputs["defaultScopes"]
    assert "mqtt" in scopes


def test_a_gateway_signs_in_by_its_secret_and_is_who_its_certificate_would_say(
    eagle_ford: Composition,
) -> None:
    login = "eagle-ford-gateway-login-runge-satellite"
    client = eagle_ford.one("Client", login).inputs
    assert (client["accessType"], client["serviceAccountsEnabled"]) == ("CONFIDENTIAL", True)
    for flow in ("standardFlowEnabled", "implicitFlowEnabled", "directAccessGrantsEnabled"):
        assert client[flow] is False, flow
    # Neither the people's scope nor Keycloak's own name of the account.
    assert eagle_ford.one("ClientDefaultScopes", login).inputs["defaultScopes"] == ["basic"]
    name = eagle_ford.one("HardcodedClaimProtocolMapper", f"{login}-preferred_username").inputs
    assert name["claimValue"] == "runge-satellite.gateways.eagle-ford.field.example"


def test_the_acl_claim_takes_rights_and_gives_none(composition: Composition) -> None:
    claims = [
        made.inputs
        for made in composition.of("HardcodedClaimProtocolMapper")
        if made.inputs["claimName"] == "acl"
    ]
    assert len(claims) == 1 + len(composition.site.identity.gateways)
    for claim in claims:
        assert (claim["claimValueType"], claim["addToAccessToken"]) == ("JSON", True)
        rules = json.loads(claim["claimValue"])
        # A list: EMQX asks on where no rule matches. Its map of three lists would deny instead.
        assert isinstance(rules, list)
        assert {rule["permission"] for rule in rules} == {"deny"}


def test_a_token_says_of_which_realm_it_is_and_whom_it_is_for(composition: Composition) -> None:
    site = composition.site
    claims = {
        made.inputs.get("clientScopeId") or made.inputs["clientId"]: made.inputs
        for made in composition.of("HardcodedClaimProtocolMapper")
        if made.inputs["claimName"] == "client_attrs"
    }
    assert {holder: json.loads(claim["claimValue"]) for holder, claim in claims.items()} == {
        f"{site.name}-mqtt-id": {"realm": site.name, "holder": "person"},
        **{
            f"{site.name}-gateway-login-{gateway.name}-id": {"realm": site.name, "holder": "gateway"}
            for gateway in site.identity.gateways
        },
    }
    for claim in claims.values():
        assert (claim["claimValueType"], claim["addToAccessToken"]) == ("JSON", True)


def test_events_are_kept_as_long_as_the_site_says(eagle_ford: Composition) -> None:
    events = eagle_ford.one("RealmEvents").inputs
    assert events["eventsExpiration"] == 90 * 86_400
    assert events["eventsEnabled"] is events["adminEventsEnabled"] is True
