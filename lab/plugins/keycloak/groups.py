"""Groups of a realm, and the realm's event log."""

from typing import Any

from lab.plugins.keycloak.fields import (
    Properties,
    flag,
    joined_attributes,
    members,
    parts_of,
    split_attributes,
    text,
    texts,
    whole,
)
from lab.plugins.keycloak.roles import at, found_or_none
from lab.plugins.keycloak.server import NotCoveredError, Server


class Groups:
    """Makes, reads, changes and deletes groups; the id is Keycloak's own."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Make the group, below its parent where it has one; raises PluginError."""
        if text(planned, "organizationId"):
            raise NotCoveredError("organizationId")
        groups = at("realms", text(planned, "realmId"), "groups")
        parent = text(planned, "parentId")
        identity = self._server.post(groups + at(parent, "children") if parent else groups, _group(planned))
        return identity, self.read(identity, planned) or {}

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The group as it is, None when it is gone."""
        group = found_or_none(self._server, at("realms", text(state, "realmId"), "groups", identity))
        if group is None:
            return None
        return {
            "realmId": text(state, "realmId"),
            "parentId": group.get("parentId") or None,
            "organizationId": "",
            "name": group["name"],
            "description": group.get("description") or "",
            "path": group["path"],
            "attributes": joined_attributes(group.get("attributes")),
        }

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Make the group what is planned."""
        self._server.put(at("realms", text(planned, "realmId"), "groups", identity), _group(planned))
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names the group as `realm/group's id`."""
        realm, found = parts_of(identity, "{{realmId}}/{{groupId}}", 2)
        return found, {"realmId": realm}

    def delete(self, identity: str, state: Properties) -> None:
        """Delete the group with the groups below it."""
        self._server.delete(at("realms", text(state, "realmId"), "groups", identity))


class RealmEvents:
    """What a realm logs and for how long; the id is the realm's name."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Set the realm's event log; raises PluginError."""
        identity = text(planned, "realmId")
        return identity, self.update(identity, {}, planned)

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The event log's settings, None when the realm is gone."""
        config = found_or_none(self._server, _events(identity))
        if config is None:
            return None
        # Without a choice Keycloak fills in every type it knows, which is no drift.
        chosen = texts(state, "enabledEventTypes")
        return {
            "realmId": identity,
            "adminEventsDetailsEnabled": flag(config, "adminEventsDetailsEnabled"),
            "adminEventsEnabled": flag(config, "adminEventsEnabled"),
            "enabledEventTypes": members(config.get("enabledEventTypes")) if chosen else None,
            "eventsEnabled": flag(config, "eventsEnabled"),
            "eventsExpiration": whole(config, "eventsExpiration"),
            "eventsListeners": members(config.get("eventsListeners")),
        }

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Make the event log what is planned."""
        self._server.put(_events(identity), _settings(planned))
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names the realm."""
        return identity, {"realmId": identity}

    def delete(self, identity: str, state: Properties) -> None:
        """The settings cannot be deleted: they go back to nothing, as the official plugin does it."""
        del state
        if found_or_none(self._server, _events(identity)) is not None:
            self._server.put(_events(identity), _settings({}))


def _group(planned: Properties) -> dict[str, Any]:
    return {
        "name": text(planned, "name"),
        "description": text(planned, "description"),
        "attributes": split_attributes(planned),
    }


def _events(realm: str) -> str:
    return at("realms", realm, "events", "config")


def _settings(planned: Properties) -> dict[str, Any]:
    return {
        "adminEventsDetailsEnabled": flag(planned, "adminEventsDetailsEnabled"),
        "adminEventsEnabled": flag(planned, "adminEventsEnabled"),
        "enabledEventTypes": texts(planned, "enabledEventTypes"),
        "eventsEnabled": flag(planned, "eventsEnabled"),
        "eventsExpiration": whole(planned, "eventsExpiration"),
        "eventsListeners": texts(planned, "eventsListeners"),
    }
