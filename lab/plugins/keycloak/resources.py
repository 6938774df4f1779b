"""Which of Keycloak's types is kept by which handler."""

from dataclasses import replace

from lab.plugins.base import Context, Found, Read, Resource
from lab.plugins.bridged import DEFAULTS, BridgedResource, Handler, ResourceType
from lab.plugins.keycloak import flow_types, realm_types, types
from lab.plugins.keycloak.clients import Clients
from lab.plugins.keycloak.default_roles import DefaultRoles
from lab.plugins.keycloak.flows import Bindings, ExecutionConfigs, Executions, Flows, Subflows
from lab.plugins.keycloak.groups import Groups, RealmEvents
from lab.plugins.keycloak.mappers import AudienceMappers, ClaimMappers, GroupMappers
from lab.plugins.keycloak.realm import Realms
from lab.plugins.keycloak.role_mappings import RoleMappings
from lab.plugins.keycloak.roles import GroupRoles, Roles
from lab.plugins.keycloak.scopes import ClientDefaultScopes, ClientOptionalScopes, ClientScopes
from lab.plugins.keycloak.server import Server
from lab.plugins.values import Object


def resources(server: Server) -> dict[str, Resource]:
    """The covered types by their tokens, kept on one server."""
    kept: dict[ResourceType, Handler] = {
        realm_types.REALM: Realms(server),
        realm_types.REALM_EVENTS: RealmEvents(server),
        types.ROLE: Roles(server),
        types.GROUP: Groups(server),
        types.GROUP_ROLES: GroupRoles(server),
        types.CLIENT: Clients(server),
        types.CLIENT_SCOPE: ClientScopes(server),
        types.CLIENT_DEFAULT_SCOPES: ClientDefaultScopes(server),
        types.CLIENT_OPTIONAL_SCOPES: ClientOptionalScopes(server),
        types.DEFAULT_ROLES: DefaultRoles(server),
        flow_types.FLOW: Flows(server),
        flow_types.SUBFLOW: Subflows(server),
        flow_types.EXECUTION: Executions(server),
        flow_types.EXECUTION_CONFIG: ExecutionConfigs(server),
        flow_types.BINDINGS: Bindings(server),
        types.AUDIENCE_MAPPER: AudienceMappers(server),
        types.GROUP_MAPPER: GroupMappers(server),
        types.CLAIM_MAPPER: ClaimMappers(server),
        types.ROLE_MAPPER: RoleMappings(server),
    }
    return {described.token: KeycloakResource(described, handler) for described, handler in kept.items()}


class KeycloakResource(BridgedResource):
    """A bridged type whose refresh takes inputs as the server writes them, as the official keycloak plugin does."""

    def read(self, request: Read, context: Context) -> Found | None:
        """Look it up; durations come back in canonical form, and empty lists of defaults stay."""
        found = super().read(request, context)
        if found is None or request.importing:
            return found
        return replace(found, inputs=_rewritten(request.inputs, found.inputs, found.outputs))


def _rewritten(old: Object, inputs: Object, outputs: Object) -> Object:
    rewritten: Object = {DEFAULTS: inputs.get(DEFAULTS, [])} if DEFAULTS in old else {}
    for name, value in inputs.items():
        if name == DEFAULTS:
            continue
        before, now = old.get(name), outputs.get(name)
        if isinstance(before, dict) and isinstance(value, dict) and isinstance(now, dict):
            rewritten[name] = _rewritten(before, value, now)
        else:
            rewritten[name] = now
    return rewritten
