"""Which roles the scope of a client, or a client scope, has: a scope with roles is for those who have one of them."""

from typing import Any

from lab.plugins.keycloak.fields import Properties, UnreadableIdError, text
from lab.plugins.keycloak.roles import at, found_or_none
from lab.plugins.keycloak.server import InvalidPlanError, Server


class RoleMappings:
    """Gives a client's scope, or a client scope, a role; the id names all of them."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Give it the role; raises PluginError."""
        if text(planned, "clientId") and text(planned, "clientScopeId"):
            raise InvalidPlanError(
                '"client_id": conflicts with client_scope_id',
            )
        role = self._role(planned)
        self._server.post(_mapped(planned, role), [role])
        owner = role["containerId"] if role.get("clientRole") else ""
        identity = f"{text(planned, 'realmId')}/{_carrier(planned)}/scope-mappings/{owner}/{role['id']}"
        return identity, self.read(identity, planned) or {}

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The mapping as it is, None when it, its role or what carries it is gone."""
        del identity
        role = found_or_none(self._server, _role_path(state))
        present = found_or_none(self._server, _mapped(state, role)) if role else None
        if not any(found["id"] == text(state, "roleId") for found in present or ()):
            return None
        return {
            "realmId": text(state, "realmId"),
            "clientId": text(state, "clientId") or None,
            "clientScopeId": text(state, "clientScopeId") or None,
            "roleId": text(state, "roleId"),
        }

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Nothing of it can change: every property makes another one."""
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names the realm, the client or client scope, the role's client (or nothing) and the role."""
        parts = identity.split("/")
        if len(parts) != 6 or parts[1] not in ("client", "client-scope"):
            form = (
                "{{realmId}}/client/{{clientId}}/scope-mappings/{{roleClientId}}/{{roleId}}, "
                "{{realmId}}/client-scope/{{clientScopeId}}/scope-mappings/{{roleClientId}}/{{roleId}}"
            )
            raise UnreadableIdError(identity, form)
        key = "clientId" if parts[1] == "client" else "clientScopeId"
        return identity, {"realmId": parts[0], key: parts[2], "roleId": parts[5]}

    def delete(self, identity: str, state: Properties) -> None:
        """Take the role away."""
        del identity
        role = found_or_none(self._server, _role_path(state))
        if role is not None:
            self._server.delete(_mapped(state, role), [role])

    def _role(self, planned: Properties) -> Any:
        return self._server.get(_role_path(planned))


def _role_path(state: Properties) -> str:
    return at("realms", text(state, "realmId"), "roles-by-id", text(state, "roleId"))


def _carrier(state: Properties) -> str:
    client = text(state, "clientId")
    return f"client/{client}" if client else f"client-scope/{text(state, 'clientScopeId')}"


def _mapped(state: Properties, role: Any) -> str:
    client = text(state, "clientId")
    carrier = at("clients", client) if client else at("client-scopes", text(state, "clientScopeId"))
    owner = at("clients", role["containerId"]) if role.get("clientRole") else at("realm")
    return at("realms", text(state, "realmId")) + carrier + "/scope-mappings" + owner
