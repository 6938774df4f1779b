"""What puts claims into tokens: mappers of audiences, groups and fixed claims, of a client or a client scope."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from lab.plugins.keycloak.fields import Properties, as_attribute, as_flag, flag, parts_of, text
from lab.plugins.keycloak.roles import at, found_or_none
from lab.plugins.keycloak.server import InvalidPlanError, Server


class Mappers(ABC):
    """Makes, reads, changes and deletes mappers of one kind; the id is Keycloak's own."""

    KIND: ClassVar[str]
    """Keycloak's name of the mapper."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @abstractmethod
    def config(self, planned: Properties) -> dict[str, str]:
        """Return Keycloak's form of what is planned."""

    @abstractmethod
    def properties(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return what Keycloak has, as properties."""

    def validate(self, planned: Properties) -> None:
        """Refuse what the plugin refuses itself; raises InvalidPlanError."""
        if bool(text(planned, "clientId")) == bool(text(planned, "clientScopeId")):
            raise InvalidPlanError(
                "validation error: one of ClientId or ClientScopeId must be set, and only one"
            )

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Make the mapper; raises PluginError."""
        self.validate(planned)
        identity = self._server.post(_mappers(planned), self._document(planned))
        return identity, self.read(identity, planned) or {}

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The mapper as it is, None when it or what carries it is gone."""
        mapper = found_or_none(self._server, _mappers(state) + at(identity))
        if mapper is None:
            return None
        return {
            "realmId": text(state, "realmId"),
            "clientId": text(state, "clientId") or None,
            "clientScopeId": text(state, "clientScopeId") or None,
            "name": mapper["name"],
            **self.properties(mapper.get("config") or {}),
        }

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Make the mapper what is planned."""
        self.validate(planned)
        self._server.put(_mappers(planned) + at(identity), self._document(planned) | {"id": identity})
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names the mapper as `realm/client/client's id/mapper's id`, or with client-scope."""
        form = (
            "{{realmId}}/client/{{clientId}}/{{mapperId}}, {{realmId}}/client-scope/{{scopeId}}/{{mapperId}}"
        )
        realm, carrier, carrying, mapper = parts_of(identity, form, 4)
        key = "clientId" if carrier == "client" else "clientScopeId"
        return mapper, {"realmId": realm, key: carrying}

    def delete(self, identity: str, state: Properties) -> None:
        """Delete the mapper."""
        self._server.delete(_mappers(state) + at(identity))

    def _document(self, planned: Properties) -> dict[str, Any]:
        return {
            "name": text(planned, "name"),
            "protocol": "openid-connect",
            "protocolMapper": self.KIND,
            "config": self.config(planned),
        }


class AudienceMappers(Mappers):
    """Puts an audience into tokens."""

    KIND = "oidc-audience-mapper"

    def config(self, planned: Properties) -> dict[str, str]:
        """Return Keycloak's form of what is planned."""
        return {
            "included.client.audience": text(planned, "includedClientAudience"),
            "included.custom.audience": text(planned, "includedCustomAudience"),
            "id.token.claim": as_attribute(flag(planned, "addToIdToken")),
            "access.token.claim": as_attribute(flag(planned, "addToAccessToken")),
            "introspection.token.claim": as_attribute(flag(planned, "addToTokenIntrospection")),
        }

    def properties(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return what Keycloak has, as properties."""
        return {
            "includedClientAudience": config.get("included.client.audience") or None,
            "includedCustomAudience": config.get("included.custom.audience") or None,
            "addToIdToken": as_flag(config.get("id.token.claim")),
            "addToAccessToken": as_flag(config.get("access.token.claim")),
            "addToTokenIntrospection": as_flag(config.get("introspection.token.claim")),
        }

    def validate(self, planned: Properties) -> None:
        """Refuse what the plugin refuses itself; raises InvalidPlanError."""
        super().validate(planned)
        audience = text(planned, "includedClientAudience")
        if bool(audience) == bool(text(planned, "includedCustomAudience")):
            raise InvalidPlanError(
                "validation error: exactly one of IncludedClientAudience "
                "and IncludedCustomAudience must be set"
            )
        clients = at("realms", text(planned, "realmId"), "clients")
        if audience and not self._server.get(clients, clientId=audience):
            raise InvalidPlanError(f"validation error: client {audience} does not exist")


class GroupMappers(Mappers):
    """Puts the names of somebody's groups into tokens."""

    KIND = "oidc-group-membership-mapper"

    def config(self, planned: Properties) -> dict[str, str]:
        """Return Keycloak's form of what is planned."""
        return {
            "claim.name": text(planned, "claimName"),
            "full.path": as_attribute(flag(planned, "fullPath")),
            "id.token.claim": as_attribute(flag(planned, "addToIdToken")),
            "access.token.claim": as_attribute(flag(planned, "addToAccessToken")),
            "userinfo.token.claim": as_attribute(flag(planned, "addToUserinfo")),
            "introspection.token.claim": as_attribute(flag(planned, "addToTokenIntrospection")),
        }

    def properties(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return what Keycloak has, as properties."""
        return {
            "claimName": config.get("claim.name") or None,
            "fullPath": as_flag(config.get("full.path")),
            "addToIdToken": as_flag(config.get("id.token.claim")),
            "addToAccessToken": as_flag(config.get("access.token.claim")),
            "addToUserinfo": as_flag(config.get("userinfo.token.claim")),
            "addToTokenIntrospection": as_flag(config.get("introspection.token.claim")),
        }


class ClaimMappers(Mappers):
    """Puts a claim that is always the same into tokens."""

    KIND = "oidc-hardcoded-claim-mapper"

    def config(self, planned: Properties) -> dict[str, str]:
        """Return Keycloak's form of what is planned."""
        return {
            "claim.name": text(planned, "claimName"),
            "claim.value": text(planned, "claimValue"),
            "jsonType.label": text(planned, "claimValueType"),
            "id.token.claim": as_attribute(flag(planned, "addToIdToken")),
            "access.token.claim": as_attribute(flag(planned, "addToAccessToken")),
            "userinfo.token.claim": as_attribute(flag(planned, "addToUserinfo")),
        }

    def properties(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return what Keycloak has, as properties."""
        return {
            "claimName": config.get("claim.name") or None,
            "claimValue": config.get("claim.value") or None,
            "claimValueType": config.get("jsonType.label") or None,
            "addToIdToken": as_flag(config.get("id.token.claim")),
            "addToAccessToken": as_flag(config.get("access.token.claim")),
            "addToUserinfo": as_flag(config.get("userinfo.token.claim")),
        }


def _mappers(state: Properties) -> str:
    client = text(state, "clientId")
    carrier = at("clients", client) if client else at("client-scopes", text(state, "clientScopeId"))
    return at("realms", text(state, "realmId")) + carrier + "/protocol-mappers/models"
