"""Vault's secret engines and sign-in methods: what is mounted where, and how it is tuned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lab.plugins.bridged import Handler, Property, ResourceType, Shape
from lab.plugins.errors import ServerRefusedError
from lab.plugins.values import Object, Value
from lab.plugins.vault.client import Client
from lab.plugins.vault.fields import (
    NAMESPACE,
    computed,
    duration_text,
    fixed,
    flags,
    lists,
    numbers,
    outputs,
    same_duration,
    texts,
    to_vault,
)
from lab.waiting import NotInTimeError, wait_until

_MOVING_SECONDS = 60.0
"""How long Vault may take to move an engine's data to another path."""

_TUNED_LISTS = (
    *lists("allowedManagedKeys", "allowedResponseHeaders"),
    *computed(lists("auditNonHmacRequestKeys", "auditNonHmacResponseKeys")),
    *lists("delegatedAuthAccessors", "passthroughRequestHeaders"),
)
_TUNED_TEXTS = texts("identityTokenKey", "listingVisibility")
_TIMES = computed(numbers("defaultLeaseTtlSeconds", "maxLeaseTtlSeconds"))

MOUNT = ResourceType(
    "vault:index/mount:Mount",
    (
        *outputs("accessor"),
        *_TUNED_LISTS,
        *_TIMES,
        *texts("description"),
        *fixed(flags("externalEntropyAccess", default=False)),
        *computed(flags("forceNoCache")),
        *_TUNED_TEXTS,
        *fixed(flags("local")),
        NAMESPACE,
        Property("options", Shape.MAP),
        Property("path", required=True),
        *texts("pluginVersion"),
        *fixed(computed(flags("sealWrap"))),
        Property("type", required=True, replaces=True),
    ),
)

_METHOD_LISTS = (
    "allowedResponseHeaders",
    "auditNonHmacRequestKeys",
    "auditNonHmacResponseKeys",
    "passthroughRequestHeaders",
)
_TUNE = (
    *computed(Property(name, Shape.SET) for name in _METHOD_LISTS),
    *computed(Property(name, same=same_duration) for name in ("defaultLeaseTtl", "maxLeaseTtl")),
    *computed(texts("listingVisibility", "tokenType")),
)

AUTH_BACKEND = ResourceType(
    "vault:index/authBackend:AuthBackend",
    (
        *outputs("accessor"),
        *texts("description"),
        *flags("disableRemount", default=False),
        *texts("identityTokenKey"),
        *fixed(flags("local")),
        NAMESPACE,
        *computed(texts("path")),
        Property("tune", Shape.BLOCK, computed=True, fields=_TUNE),
        Property("type", required=True, replaces=True),
    ),
    schema_version=1,
)


def covered(client: Client) -> tuple[tuple[ResourceType, Handler], ...]:
    """The types of this module with their handlers."""
    return ((MOUNT, Mounts(client)), (AUTH_BACKEND, SignInMethods(client)))


