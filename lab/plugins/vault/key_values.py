"""Values in Vault's versioned key-value engine."""

from __future__ import annotations

import json
from dataclasses import replace

from lab.plugins.bridged import Handler, Property, ResourceType, Shape
from lab.plugins.values import Object, Value
from lab.plugins.vault.client import Client
from lab.plugins.vault.fields import NAMESPACE, computed, flags, numbers, outputs


def same_json(stored: Value, wanted: Value) -> bool:
    """Whether two JSON texts say the same."""
    try:
        return bool(json.loads(stored) == json.loads(wanted))
    except (TypeError, ValueError):
        return False


_WRITE_ONLY = "write-only values do not pass through Pulumi"
_SETTINGS = (
    *computed(flags("casRequired")),
    Property("data", Shape.MAP, computed=True),
    *computed(numbers("deleteVersionAfter", "maxVersions")),
)
SECRET = ResourceType(
    "vault:kv/secretV2:SecretV2",
    (
        *numbers("cas"),
        Property("customMetadata", Shape.BLOCK, computed=True, fields=_SETTINGS),
        *(replace(item, secret=True) for item in outputs("data", shape=Shape.MAP)),
        Property("dataJson", secret=True, same=same_json),
        Property("dataJsonWo", not_covered=_WRITE_ONLY),
        *numbers("dataJsonWoVersion"),
        *flags("deleteAllVersions", "disableRead", default=False),
        *outputs("metadata", shape=Shape.MAP),
        Property("mount", required=True, replaces=True),
        Property("name", replaces=True, autoname=True),
        NAMESPACE,
        Property("options", Shape.MAP),
        *outputs("path"),
    ),
)


def covered(client: Client) -> tuple[tuple[ResourceType, Handler], ...]:
    """The types of this module with their handlers."""
    return ((SECRET, Secrets(client)),)


class Secrets:
    """One secret with its versions; the id is `<mount>/data/<name>`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, planned: Object) -> tuple[str, Object]:
        """Write the first version."""
        identity = f"{planned['mount'].strip('/')}/data/{planned['name']}"
        return identity, self.update(identity, {}, planned)

    def read(self, identity: str, state: Object) -> Object | None:
        """The newest version, unless `disableRead` says to leave it alone."""
        if state.get("disableRead"):
            return state
        found = self._client.read(identity)
        if found is None or found.get("data") is None:
            return None
        mount, _, name = identity.partition("/data/")
        kept = self._client.read(f"{mount}/metadata/{name}") or {}
        return {
            "mount": mount,
            "name": name,
            "path": identity,
            "data": {},
            "dataJson": json.dumps(found["data"], separators=(",", ":"), sort_keys=True),
            "metadata": {
                key: value if isinstance(value, str) else json.dumps(value)
                for key, value in found["metadata"].items()
            },
            "customMetadata": {
                "casRequired": bool(kept.get("cas_required")),
                "data": kept.get("custom_metadata") or {},
                "deleteVersionAfter": int(str(kept.get("delete_version_after") or "0s").rstrip("s")),
                "maxVersions": kept.get("max_versions") or 0,
            },
        }

    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        """Write another version where the value changed, and the settings where given."""
        mount, _, name = identity.partition("/data/")
        wanted = planned["dataJson"] or "{}"
        if not same_json(prior.get("dataJson"), wanted):
            options = {**(planned["options"] or {})}
            if planned["cas"] is not None:
                options["cas"] = planned["cas"]
            self._client.write(identity, {"data": json.loads(wanted), "options": options or None})
        settings = planned["customMetadata"]
        if settings and settings != prior.get("customMetadata"):
            self._client.write(f"{mount}/metadata/{name}", _metadata(settings))
        return {**(self.read(identity, planned) or {}), "dataJson": planned["dataJson"]}

    def delete(self, identity: str, state: Object) -> None:
        """Delete the newest version, or all of them where `deleteAllVersions` says so."""
        mount, _, name = identity.partition("/data/")
        self._client.delete(f"{mount}/metadata/{name}" if state.get("deleteAllVersions") else identity)


def _metadata(settings: Object) -> Object:
    after = settings.get("deleteVersionAfter")
    return {
        "cas_required": settings.get("casRequired"),
        "custom_metadata": settings.get("data"),
        "delete_version_after": None if after is None else f"{after}s",
        "max_versions": settings.get("maxVersions"),
    }
