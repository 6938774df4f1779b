"""The keycloak stand-in plans, imports and sends its types as the official plugin does, without a server."""

import threading
from pathlib import Path
from typing import Any

import pytest

from lab.certificates import Authority
from lab.plugins.base import Check, Context, Create, Diff, Kind, Read
from lab.plugins.bridged import BridgedResource
from lab.plugins.bridged_state import planned_update
from lab.plugins.errors import SettingsError
from lab.plugins.keycloak import realm_types, types
from lab.plugins.keycloak.clients import Clients, adopted, representation
from lab.plugins.keycloak.fields import UnreadableIdError
from lab.plugins.keycloak.groups import Groups
from lab.plugins.keycloak.mappers import AudienceMappers, ClaimMappers
from lab.plugins.keycloak.provider import KeycloakProvider
from lab.plugins.keycloak.resources import KeycloakResource, resources
from lab.plugins.keycloak.role_mappings import RoleMappings
from lab.plugins.keycloak.roles import GroupRoles, Roles
from lab.plugins.keycloak.server import (
    InvalidPlanError,
    NotCoveredError,
    Server,
    environments_trust,
    settings_of,
)
from lab.plugins.values import UNKNOWN, Secret

NOWHERE = Server(settings_of({"url": "http://127.0.0.1:1", "clientId": "a", "clientSecret": "b"}, {}))
CONTEXT = Context("urn", threading.Event(), lambda *_: None)
REALM_STATE = {
    "realm": "eagle-ford",
    "enabled": True,
    "accessTokenLifespan": "5m0s",
    "sslRequired": "external",
}