class Mounts:
    """Secret engines; the id is the path."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, planned: Object) -> tuple[str, Object]:
        """Mount the engine."""
        path = _trimmed(planned["path"])
        self._client.write(
            f"sys/mounts/{path}",
            {
                "type": planned["type"],
                "description": planned["description"],
                "local": planned["local"],
                "seal_wrap": planned["sealWrap"],
                "external_entropy_access": planned["externalEntropyAccess"],
                "options": planned["options"],
                "config": {**_tuning(planned), "force_no_cache": planned["forceNoCache"] or False},
            },
        )
        return path, self.read(path, planned) or {}

    def read(self, identity: str, state: Object) -> Object | None:
        """The engine as it is mounted."""
        identity = _path(identity, state)
        mount = (self._client.read("sys/mounts") or {}).get(f"{identity}/")
        if mount is None:
            return None
        config = mount["config"]
        return {
            "path": identity,
            "type": mount["type"],
            "accessor": mount["accessor"],
            "description": mount["description"],
            "local": mount["local"],
            "sealWrap": mount["seal_wrap"],
            "externalEntropyAccess": mount["external_entropy_access"],
            "options": mount.get("options") or {},
            "forceNoCache": config["force_no_cache"],
            "defaultLeaseTtlSeconds": config["default_lease_ttl"],
            "maxLeaseTtlSeconds": config["max_lease_ttl"],
            **{item.name: config.get(item.terraform_name) or [] for item in _TUNED_LISTS},
            **{item.name: config.get(item.terraform_name) or "" for item in _TUNED_TEXTS},
        }

    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        """Move the engine where its path changed, then tune it."""
        path = self.identity_of(planned)
        _move(self._client, _path(identity, prior), path)
        tuning = {**_tuning(planned), **_emptied(_TUNED_LISTS, prior, planned)}
        self._client.write(
            f"sys/mounts/{path}/tune",
            {
                **tuning,
                "description": planned["description"] or "",
                "options": planned["options"],
                "plugin_version": planned["pluginVersion"],
            },
        )
        return self.read(path, planned) or {}

    def identity_of(self, planned: Object) -> str:
        """The path."""
        return _trimmed(planned["path"])

    def delete(self, identity: str, state: Object) -> None:
        """Unmount the engine, with all it holds."""
        self._client.delete(f"sys/mounts/{_path(identity, state)}")


class SignInMethods:
    """Auth backends; the id is the path."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, planned: Object) -> tuple[str, Object]:
        """Enable the method."""
        path = self.identity_of(planned)
        self._client.write(
            f"sys/auth/{path}",
            {
                "type": planned["type"],
                "description": planned["description"],
                "local": planned["local"],
                "config": {
                    **to_vault(_TUNE, planned["tune"] or {}),
                    "identity_token_key": planned["identityTokenKey"],
                },
            },
        )
        return path, self.read(path, planned) or {}

    def read(self, identity: str, state: Object) -> Object | None:
        """The method as it is enabled."""
        identity = _path(identity, state)
        method = (self._client.read("sys/auth") or {}).get(f"{identity}/")
        if method is None:
            return None
        tuned = self._client.read(f"sys/auth/{identity}/tune") or {}
        return {
            "path": identity,
            "type": method["type"],
            "accessor": method["accessor"],
            "description": method["description"],
            "local": method["local"],
            "tune": {
                **{item.name: tuned.get(item.terraform_name) or [] for item in _TUNE[: len(_METHOD_LISTS)]},
                "defaultLeaseTtl": duration_text(tuned["default_lease_ttl"]),
                "maxLeaseTtl": duration_text(tuned["max_lease_ttl"]),
                "listingVisibility": tuned.get("listing_visibility") or "",
                "tokenType": tuned.get("token_type") or "",
            },
        }

    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        """Move the method where its path changed, then tune it."""
        path = self.identity_of(planned)
        _move(self._client, f"auth/{_path(identity, prior)}", f"auth/{path}")
        wanted = to_vault(_TUNE, planned["tune"] or {})
        self._client.write(f"sys/auth/{path}/tune", {**wanted, "description": planned["description"] or ""})
        return self.read(path, planned) or {}

    def identity_of(self, planned: Object) -> str:
        """The path, which is the type's name where none is given."""
        return _trimmed(planned["path"] or planned["type"])

    def delete(self, identity: str, state: Object) -> None:
        """Disable the method, with its roles."""
        self._client.delete(f"sys/auth/{_path(identity, state)}")


def _tuning(planned: Mapping[str, Value]) -> dict[str, Any]:
    return {
        "default_lease_ttl": _seconds(planned["defaultLeaseTtlSeconds"]),
        "max_lease_ttl": _seconds(planned["maxLeaseTtlSeconds"]),
        **to_vault((*_TUNED_LISTS, *_TUNED_TEXTS), planned),
    }


def _emptied(
    properties: Iterable[Property], prior: Mapping[str, Value], planned: Mapping[str, Value]
) -> dict[str, Any]:
    """Empty lists for what was given and no longer is."""
    return {
        item.terraform_name: [] for item in properties if prior.get(item.name) and not planned.get(item.name)
    }


def _seconds(value: Value) -> str | None:
    return None if value is None else f"{int(value)}s"


def _path(identity: str, state: Mapping[str, Value]) -> str:
    """Where it is mounted: the engine keeps an id that a move has made stale, the outputs say the new one."""
    return _trimmed(state.get("path") or identity)


def _trimmed(path: str) -> str:
    return path.strip("/")


def _move(client: Client, old: str, new: str) -> None:
    if old == new:
        return
    move = client.write("sys/remount", {"from": old, "to": new})["migration_id"]

    def moved() -> bool:
        info = (client.read(f"sys/remount/status/{move}") or {}).get("migration_info") or {}
        if info.get("status") == "failure":
            raise ServerRefusedError(f"Vault could not move {old} to {new}", 500, "see its log")
        return info.get("status") == "success"

    try:
        wait_until(moved, _MOVING_SECONDS, f"the move of {old} to {new} in Vault")
    except NotInTimeError as late:
        raise ServerRefusedError(f"moving {old} to {new}", 504, str(late)) from late
