"""Client scopes, and which of them a client has by default."""

from typing import Any, ClassVar

from lab.plugins.keycloak.fields import (
    Properties,
    as_attribute,
    as_flag,
    flag,
    members,
    parts_of,
    text,
    texts,
    whole,
)
from lab.plugins.keycloak.roles import at, found_or_none
from lab.plugins.keycloak.server import InvalidPlanError, Server

_PROTOCOL = "openid-connect"


class ClientScopes:
    """Makes, reads, changes and deletes client scopes; the id is Keycloak's own."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Make the scope; raises PluginError."""
        identity = self._server.post(
            at("realms", text(planned, "realmId"), "client-scopes"), _scope(planned, {})
        )
        return identity, self.read(identity, planned) or {}

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The scope as it is, None when it is gone."""
        scope = found_or_none(self._server, at("realms", text(state, "realmId"), "client-scopes", identity))
        if scope is None:
            return None
        attributes = scope.get("attributes") or {}
        order = str(attributes.get("gui.order") or "")
        shown = as_flag(attributes.get("display.on.consent.screen"))
        return {
            "realmId": text(state, "realmId"),
            "name": scope["name"],
            "description": scope.get("description") or "",
            "consentScreenText": attributes.get("consent.screen.text", "")
            if shown
            else state.get("consentScreenText"),
            "guiOrder": int(order) if order.isdecimal() else state.get("guiOrder"),
            "includeInTokenScope": as_flag(attributes.get("include.in.token.scope")),
            "includeInOpenidProviderMetadata": as_flag(attributes.get("include.in.openid.provider.metadata")),
            "extraConfig": {
                key: str(attributes[key]) for key in state.get("extraConfig") or {} if key in attributes
            },
        }

    def update(self, identity: str, prior: Properties, planned: Properties) -> dict[str, Any]:
        """Make the scope what is planned."""
        path = at("realms", text(planned, "realmId"), "client-scopes", identity)
        self._server.put(path, _scope(planned, prior) | {"id": identity})
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names the scope as `realm/scope's id`."""
        realm, found = parts_of(identity, "{{realmId}}/{{openidClientScopeId}}", 2)
        return found, {"realmId": realm}

    def delete(self, identity: str, state: Properties) -> None:
        """Delete the scope."""
        self._server.delete(at("realms", text(state, "realmId"), "client-scopes", identity))


class ClientDefaultScopes:
    """Exactly which scopes a client has by default; the id is `realm/client`."""

    KIND: ClassVar[str] = "default"
    OTHER: ClassVar[str] = "optional"
    PROPERTY: ClassVar[str] = "defaultScopes"

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Attach and detach until the client has exactly the planned scopes, built-in ones included."""
        identity = f"{text(planned, 'realmId')}/{text(planned, 'clientId')}"
        return identity, self.update(identity, {}, planned)

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The client's scopes of this kind, None when the client is gone."""
        del identity
        attached = found_or_none(self._server, _client(state) + f"/{self.KIND}-client-scopes")
        if attached is None:
            return None
        return {
            "realmId": text(state, "realmId"),
            "clientId": text(state, "clientId"),
            self.PROPERTY: members(scope["name"] for scope in attached),
        }

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Attach and detach until the client has the planned scopes."""
        scopes = _client(planned) + f"/{self.KIND}-client-scopes"
        attached = found_or_none(self._server, scopes)
        if attached is None:
            raise InvalidPlanError(
                f"validation error: client with id {text(planned, 'clientId')} does not exist"
            )
        wanted = set(texts(planned, self.PROPERTY))
        for scope in attached:
            if scope["name"] not in wanted:
                self._server.delete(f"{scopes}/{scope['id']}")
        for scope in self._to_attach(planned, wanted - {scope["name"] for scope in attached}):
            self._server.put(f"{scopes}/{scope['id']}")
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names the client as `realm/client's id`."""
        realm, client = parts_of(identity, "{{realmId}}/{{openidClientId}}", 2)
        return identity, {"realmId": realm, "clientId": client}

    def delete(self, identity: str, state: Properties) -> None:
        """Detach the scopes that are managed here."""
        del identity
        scopes = _client(state) + f"/{self.KIND}-client-scopes"
        for scope in found_or_none(self._server, scopes) or ():
            if scope["name"] in set(texts(state, self.PROPERTY)):
                self._server.delete(f"{scopes}/{scope['id']}")

    def _to_attach(self, planned: Properties, missing: set[str]) -> list[Any]:
        if not missing:
            return []
        known = self._server.get(at("realms", text(planned, "realmId"), "client-scopes"))
        found = [scope for scope in known if scope["name"] in missing and scope.get("protocol") == _PROTOCOL]
        for name in sorted(missing - {scope["name"] for scope in found}):
            raise InvalidPlanError(f"validation error: scope {name} does not exist")
        others = self._server.get(_client(planned) + f"/{self.OTHER}-client-scopes")
        for name in sorted(missing & {scope["name"] for scope in others}):
            raise InvalidPlanError(
                f"validation error: scope {name} is already attached to client as "
                f"{'an optional' if self.OTHER == 'optional' else 'a default'} scope"
            )
        return found


class ClientOptionalScopes(ClientDefaultScopes):
    """Exactly which scopes a client may ask for beside its default ones; the id is `realm/client`."""

    KIND = "optional"
    OTHER = "default"
    PROPERTY = "optionalScopes"


def _scope(planned: Properties, prior: Properties) -> dict[str, Any]:
    screen, order = text(planned, "consentScreenText"), whole(planned, "guiOrder")
    attributes = dict.fromkeys(prior.get("extraConfig") or {}, "") | {
        "display.on.consent.screen": as_attribute(bool(screen)),
        "consent.screen.text": screen,
        "include.in.token.scope": as_attribute(flag(planned, "includeInTokenScope")),
        "include.in.openid.provider.metadata": as_attribute(flag(planned, "includeInOpenidProviderMetadata")),
        "gui.order": str(order) if order else "",
    }
    return {
        "name": text(planned, "name"),
        "description": text(planned, "description"),
        "protocol": _PROTOCOL,
        "attributes": attributes
        | {key: str(value) for key, value in (planned.get("extraConfig") or {}).items()},
    }


def _client(state: Properties) -> str:
    return at("realms", text(state, "realmId"), "clients", text(state, "clientId"))
