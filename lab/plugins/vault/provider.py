"""The Vault plugin: its settings, its token, and which type is handled where."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from lab.plugins import base
from lab.plugins.bridged import BridgedResource
from lab.plugins.errors import SettingsError
from lab.plugins.values import UNKNOWN, Object, Value, plain
from lab.plugins.vault import approle, authorities, key_values, kubernetes_auth, mounts, pki, policies
from lab.plugins.vault.client import Client, Settings

_CHILD_SECONDS = 1200
"""How long a child token lives, unless `maxLeaseTtlSeconds` says otherwise (the official plugin's default)."""

_NOWHERE = "https://vault.invalid"
"""Stands for an address that a preview does not know yet."""


class VaultProvider(base.Provider):
    """`lab.plugins.base.Provider` for Vault."""

    name = "vault"

    def __init__(self) -> None:
        # Check, Diff and previews ask no server: they work before Vault's address is known.
        self._resources = _resources(Client(Settings(_NOWHERE, "")))

    def replacing_settings(self, old: Object, new: Object) -> tuple[str, ...]:
        """None: the official plugin never replaces for its settings."""
        del old, new
        return ()

    def configure(self, settings: Mapping[str, Value]) -> None:
        """Sign in; raises SettingsError, ServerAwayError, SealedError or ServerRefusedError."""
        known = plain(settings)
        if any(known.get(name) is UNKNOWN for name in ("address", "token", "caCertFile")):
            return
        client = Client(settings_of(known))
        client.require_unsealed()
        if not _yes(known.get("skipChildToken")):
            client.use_token(_child_token(client, known))
        self._resources = _resources(client)

    def resource(self, type_token: str) -> base.Resource | None:
        """The handler of a covered type."""
        return self._resources.get(type_token)


def _resources(client: Client) -> Mapping[str, BridgedResource]:
    return {
        described.token: BridgedResource(described, handler)
        for module in (mounts, policies, kubernetes_auth, approle, authorities, pki, key_values)
        for described, handler in module.covered(client)
    }


def settings_of(values: Mapping[str, Value]) -> Settings:
    """The provider's inputs, completed from the environment; raises SettingsError."""
    address = str(values.get("address") or os.environ.get("VAULT_ADDR") or "")
    if not address:
        raise SettingsError(
            "vault", "it has no address", "set `address` of vault.Provider, or VAULT_ADDR in the environment"
        )
    token = str(values.get("token") or os.environ.get("VAULT_TOKEN") or _stored_token())
    if not token:
        raise SettingsError(
            "vault",
            "it has no token",
            'set VAULT_TOKEN in the environment (in the lab: `eval "$(sitectl lab env)"`)',
        )
    authority = values.get("caCertFile") or os.environ.get("VAULT_CACERT") or None
    verify = not _yes(values.get("skipTlsVerify") or os.environ.get("VAULT_SKIP_VERIFY"))
    if authority and not Path(str(authority)).is_file():
        raise SettingsError("vault", f"there is no file {authority}", "VAULT_CACERT names a PEM file")
    return Settings(address, token, str(authority) if authority else None, verify)


def _child_token(client: Client, values: Mapping[str, Value]) -> str:
    seconds = int(values.get("maxLeaseTtlSeconds") or _CHILD_SECONDS)
    answer = client.authenticate(
        "auth/token/create",
        {
            "display_name": values.get("tokenName") or "terraform",
            "ttl": f"{seconds}s",
            "explicit_max_ttl": f"{seconds}s",
            "renewable": False,
        },
    )
    return str(answer["client_token"])


def _stored_token() -> str:
    """What `vault login` left."""
    path = Path.home() / ".vault-token"
    return path.read_text().strip() if path.is_file() else ""


def _yes(value: Value) -> bool:
    return str(value).lower() in ("true", "1")
