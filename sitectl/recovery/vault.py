"""Looks in Vault for what a second creation would not simply write over: engines, keys and certificates."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from sitectl.checks import Unreachable
from sitectl.checks.web import Answer, Web
from sitectl.recovery.found import Found, Look, LookError
from sitectl.recovery.wanted import Wanted
from sitectl.vault_token import vault_token

AREA = "vault"
MOUNT = "vault:index/mount:Mount"
LOGIN = "vault:index/authBackend:AuthBackend"
ROOT = "vault:pkiSecret/secretBackendRootCert:SecretBackendRootCert"
REQUEST = "vault:pkiSecret/secretBackendIntermediateCertRequest:SecretBackendIntermediateCertRequest"
SIGNED = "vault:pkiSecret/secretBackendRootSignIntermediate:SecretBackendRootSignIntermediate"
TAKEN_IN = "vault:pkiSecret/secretBackendIntermediateSetSigned:SecretBackendIntermediateSetSigned"
# Seen with Vault 1.21.4: it answers, and then the next deletion of an engine has no end.
CUT_OFF = "have Vault started again before the next engine is deleted (runbooks/interrupted-deployment.md)"
# What the plugin fills in, and Vault does not give back.
_DEFAULTS = {"format": "pem", "privateKeyFormat": "der"}
_DELETED = (200, 204)


@dataclass(frozen=True)
class Key:
    """A key of a CA that was asked for and never certified: nothing is signed with it, and its request is lost."""

    mount: str
    id: str
    name: str


@dataclass(frozen=True)
class Vault:
    """The Vault of a site, with the environment's token."""

    web: Web

    def look(
        self, missing: Iterable[Wanted], resources: Mapping[str, Mapping[str, Any]]
    ) -> tuple[Look, dict[str, Key]]:
        """Say what is there of the missing resources, and which keys stand in the way; `resources` is the state by URN.

        Raises LookError.
        """
        found: dict[str, Found] = {}
        keys = {}
        for wanted in missing:
            there = None
            if wanted.made.type == MOUNT:
                there = self._mount(str(wanted.inputs["path"]))
            elif wanted.made.type == LOGIN:
                there = self._login(str(wanted.inputs["path"]))
            elif wanted.made.type == ROOT:
                there = self._root(wanted)
            elif wanted.made.type == TAKEN_IN:
                there = self._taken_in(wanted, resources)
            elif wanted.made.type == REQUEST and (key := self._lost_key(wanted)):
                keys[wanted.urn] = key
            if there is not None:
                found[wanted.urn] = there
        return Look(found), keys

    def lost(self, resources: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Return the URNs of what the state has in engines that are not there; raises LookError.

        Pulumi's plugin reads nothing again of keys and signatures, and would take them for there.
        """
        mounts = self._data("sys/mounts") or {}
        return [
            urn
            for urn, entry in resources.items()
            if str(entry["type"]).startswith("vault:pkiSecret/")
            and (path := (entry.get("inputs") or {}).get("backend"))
            and f"{path}/" not in mounts
        ]

    def delete(self, key: Key) -> None:
        """Delete a key that was never certified; raises LookError."""
        answer = self._ask("DELETE", f"{key.mount}/key/{key.id}")
        if answer.status not in _DELETED:
            raise LookError(
                AREA, f"the key {key.name} of {key.mount} cannot be deleted: HTTP {answer.status}"
            )

    def _mount(self, path: str) -> Found | None:
        mounts = self._data("sys/mounts") or {}
        mount = mounts.get(f"{path}/")
        return Found(path) if mount is not None and mount.get("type") == "pki" else None

    def _login(self, path: str) -> Found | None:
        return Found(path) if f"{path}/" in (self._data("sys/auth") or {}) else None

    def _root(self, wanted: Wanted) -> Found | None:
        mount = str(wanted.inputs["backend"])
        issuer = self._data(f"{mount}/issuer/{wanted.inputs['issuerName']}")
        if issuer is None:
            return None
        certificate = str(issuer["certificate"]).strip()
        outputs = {
            **_DEFAULTS,
            "certificate": certificate,
            "issuingCa": certificate,
            "serialNumber": _serial(certificate),
            "issuerId": issuer["issuer_id"],
            "keyId": issuer["key_id"],
        }
        return Found(f"{mount}/issuer/{issuer['issuer_id']}", outputs)

    def _taken_in(self, wanted: Wanted, resources: Mapping[str, Mapping[str, Any]]) -> Found | None:
        """Find the issuer of the certificate that the state says was signed."""
        signed = [
            resources[urn]["outputs"]["certificate"]
            for urn in wanted.depends_on
            if urn in resources and resources[urn]["type"] == SIGNED
        ]
        mount = str(wanted.inputs["backend"])
        for identity in (self._list(f"{mount}/issuers") or {}).get("keys", []):
            issuer = self._data(f"{mount}/issuer/{identity}") or {}
            if any(str(issuer.get("certificate", "")).strip() == str(text).strip() for text in signed):
                outputs = {
                    "certificate": signed[0],
                    "importedIssuers": [identity],
                    "importedKeys": [],
                }
                return Found(f"{mount}/intermediate/set-signed/{identity}", outputs)
        return None

    def _lost_key(self, wanted: Wanted) -> Key | None:
        mount, name = str(wanted.inputs["backend"]), str(wanted.inputs["keyName"])
        named = (self._list(f"{mount}/keys") or {}).get("key_info", {})
        mine = [identity for identity, info in named.items() if (info or {}).get("key_name") == name]
        if not mine:
            return None
        for issuer in (self._list(f"{mount}/issuers") or {}).get("keys", []):
            if (self._data(f"{mount}/issuer/{issuer}") or {}).get("key_id") in mine:
                return None
        return Key(mount, mine[0], name)

    def _list(self, path: str) -> dict[str, Any] | None:
        return self._data(f"{path}?list=true")

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


def _serial(certificate: str) -> str:
    """Return a certificate's serial number as Vault writes it: `0a:1b:…`."""
    number = x509.load_pem_x509_certificate(certificate.encode()).serial_number
    return number.to_bytes((number.bit_length() + 7) // 8 or 1, "big").hex(":")
