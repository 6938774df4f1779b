"""The roles that every person of a realm has, after the official provider's source."""

from typing import Any

from lab.plugins.keycloak.fields import Properties, members, parts_of, text, texts
from lab.plugins.keycloak.roles import at, found_or_none
from lab.plugins.keycloak.server import InvalidPlanError, Server


class DefaultRoles:
    """Exactly the default roles, a client's as `client/role`; the id is that of the role that holds them."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Add and take away until the planned ones are left; raises PluginError."""
        holder = (self._server.get(at("realms", text(planned, "realmId"))).get("defaultRole") or {}).get("id")
        if not holder:
            raise InvalidPlanError("realm does not have a default role")
        return str(holder), self.update(str(holder), {}, planned)

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The default roles as they are, None when the realm is gone."""
        present = found_or_none(self._server, _composites(state, identity))
        if present is None:
            return None
        names = [self._name(state, role) for role in present]
        return {"realmId": text(state, "realmId"), "defaultRoles": members(names)}

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Add and take away until the planned ones are left."""
        path = _composites(planned, identity)
        present = {self._name(planned, role): role for role in self._server.get(path)}
        wanted = texts(planned, "defaultRoles")
        missing = [self._role(planned, name) for name in wanted if name not in present]
        excess = [role for name, role in present.items() if name not in wanted]
        if missing:
            self._server.post(path, missing)
        if excess:
            self._server.delete(path, excess)
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names them as `realm/id of the role that holds them`."""
        realm, found = parts_of(identity, "{{realm}}/{{defaultRoleId}}", 2)
        return found, {"realmId": realm}

    def delete(self, identity: str, state: Properties) -> None:
        """Take all of them away."""
        present = found_or_none(self._server, _composites(state, identity))
        if present:
            self._server.delete(_composites(state, identity), present)

    def _name(self, state: Properties, role: Properties) -> str:
        if not role.get("clientRole"):
            return str(role["name"])
        client = self._server.get(at("realms", text(state, "realmId"), "clients", role["containerId"]))
        return f"{client['clientId']}/{role['name']}"

    def _role(self, planned: Properties, name: str) -> Any:
        realm = at("realms", text(planned, "realmId"))
        owner, _, short = name.rpartition("/")
        if not owner:
            return self._server.get(realm + at("roles", name))
        clients = self._server.get(realm + "/clients", clientId=owner)
        if not clients:
            raise InvalidPlanError(f"generic client with name {owner} does not exist")
        return self._server.get(realm + at("clients", clients[0]["id"], "roles", short))


def _composites(state: Properties, identity: str) -> str:
    return at("realms", text(state, "realmId"), "roles-by-id", identity, "composites")
