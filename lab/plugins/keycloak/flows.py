"""Authentication flows: top-level ones, flows within flows, their steps with configurations, and which are bound.

After the official provider's source; no recording of these types was at hand.
"""

from typing import Any

from lab.plugins.errors import PluginError
from lab.plugins.keycloak import realm_fields
from lab.plugins.keycloak.fields import Properties, parts_of, text, whole
from lab.plugins.keycloak.roles import at, found_or_none
from lab.plugins.keycloak.server import Server


def _authentication(state: Properties) -> str:
    return at("realms", text(state, "realmId"), "authentication")


def _steps(state: Properties) -> str:
    return _authentication(state) + at("flows", text(state, "parentFlowAlias"), "executions")


class NoSuchStepError(PluginError):
    """A flow that lacks the step of a flow below it. Attributes: parent, flow."""

    def __init__(self, parent: str, flow: str) -> None:
        super().__init__(f"no authentication execution under parent flow alias {parent} has the flow {flow}")
        self.parent, self.flow = parent, flow


class Flows:
    """Top-level flows; the id is Keycloak's own."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Make the flow; raises PluginError."""
        identity = self._server.post(_authentication(planned) + "/flows", _flow(planned, top=True))
        return identity, self.read(identity, planned) or {}

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The flow as it is, None when it is gone."""
        flow = found_or_none(self._server, _authentication(state) + at("flows", identity))
        if flow is None:
            return None
        return {"realmId": text(state, "realmId"), **_properties(flow)}

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Make the flow what is planned."""
        path = _authentication(planned) + at("flows", identity)
        self._server.put(path, _flow(planned, top=True) | {"id": identity})
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names the flow as `realm/flow's id`."""
        realm, found = parts_of(identity, "{{realmId}}/{{authenticationFlowId}}", 2)
        return found, {"realmId": realm}

    def delete(self, identity: str, state: Properties) -> None:
        """Delete the flow; Keycloak refuses one that is bound."""
        self._server.delete(_authentication(state) + at("flows", identity))


class Subflows:
    """Flows within flows, each with the step of its parent that leads to it; the id is the flow's."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Make the flow and its step; raises PluginError."""
        made = {
            "alias": text(planned, "alias"),
            "type": text(planned, "providerId"),
            "provider": text(planned, "authenticator"),
            "description": text(planned, "description"),
            "priority": whole(planned, "priority"),
        }
        identity = self._server.post(_steps(planned) + "/flow", made)
        return identity, self.update(identity, {}, planned)

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The flow and its step as they are, None when it is gone."""
        flow = found_or_none(self._server, _authentication(state) + at("flows", identity))
        if flow is None:
            return None
        step = self._step(identity, state)
        return {
            "realmId": text(state, "realmId"),
            "parentFlowAlias": text(state, "parentFlowAlias"),
            "authenticator": text(state, "authenticator"),
            "requirement": step["requirement"],
            "priority": step.get("priority") or 0,
            **_properties(flow),
        }

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Make flow and step what is planned."""
        path = _authentication(planned) + at("flows", identity)
        self._server.put(path, _flow(planned, top=False) | {"id": identity})
        self._server.put(_steps(planned), _step(self._step(identity, planned)["id"], planned))
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names the flow as `realm/parent's alias/flow's id`."""
        form = "{{realmId}}/{{parentFlowAlias}}/{{authenticationSubFlowId}}"
        realm, parent, found = parts_of(identity, form, 3)
        return found, {"realmId": realm, "parentFlowAlias": parent}

    def delete(self, identity: str, state: Properties) -> None:
        """Delete the step, and the flow with it."""
        if found_or_none(self._server, _authentication(state) + at("flows", identity)) is not None:
            step = self._step(identity, state)["id"]
            self._server.delete(_authentication(state) + at("executions", step))

    def _step(self, identity: str, state: Properties) -> dict[str, Any]:
        for step in self._server.get(_steps(state)):
            if step.get("flowId") == identity:
                found: dict[str, Any] = step
                return found
        raise NoSuchStepError(text(state, "parentFlowAlias"), identity)


class Executions:
    """Steps of a flow; the id is Keycloak's own."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Add the step; raises PluginError."""
        made = {"provider": text(planned, "authenticator"), "priority": whole(planned, "priority")}
        identity = self._server.post(_steps(planned) + "/execution", made)
        return identity, self.update(identity, {}, planned)

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The step as it is, None when it is gone."""
        step = found_or_none(self._server, _authentication(state) + at("executions", identity))
        if step is None:
            return None
        return {
            "realmId": text(state, "realmId"),
            "parentFlowAlias": text(state, "parentFlowAlias"),
            "authenticator": step["authenticator"],
            "requirement": step["requirement"],
            "priority": step.get("priority") or 0,
        }

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Make the step what is planned."""
        self._server.put(_steps(planned), _step(identity, planned))
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names the step as `realm/parent's alias/step's id`."""
        form = "{{realmId}}/{{parentFlowAlias}}/{{authenticationExecutionId}}"
        realm, parent, found = parts_of(identity, form, 3)
        return found, {"realmId": realm, "parentFlowAlias": parent}

    def delete(self, identity: str, state: Properties) -> None:
        """Delete the step."""
        self._server.delete(_authentication(state) + at("executions", identity))


class ExecutionConfigs:
    """The settings of a step; the id is Keycloak's own."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Give the step its settings; raises PluginError."""
        path = _authentication(planned) + at("executions", text(planned, "executionId"), "config")
        identity = self._server.post(path, _settings(planned))
        return identity, self.read(identity, planned) or {}

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The settings as they are, None when they are gone."""
        found = found_or_none(self._server, _authentication(state) + at("config", identity))
        if found is None:
            return None
        return {
            "realmId": text(state, "realmId"),
            "executionId": text(state, "executionId"),
            "alias": found["alias"],
            "config": {key: str(value) for key, value in (found.get("config") or {}).items()},
        }

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Make the settings what is planned."""
        path = _authentication(planned) + at("config", identity)
        self._server.put(path, _settings(planned) | {"id": identity})
        return self.read(identity, planned) or {}

    def locate(self, identity: str) -> tuple[str, dict[str, Any]]:
        """An import names them as `realm/step's id/their id`."""
        form = "{{realm}}/{{authenticationExecutionId}}/{{authenticationExecutionConfigId}}"
        realm, step, found = parts_of(identity, form, 3)
        return found, {"realmId": realm, "executionId": step}

    def delete(self, identity: str, state: Properties) -> None:
        """Take the settings away."""
        self._server.delete(_authentication(state) + at("config", identity))


