"""Vault's ACL policies."""

from __future__ import annotations

from lab.plugins.bridged import Handler, Property, ResourceType, Shape
from lab.plugins.values import Object
from lab.plugins.vault.client import Client
from lab.plugins.vault.fields import NAMESPACE

POLICY = ResourceType(
    "vault:index/policy:Policy",
    (
        Property(
            "allowOverwrite",
            Shape.FLAG,
            computed=True,
            deprecated="Overwriting pre-existing policies will soon be removed; import existing ones.",
        ),
        Property("name", replaces=True, autoname=True),
        NAMESPACE,
        Property("policy", required=True),
    ),
)


def covered(client: Client) -> tuple[tuple[ResourceType, Handler], ...]:
    """The types of this module with their handlers."""
    return ((POLICY, Policies(client)),)


class Policies:
    """The id is the policy's name."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, planned: Object) -> tuple[str, Object]:
        """Write the policy."""
        return planned["name"], self.update(planned["name"], {}, planned)

    def read(self, identity: str, state: Object) -> Object | None:
        """The policy as it is."""
        del state
        found = self._client.read(_path(identity))
        return None if found is None else {"name": identity, "policy": found.get("policy")}

    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        """Write the policy again."""
        del prior
        self._client.write(_path(identity), {"policy": planned["policy"]})
        return self.read(identity, planned) or {}

    def delete(self, identity: str, state: Object) -> None:
        """Delete the policy."""
        del state
        self._client.delete(_path(identity))


def _path(name: str) -> str:
    return f"sys/policies/acl/{name}"
