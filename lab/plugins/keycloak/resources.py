"""Which of Keycloak's types is kept by which handler."""

from lab.plugins.base import Resource
from lab.plugins.bridged import BridgedResource, Handler, ResourceType
from lab.plugins.keycloak import realm_types, types
from lab.plugins.keycloak.clients import Clients
from lab.plugins.keycloak.groups import Groups, RealmEvents
from lab.plugins.keycloak.realm import Realms
from lab.plugins.keycloak.roles import GroupRoles, Roles
from lab.plugins.keycloak.scopes import AudienceMappers, ClientDefaultScopes, ClientScopes
from lab.plugins.keycloak.server import Server


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
        types.AUDIENCE_MAPPER: AudienceMappers(server),
    }
    return {described.token: BridgedResource(described, handler) for described, handler in kept.items()}
