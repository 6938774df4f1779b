"""Looks in Keycloak for what a second creation would be refused or made twice: by name, for the id."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sitectl.checks import Unreachable
from sitectl.checks.keycloak import credentials
from sitectl.checks.web import Web
from sitectl.recovery.found import Found, Look, LookError
from sitectl.recovery.wanted import Wanted, with_ids

AREA = "keycloak"
NOT_FOUND = 404


@dataclass(frozen=True)
class Keycloak:
    """The Keycloak of a site, signed in."""

    web: Web

    def look(
        self, missing: Iterable[Wanted], everything: Mapping[str, Wanted], ids: Mapping[str, str]
    ) -> Look:
        """Say what is there of the missing resources; `ids` are those that the state has, by URN. Raises LookError.

        What belongs to a resource that is not there is not there either.
        """
        found: dict[str, Found] = {}
        known = dict(ids)
        for resource in missing:
            wanted = with_ids(resource, everything, known)
            identity = self._identity(wanted, frozenset(known.values()))
            if identity is not None:
                found[wanted.urn] = Found(identity)
                known[wanted.urn] = identity
        return Look(found)

    def _identity(self, wanted: Wanted, taken: frozenset[str]) -> str | None:
        """Return the id of a resource that is there; None for one that is not, or that `up` simply writes over."""
        kind, inputs = wanted.made.kind, wanted.inputs
        if kind == "Realm":
            name = str(inputs["realm"])
            return name if self._get(f"/admin/realms/{_at(name)}") is not None else None
        realm = f"/admin/realms/{_at(str(inputs['realmId']))}"
        if kind in ("Subflow", "Execution"):
            return self._step(kind, realm, inputs, taken)
        if kind == "ExecutionConfig":
            step = self._get(f"{realm}/authentication/executions/{_at(str(inputs['executionId']))}")
            configured = (step or {}).get("authenticatorConfig")
            return str(configured) if configured else None
        return self._named(kind, realm, inputs)

    def _named(self, kind: str, realm: str, inputs: Mapping[str, Any]) -> str | None:
        """Find what Keycloak lists by a name."""
        key = {"Client": "clientId", "Flow": "alias"}.get(kind, "name")
        name = _at(str(inputs.get(key, "")))
        lists = {
            "Role": f"roles?search={name}&max=1000",
            "Group": f"groups?exact=true&search={name}",
            "ClientScope": "client-scopes",
            "Client": f"clients?clientId={name}",
            "Flow": "authentication/flows",
        }
        if kind.endswith("ProtocolMapper"):
            lists[kind] = f"{_carrier(inputs)}/protocol-mappers/models"
        # A client that Keycloak made itself is adopted again, as often as one likes.
        if kind not in lists or inputs.get("import"):
            return None
        for entry in self._get(f"{realm}/{lists[kind]}") or []:
            if entry.get(key) == inputs[key]:
                return str(entry["id"])
        return None

    def _step(self, kind: str, realm: str, inputs: Mapping[str, Any], taken: frozenset[str]) -> str | None:
        """Find a step of a flow, or the flow that a step leads to; a step that the state has is another's."""
        flow = _at(str(inputs["parentFlowAlias"]))
        for step in self._get(f"{realm}/authentication/flows/{flow}/executions") or []:
            if step.get("level"):
                continue
            if kind == "Subflow" and step.get("displayName") == inputs["alias"] and step.get("flowId"):
                return str(step["flowId"])
            if kind == "Execution" and step.get("providerId") == inputs["authenticator"]:
                identity = str(step["id"])
                if identity not in taken:
                    return identity
        return None

    def _get(self, path: str) -> Any:
        """Return what is at a path, None where nothing is; raises LookError."""
        try:
            answer = self.web.get(path)
        except Unreachable as failure:
            raise LookError(AREA, f"{failure.address}: {failure.reason}") from None
        if answer.status == NOT_FOUND:
            return None
        if answer.status != 200:
            raise LookError(AREA, f"{path}: HTTP {answer.status}")
        return answer.body


def connect(address: str, authorities: str | None) -> Keycloak:
    """Return the Keycloak at an address with the environment's login; raises LookError."""
    fields = credentials()
    if fields is None:
        raise LookError(AREA, "no credentials: set the KEYCLOAK_… variables")
    realm = os.environ.get("KEYCLOAK_REALM", "master")
    try:
        answer = Web(address, authorities).post_form(f"/realms/{realm}/protocol/openid-connect/token", fields)
    except Unreachable as failure:
        raise LookError(AREA, f"{failure.address}: {failure.reason}") from None
    if answer.status != 200:
        raise LookError(AREA, f"the login is refused: HTTP {answer.status}")
    return Keycloak(Web(address, authorities, {"Authorization": f"Bearer {answer.body['access_token']}"}))


def _carrier(inputs: Mapping[str, Any]) -> str:
    client = inputs.get("clientId")
    return f"clients/{_at(str(client))}" if client else f"client-scopes/{_at(str(inputs['clientScopeId']))}"


def _at(text: str) -> str:
    return quote(text, safe="")
