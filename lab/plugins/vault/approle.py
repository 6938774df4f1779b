"""Vault's sign-in for machines: the roles of an AppRole mount."""

from __future__ import annotations

from collections.abc import Set

from lab.plugins.bridged import Handler, Property, ResourceType, Shape
from lab.plugins.bridged_schema import is_zero
from lab.plugins.values import Object, Value
from lab.plugins.vault.client import Client
from lab.plugins.vault.fields import NAMESPACE, computed, flags, numbers, texts
from lab.plugins.vault.kubernetes_auth import TIMES, Roles

ROLE = ResourceType(
    "vault:appRole/authBackendRole:AuthBackendRole",
    (
        Property("aliasMetadata", Shape.MAP),
        Property("backend", default="approle", replaces=True),
        *flags("bindSecretId", default=True),
        *flags("localSecretIds", default=False),
        NAMESPACE,
        *computed(texts("roleId")),
        Property("roleName", required=True, replaces=True),
        Property("secretIdBoundCidrs", Shape.SET),
        *numbers("secretIdNumUses", "secretIdTtl"),
        Property("tokenBoundCidrs", Shape.SET),
        *TIMES,
        *flags("tokenNoDefaultPolicy"),
        Property("tokenPolicies", Shape.SET),
        Property("tokenType", default="default"),
    ),
)
_APART = ("backend", "namespace", "roleName", "roleId")


def covered(client: Client) -> tuple[tuple[ResourceType, Handler], ...]:
    """The types of this module with their handlers."""
    return ((ROLE, Machines(client)),)


class Machines(Roles):
    """Which machine may have which token; its id at Vault lies at a path of its own."""

    fields = tuple(item for item in ROLE.properties if item.name not in _APART)

    def read(self, identity: str, state: Object) -> Object | None:
        """The role as it is, with the id that a machine names at its login."""
        now = super().read(identity, state)
        if now is not None:
            now["roleId"] = (self.client.read(f"{identity}/role-id") or {}).get("role_id")
        return now

    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        """Write what changes of the role, and its id where the program says one.

        The official plugin writes no more, and Vault refuses to be given `local_secret_ids` again, even the same.
        """
        kept = {item.name for item in self.fields if _same(prior.get(item.name), planned.get(item.name))}
        wanted = planned.get("roleId")
        made = super().update(identity, _without(prior, kept), _without(planned, kept))
        if wanted and wanted != made.get("roleId"):
            self.client.write(f"{identity}/role-id", {"role_id": wanted})
            made["roleId"] = wanted
        return made


def _same(prior: Value, planned: Value) -> bool:
    return prior == planned or (is_zero(prior) and is_zero(planned))


def _without(values: Object, names: Set[str]) -> Object:
    return {name: value for name, value in values.items() if name not in names}
