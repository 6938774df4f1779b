"""Roles of a realm or of a client, and which roles a group has."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from lab.plugins.keycloak.fields import (
    Properties,
    flag,
    joined_attributes,
    members,
    parts_of,
    split_attributes,
    text,
    texts,
)
from lab.plugins.keycloak.server import RequestRefusedError, Server


def at(*parts: str) -> str:
    """A path below /admin of the parts, each escaped."""
    return "".join("/" + quote(part, safe="") for part in parts)


def found_or_none(server: Server, path: str) -> Any:
    """What is at a path, None when Keycloak says that nothing is."""
    try:
        return server.get(path)
    except RequestRefusedError as refusal:
        if refusal.absent:
            return None
        raise


class Roles:
    """Makes, reads, changes and deletes roles; the id is Keycloak's own."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Make the role, or adopt the one of that name where `import` says so; raises PluginError."""
        realm, client, name = text(planned, "realmId"), text(planned, "clientId"), text(planned, "name")
        roles = at("realms", realm, "clients", client, "roles") if client else at("realms", realm, "roles")
        composites = self._roles(realm, texts(planned, "compositeRoles"))
        if flag(planned, "import"):
            existing = self._server.get(roles + at(name))
            adopted = existing | {key: value for key, value in _role(planned).items() if value}
            self._server.put(at("realms", realm, "roles-by-id", existing["id"]), adopted)
        else:
            self._server.post(roles, _role(planned))
        identity = str(self._server.get(roles + at(name))["id"])
        if composites:
            self._set_composites(realm, identity, composites)
        return identity, self.read(identity, planned) or {}

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The role as it is, None when it is gone."""
        path = at("realms", text(state, "realmId"), "roles-by-id", identity)
        role = found_or_none(self._server, path)
        if role is None:
            return None
        composites = self._server.get(path + "/composites") if role.get("composite") else []
        return {
            "realmId": text(state, "realmId"),
            "clientId": role.get("containerId", "") if role.get("clientRole") else "",
            "name": role["name"],
            "description": role.get("description") or "",
            "attributes": joined_attributes(role.get("attributes")),
            "compositeRoles": members(composite["id"] for composite in composites),
            "import": flag(state, "import"),
        }

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Make the role what is planned, with exactly the planned composite roles."""
        realm = text(planned, "realmId")
        self._server.put(at("realms", realm, "roles-by-id", identity), _role(planned) | {"id": identity})
        self._set_composites(realm, identity, self._roles(realm, texts(planned, "compositeRoles")))
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names the role as `realm/role's id`."""
        realm, found = parts_of(identity, "{{realm}}/{{roleId}}", 2)
        return found, {"realmId": realm, "import": False}

    def delete(self, identity: str, state: Properties) -> None:
        """Delete the role; an adopted one stays."""
        if not flag(state, "import"):
            self._server.delete(at("realms", text(state, "realmId"), "roles-by-id", identity))

    def _set_composites(self, realm: str, identity: str, wanted: list[Any]) -> None:
        path = at("realms", realm, "roles-by-id", identity) + "/composites"
        present = self._server.get(path)
        _reconcile(self._server, path, present, wanted)

    def _roles(self, realm: str, identities: Iterable[str]) -> list[Any]:
        return [self._server.get(at("realms", realm, "roles-by-id", identity)) for identity in identities]


class GroupRoles:
    """Gives a group its roles; the id is `realm/group`."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Give the group the roles, and take away all others where `exhaustive` says so."""
        identity = f"{text(planned, 'realmId')}/{text(planned, 'groupId')}"
        self._server.get(_group(planned))
        self._give(planned, dropped=())
        return identity, self.read(identity, planned) or {}

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The group's roles: all where exhaustive, else those managed here; None when the group is gone."""
        del identity
        if found_or_none(self._server, _group(state)) is None:
            return None
        managed = set(texts(state, "roleIds"))
        present = [role["id"] for role in self._present(state)]
        return {
            "realmId": text(state, "realmId"),
            "groupId": text(state, "groupId"),
            "roleIds": members(role for role in present if flag(state, "exhaustive") or role in managed),
            "exhaustive": flag(state, "exhaustive"),
        }

    def update(self, identity: str, prior: Properties, planned: Properties) -> dict[str, Any]:
        """Give and take until the group has what is planned."""
        self._give(planned, dropped=set(texts(prior, "roleIds")) - set(texts(planned, "roleIds")))
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names the group as `realm/group's id`."""
        realm, group = parts_of(identity, "{{realmId}}/{{groupId}}", 2)
        return identity, {"realmId": realm, "groupId": group, "exhaustive": True}

    def delete(self, identity: str, state: Properties) -> None:
        """Take the managed roles from the group."""
        del identity
        managed = set(texts(state, "roleIds"))
        if found_or_none(self._server, _group(state)) is None:
            return
        self._change(
            state, [role for role in self._present(state) if role["id"] in managed], self._server.delete
        )

    def _give(self, planned: Properties, dropped: Iterable[str]) -> None:
        wanted = set(texts(planned, "roleIds"))
        present = self._present(planned)
        missing = wanted - {role["id"] for role in present}
        roles = [
            self._server.get(at("realms", text(planned, "realmId"), "roles-by-id", role))
            for role in sorted(missing)
        ]
        excess = [
            role
            for role in present
            if role["id"] not in wanted and (flag(planned, "exhaustive") or role["id"] in dropped)
        ]
        self._change(planned, roles, self._server.post)
        self._change(planned, excess, self._server.delete)

    def _present(self, state: Properties) -> list[Any]:
        mappings = self._server.get(_group(state) + "/role-mappings")
        clients = (mappings.get("clientMappings") or {}).values()
        return [
            *(mappings.get("realmMappings") or ()),
            *(role for client in clients for role in client["mappings"]),
        ]

    def _change(self, state: Properties, roles: list[Any], change: Any) -> None:
        containers: dict[str, list[Any]] = {}
        for role in roles:
            owner = f"clients/{role['containerId']}" if role.get("clientRole") else "realm"
            containers.setdefault(owner, []).append(role)
        for owner, owned in containers.items():
            change(f"{_group(state)}/role-mappings/{owner}", owned)


def _role(planned: Properties) -> dict[str, Any]:
    return {
        "name": text(planned, "name"),
        "description": text(planned, "description"),
        "attributes": split_attributes(planned),
    }


def _group(state: Properties) -> str:
    return at("realms", text(state, "realmId"), "groups", text(state, "groupId"))


def _reconcile(server: Server, path: str, present: list[Any], wanted: list[Any]) -> None:
    here, there = {role["id"] for role in present}, {role["id"] for role in wanted}
    excess = [role for role in present if role["id"] not in there]
    missing = [role for role in wanted if role["id"] not in here]
    if excess:
        server.delete(path, excess)
    if missing:
        server.post(path, missing)