class Standing:
    """A handler of something that stands on its server as `found`."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found

    def create(self, planned: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return "id", planned | self.found

    def read(self, identity: str, state: dict[str, Any]) -> dict[str, Any] | None:
        del identity
        return state | self.found

    def update(self, identity: str, prior: dict[str, Any], planned: dict[str, Any]) -> dict[str, Any]:
        del identity, prior
        return planned | self.found

    def delete(self, identity: str, state: dict[str, Any]) -> None:
        """Nothing."""


def test_every_type_that_the_kit_uses_is_covered_and_no_other() -> None:
    assert {token.rpartition(":")[2] for token in resources(NOWHERE)} == {
        "Realm",
        "Role",
        "Group",
        "GroupRoles",
        "RealmEvents",
        "Client",
        "ClientScope",
        "ClientDefaultScopes",
        "ClientOptionalScopes",
        "DefaultRoles",
        "Flow",
        "Subflow",
        "Execution",
        "ExecutionConfig",
        "Bindings",
        "AudienceProtocolMapper",
        "GroupMembershipProtocolMapper",
        "HardcodedClaimProtocolMapper",
        "GenericRoleMapper",
    }


def test_a_duration_spelled_otherwise_is_no_difference() -> None:
    new = {"realm": "eagle-ford", "accessTokenLifespan": "300s"}
    diff = Diff("urn", "type", "realm", "eagle-ford", new, new, REALM_STATE)
    assert BridgedResource(realm_types.REALM, Standing({})).diff(diff, CONTEXT).paths == {}


def test_another_realm_name_replaces_the_realm() -> None:
    new = {"realm": "baytown"}
    diff = Diff("urn", "type", "realm", "eagle-ford", new, new, REALM_STATE)
    found = BridgedResource(realm_types.REALM, Standing({})).diff(diff, CONTEXT)
    assert found.paths == {"realm": Kind.UPDATE_REPLACE}


def test_a_refresh_takes_durations_as_the_server_writes_them() -> None:
    resource = KeycloakResource(realm_types.REALM, Standing({"accessTokenLifespan": "10m0s"}))
    inputs = {"__defaults": [], "realm": "eagle-ford", "accessTokenLifespan": "10m"}
    found = resource.read(Read("urn", "type", "realm", "eagle-ford", inputs, REALM_STATE), CONTEXT)
    assert found is not None
    assert found.inputs == {"__defaults": [], "realm": "eagle-ford", "accessTokenLifespan": "10m0s"}


def test_a_clients_secret_is_secret_and_unknown_before_it_is_made() -> None:
    inputs = {"realmId": "eagle-ford", "clientId": "dash", "accessType": "CONFIDENTIAL"}
    resource = BridgedResource(types.CLIENT, Standing({"clientSecret": "hidden"}))
    preview = resource.create(Create("urn", "type", "dash", inputs, True), CONTEXT)
    made = resource.create(Create("urn", "type", "dash", inputs, False), CONTEXT)
    assert isinstance(preview.outputs["clientSecret"], Secret)
    assert preview.outputs["clientSecret"].value is UNKNOWN
    assert made.outputs["clientSecret"] == Secret("hidden")


def test_a_role_not_known_yet_makes_the_groups_roles_unknown_as_a_whole() -> None:
    inputs = {"realmId": "eagle-ford", "groupId": "g", "roleIds": ["r", UNKNOWN], "exhaustive": True}
    resource = BridgedResource(types.GROUP_ROLES, Standing({}))
    assert resource.create(Create("urn", "type", "ops", inputs, True), CONTEXT).outputs["roleIds"] is UNKNOWN


def test_an_access_type_that_does_not_exist_is_refused_by_name() -> None:
    news = {"realmId": "eagle-ford", "clientId": "dash", "accessType": "SECRET"}
    check = BridgedResource(types.CLIENT, Standing({})).check(Check("urn", "type", "dash", news, {}), CONTEXT)
    assert "access_type" in check.failures[0].reason


def test_what_left_a_clients_extra_settings_is_emptied_on_the_server() -> None:
    body = representation({"extraConfig": {"kept": "1"}}, {"extraConfig": {"kept": "0", "dropped": "2"}})
    assert body["attributes"]["kept"] == "1"
    assert body["attributes"]["dropped"] == ""


@pytest.mark.parametrize(
    ("planned", "words"),
    [
        ({"standardFlowEnabled": True}, "at least one valid redirect uri"),
        ({"validRedirectUris": ["https://a/*"]}, "valid_redirect_uris cannot be set"),
        ({"serviceAccountsEnabled": True, "accessType": "PUBLIC"}, "cannot be enabled on public clients"),
    ],
)
def test_a_client_that_cannot_work_is_refused_before_keycloak_is_asked(
    planned: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidPlanError, match=words):
        Clients(NOWHERE).create({"realmId": "eagle-ford", "clientId": "dash"} | planned)


def test_what_the_stand_in_does_not_cover_is_refused_by_name() -> None:
    with pytest.raises(NotCoveredError) as refusal:
        Clients(NOWHERE).create({"authorization": {"policyEnforcementMode": "ENFORCING"}})
    assert refusal.value.name == "authorization"
    with pytest.raises(NotCoveredError):
        Groups(NOWHERE).create({"organizationId": "o"})


def test_a_mapper_needs_one_audience_and_one_carrier() -> None:
    mappers = AudienceMappers(NOWHERE)
    with pytest.raises(InvalidPlanError, match="ClientScopeId"):
        mappers.create({"includedCustomAudience": "mqtt"})
    with pytest.raises(InvalidPlanError, match="IncludedCustomAudience"):
        mappers.create({"clientScopeId": "s"})


def test_a_fixed_claim_is_kept_as_keycloak_writes_it() -> None:
    planned = {
        "claimName": "acl",
        "claimValue": "[]",
        "claimValueType": "JSON",
        "addToIdToken": False,
        "addToAccessToken": True,
        "addToUserinfo": False,
    }
    mappers = ClaimMappers(NOWHERE)
    config = mappers.config(planned)
    assert config["jsonType.label"] == "JSON"
    assert (config["id.token.claim"], config["access.token.claim"]) == ("false", "true")
    assert mappers.properties(config) == planned


def test_a_fixed_claim_of_a_kind_that_does_not_exist_is_refused_by_name() -> None:
    news = {"realmId": "eagle-ford", "claimName": "acl", "claimValue": "[]", "claimValueType": "yaml"}
    check = BridgedResource(types.CLAIM_MAPPER, Standing({})).check(
        Check("urn", "type", "acl", news, {}), CONTEXT
    )
    assert "claim_value_type" in check.failures[0].reason


class OneScope(Server):
    """A Keycloak that has one role and one client scope, and remembers what the scope is given."""

    def __init__(self) -> None:
        super().__init__(settings_of({"url": "http://127.0.0.1:1", "clientId": "a", "clientSecret": "b"}, {}))
        self.mapped: list[Any] = []

    def get(self, path: str, **query: Any) -> Any:
        del query
        return self.mapped if path.endswith("/scope-mappings/realm") else {"id": "r", "name": "reader"}

    def post(self, path: str, body: Any = None) -> str:
        assert path == "/realms/eagle-ford/client-scopes/s/scope-mappings/realm"
        self.mapped += body
        return ""

    def delete(self, path: str, body: Any = None) -> None:
        assert path == "/realms/eagle-ford/client-scopes/s/scope-mappings/realm"
        self.mapped = [role for role in self.mapped if role not in body]


def test_a_scope_is_given_a_role_and_loses_it_again() -> None:
    server = OneScope()
    mappings = RoleMappings(server)
    planned = {"realmId": "eagle-ford", "clientScopeId": "s", "roleId": "r"}
    identity, state = mappings.create(planned)
    assert identity == "eagle-ford/client-scope/s/scope-mappings//r"
    assert state == planned | {"clientId": None}
    mappings.delete(identity, state)
    assert mappings.read(identity, state) is None


def test_a_role_mapping_has_one_carrier_and_is_imported_by_all_of_its_names() -> None:
    with pytest.raises(InvalidPlanError, match="conflicts with client_scope_id"):
        RoleMappings(NOWHERE).create({"clientId": "c", "clientScopeId": "s", "roleId": "r"})
    _, found = RoleMappings(NOWHERE).locate("eagle-ford/client-scope/s/scope-mappings//r")
    assert found == {"realmId": "eagle-ford", "clientScopeId": "s", "roleId": "r"}
    with pytest.raises(UnreadableIdError, match="roleClientId"):
        RoleMappings(NOWHERE).locate("eagle-ford/s/r")


def test_an_import_names_the_realm_and_the_thing() -> None:
    assert Roles(NOWHERE).locate("eagle-ford/r") == ("r", {"realmId": "eagle-ford", "import": False})
    assert GroupRoles(NOWHERE).locate("eagle-ford/g")[0] == "eagle-ford/g"
    mapper, state = AudienceMappers(NOWHERE).locate("eagle-ford/client-scope/s/m")
    assert (mapper, state) == ("m", {"realmId": "eagle-ford", "clientScopeId": "s"})


def test_an_import_of_another_form_is_told_the_form() -> None:
    with pytest.raises(UnreadableIdError, match="roleId"):
        Roles(NOWHERE).locate("r")


def test_settings_without_credentials_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("KEYCLOAK_USER", "KEYCLOAK_PASSWORD", "KEYCLOAK_CLIENT_SECRET"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(SettingsError, match="KEYCLOAK_PASSWORD"):
        KeycloakProvider().configure({"url": "https://127.0.0.1:1", "clientId": "admin-cli"})


def test_an_adopted_client_keeps_what_the_plan_leaves_empty_or_off() -> None:
    """The official plugin fills the plan from the client that is there, and takes `false` for empty."""
    existing = {
        "id": "1",
        "directAccessGrantsEnabled": True,
        "fullScopeAllowed": True,
        "redirectUris": ["/realms/a/account/*"],
        "attributes": {"realm_client": "false", "use.refresh.tokens": "true"},
    }
    planned = {
        "accessType": "PUBLIC",
        "directAccessGrantsEnabled": False,
        "description": "ours",
        "rootUrl": "",
    }
    merged = adopted(existing, representation(planned, {}))
    assert merged["directAccessGrantsEnabled"] is merged["fullScopeAllowed"] is True
    assert (merged["redirectUris"], merged["description"], merged["rootUrl"]) == (
        ["/realms/a/account/*"],
        "ours",
        "",
    )
    assert merged["attributes"] == {"realm_client": "false", "use.refresh.tokens": "true"}


@pytest.mark.parametrize(
    ("said", "refused"), [({}, True), ({"validRedirectUris": [], "webOrigins": []}, False)]
)
def test_a_redirect_that_a_hand_added_blocks_what_does_not_say_that_there_is_none(
    said: dict[str, Any], refused: bool
) -> None:
    """What blocked every repair: the flow is taken away, and the address, which no one stated, stays."""
    inputs = {"realmId": "a", "clientId": "b", "accessType": "CONFIDENTIAL", "standardFlowEnabled": False}
    turned = inputs | {"standardFlowEnabled": True, "validRedirectUris": ["https://turned.example/*"]}
    planned = planned_update(types.CLIENT.properties, turned, inputs | said)
    if refused:
        with pytest.raises(InvalidPlanError, match="valid_redirect_uris cannot be set"):
            Clients(NOWHERE)._validate(planned)
    else:
        Clients(NOWHERE)._validate(planned)


def test_without_an_authority_of_its_own_the_environments_are_believed(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls", "a test's own")
    authority.ensure()
    before = environments_trust({}).cert_store_stats()["x509_ca"]
    context = environments_trust({"SSL_CERT_DIR": str(authority.trust)})
    assert context.cert_store_stats()["x509_ca"] == before + 1
    alone = environments_trust({"SSL_CERT_FILE": str(authority.certificate)})
    assert alone.cert_store_stats()["x509_ca"] == 1