class Bindings:
    """Which flow a realm uses for what; the id is the realm's name."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, planned: Properties) -> tuple[str, dict[str, Any]]:
        """Bind the flows, the built-in ones where none is named; raises PluginError."""
        identity = text(planned, "realmId")
        return identity, self.update(identity, {}, planned)

    def read(self, identity: str, state: Properties) -> dict[str, Any] | None:
        """The bound flows, None when the realm is gone."""
        del state
        realm = found_or_none(self._server, at("realms", identity))
        if realm is None:
            return None
        return {"realmId": identity, **{name: realm.get(name) for name in realm_fields.FLOWS}}

    def update(self, identity: str, _prior: Properties, planned: Properties) -> dict[str, Any]:
        """Bind the flows, writing the rest of the realm as it is."""
        wanted = {name: text(planned, name) or builtin for name, builtin in realm_fields.FLOWS.items()}
        self._server.put(at("realms", identity), self._server.get(at("realms", identity)) | wanted)
        return self.read(identity, planned) or {}

    def delete(self, identity: str, state: Properties) -> None:
        """Bind the built-in flows again."""
        del state
        realm = found_or_none(self._server, at("realms", identity))
        if realm is not None:
            self._server.put(at("realms", identity), realm | realm_fields.FLOWS)


def _flow(planned: Properties, *, top: bool) -> dict[str, Any]:
    return {
        "alias": text(planned, "alias"),
        "description": text(planned, "description"),
        "providerId": text(planned, "providerId") or "basic-flow",
        "topLevel": top,
        "builtIn": False,
    }


def _properties(flow: Properties) -> dict[str, Any]:
    return {
        "alias": flow["alias"],
        "description": flow.get("description") or "",
        "providerId": flow["providerId"],
    }


def _step(identity: str, planned: Properties) -> dict[str, Any]:
    return {
        "id": identity,
        "requirement": text(planned, "requirement"),
        "priority": whole(planned, "priority"),
    }


def _settings(planned: Properties) -> dict[str, Any]:
    return {"alias": text(planned, "alias"), "config": dict(planned.get("config") or {})}
