"""Looks in Vault for what a second creation would not simply write over: engines, keys and certificates."""

import functools
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sitectl.checks import Unreachable
from sitectl.checks.web import Answer, Web
from sitectl.recovery.authorities import ROOT, Authorities, Leftover
from sitectl.recovery.found import Found, Look, LookError
from sitectl.recovery.wanted import Wanted
from sitectl.vault_token import vault_token

AREA = "vault"
MOUNT = "vault:index/mount:Mount"
LOGIN = "vault:index/authBackend:AuthBackend"
# Seen with Vault 1.21.4: it answers, and then the next deletion of an engine has no end.
CUT_OFF = "have Vault started again before the next engine is deleted (runbooks/interrupted-deployment.md)"
_DELETED = (200, 204)


@dataclass(frozen=True)
class Vault:
    """The Vault of a site, with the environment's token."""

    web: Web

    def look(
        self, missing: Iterable[Wanted], resources: Mapping[str, Mapping[str, Any]]
    ) -> tuple[Look, dict[str, Leftover]]:
        """Say what is there of the missing resources, and what stands in the way; `resources` is the state by URN.

        Raises LookError.
        """
        wanted = tuple(missing)
        # Of one engine much is asked more than once.
        found, left = Authorities(functools.cache(self._data), resources, wanted).look()
        for one in wanted:
            there = None
            if one.made.type == MOUNT:
                there = self._mount(str(one.inputs["path"]))
            elif one.made.type == LOGIN:
                there = self._login(str(one.inputs["path"]))
            if there is not None:
                found[one.urn] = there
        return Look(found), left

    def lost(self, resources: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Return the URNs of roots, and of what the state has in engines, that are not there; raises LookError.

        Pulumi's plugin reads nothing again of keys and signatures, and would take them for there. A root it does read,
        and that is too late for a root's key, which stands in the way of another.
        """
        mounts = self._data("sys/mounts") or {}
        return [
            urn
            for urn, entry in resources.items()
            if str(entry["type"]).startswith("vault:pkiSecret/")
            and (path := (entry.get("inputs") or {}).get("backend"))
            and (f"{path}/" not in mounts or (entry["type"] == ROOT and self._data(str(entry["id"])) is None))
        ]

    def delete(self, left: Leftover) -> None:
        """Delete what leads nowhere; raises LookError."""
        for path in left.paths:
            answer = self._ask("DELETE", path)
            if answer.status not in _DELETED:
                raise LookError(AREA, f"{path} cannot be deleted: HTTP {answer.status}")

    def _mount(self, path: str) -> Found | None:
        mounts = self._data("sys/mounts") or {}
        mount = mounts.get(f"{path}/")
        return Found(path) if mount is not None and mount.get("type") == "pki" else None

    def _login(self, path: str) -> Found | None:
        return Found(path) if f"{path}/" in (self._data("sys/auth") or {}) else None

    def _data(self, path: str) -> dict[str, Any] | None:
        """Return what is at a path, None where nothing is; raises LookError."""
        answer = self._ask("GET", path)
        if answer.status == 200:
            data: dict[str, Any] = answer.body["data"]
            return data
        words = " ".join((answer.body or {}).get("errors") or [])
        # Vault answers 500 for an issuer that it does not have, and 403 or 404 where no engine is mounted.
        absent = "unable to find PKI issuer" in words or "no handler for route" in words
        if answer.status == 404 or absent:
            return None
        raise LookError(AREA, f"{path}: HTTP {answer.status} {words}".rstrip())

    def _ask(self, method: str, path: str) -> Answer:
        try:
            return self.web.ask(method, f"/v1/{path}")
        except Unreachable as failure:
            raise LookError(AREA, f"{failure.address}: {failure.reason}") from None


def connect(address: str, authorities: str | None) -> Vault:
    """Return the Vault at an address, with the environment's token; raises LookError where there is none."""
    token = vault_token()
    if token is None:
        raise LookError(AREA, "no token: `vault login`, or set VAULT_TOKEN")
    headers = {"X-Vault-Request": "true", "X-Vault-Token": token}
    if os.environ.get("VAULT_NAMESPACE"):
        headers["X-Vault-Namespace"] = os.environ["VAULT_NAMESPACE"]
    return Vault(Web(address, authorities, headers))
