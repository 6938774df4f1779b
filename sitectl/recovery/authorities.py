"""Looks in Vault for what is left of a site's CAs: what goes back into the state, and what is in the way.

A destruction takes a CA's request and signature out of the state long before Vault deletes the engine with its key and
certificate. `up` would be refused a second key of the name. Where the chain is whole the state gets it back; a key
without its certificate, or a certificate without its root, leads nowhere, and makes room after a question.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from sitectl.recovery.found import Found
from sitectl.recovery.wanted import Wanted

ROOT = "vault:pkiSecret/secretBackendRootCert:SecretBackendRootCert"
REQUEST = "vault:pkiSecret/secretBackendIntermediateCertRequest:SecretBackendIntermediateCertRequest"
SIGNED = "vault:pkiSecret/secretBackendRootSignIntermediate:SecretBackendRootSignIntermediate"
TAKEN_IN = "vault:pkiSecret/secretBackendIntermediateSetSigned:SecretBackendIntermediateSetSigned"
REQUEST_IS_LOST = "Vault does not give a request again"
# What the plugin fills in, and Vault does not give back.
_ROOT_DEFAULTS = {"format": "pem", "privateKeyFormat": "der"}
_REQUEST_DEFAULTS = {**_ROOT_DEFAULTS, "addBasicConstraints": False}
_SIGNED_DEFAULTS = {"format": "pem", "revoke": False, "useCsrValues": False}

Entries = Mapping[str, Mapping[str, Any]]
"""The state's resources by URN."""
Read = Callable[[str], dict[str, Any] | None]
"""Gives what Vault has at a path, None for nothing; raises LookError."""


@dataclass(frozen=True)
class Leftover:
    """What stands in the way of a CA in an engine `mount`: the key called `name`, and certificates that lead nowhere.

    `key` is the key's id, and None for one that stays, since the state has its request; `issuers` are the ids of the
    certificates.
    """

    mount: str
    name: str
    key: str | None
    issuers: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What it is, for a question and a report."""
        if not self.issuers:
            return f"the key {self.name} of {self.mount}, which has no certificate"
        also = "the key {} of {} and its certificate" if self.key else "the certificate of the key {} of {}"
        return f"{also.format(self.name, self.mount)}, whose root is gone"

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths to delete, in their order."""
        certificates = tuple(f"{self.mount}/issuer/{issuer}" for issuer in self.issuers)
        return (*certificates, f"{self.mount}/key/{self.key}") if self.key else certificates


@dataclass(frozen=True)
class Authorities:
    """The CAs of one site in Vault; `state` is what the state has, and `missing` what it lacks."""

    read: Read
    state: Entries
    missing: tuple[Wanted, ...]

    def look(self) -> tuple[dict[str, Found], dict[str, Leftover]]:
        """Return by URN what is there of the missing resources, and what is in the way; raises LookError."""
        found: dict[str, Found] = {}
        left: dict[str, Leftover] = {}
        steps = {ROOT: self._root, REQUEST: self._request, SIGNED: self._signature, TAKEN_IN: self._taken_in}
        for wanted in self.missing:
            if wanted.urn in found or wanted.made.type not in steps:
                continue
            outcome = steps[wanted.made.type](wanted)
            if isinstance(outcome, Leftover):
                left[wanted.urn] = outcome
            else:
                found |= outcome
        return found, left

    def _root(self, wanted: Wanted) -> dict[str, Found] | Leftover:
        mount = str(wanted.inputs["backend"])
        issuer = self.read(f"{mount}/issuer/{wanted.inputs['issuerName']}")
        if issuer is None:
            return self._key(wanted) or {}
        certificate = str(issuer["certificate"]).strip()
        outputs = {
            **_ROOT_DEFAULTS,
            "certificate": certificate,
            "issuingCa": certificate,
            "serialNumber": _serial(certificate),
            "issuerId": issuer["issuer_id"],
            "keyId": issuer["key_id"],
        }
        return {wanted.urn: Found(f"{mount}/issuer/{issuer['issuer_id']}", outputs)}

    def _request(self, wanted: Wanted) -> dict[str, Found] | Leftover:
        """Return a request whose key is there, with its signature; its text is in a signature of the state, or lost."""
        key = self._key(wanted)
        if key is None or key.key is None:
            return {}
        known = next((entry for entry in self.state.values() if _signs(entry, wanted.urn)), None)
        csr = str(known["outputs"]["csr"]) if known else REQUEST_IS_LOST
        certified = self._certified(wanted.urn, key.mount, key.key, csr)
        if not known and not certified:
            return key
        outputs = {**_REQUEST_DEFAULTS, "csr": csr, "keyId": key.key}
        made = Found(f"{key.mount}/issuers/generate/intermediate/internal/{key.key}", outputs)
        return {wanted.urn: made, **certified}

    def _signature(self, wanted: Wanted) -> dict[str, Found] | Leftover:
        """Return signature and certificate of a request that the state still has."""
        request = next((urn for urn in wanted.depends_on if self._type(urn) == REQUEST), None)
        if request is None:
            return {}
        given = self.state[request]["outputs"]
        mount, key = str(given["backend"]), str(given["keyId"])
        certified = self._certified(request, mount, key, str(given["csr"]))
        issuers = tuple(identity for identity, _ in self._issuers(mount, key))
        return certified or (
            Leftover(mount, str(given.get("keyName") or key), None, issuers) if issuers else {}
        )

    def _taken_in(self, wanted: Wanted) -> dict[str, Found] | Leftover:
        """Find the issuer of the certificate that the state says was signed."""
        mount = str(wanted.inputs["backend"])
        for urn in wanted.depends_on:
            signed = str(self.state[urn]["outputs"]["certificate"]) if self._type(urn) == SIGNED else ""
            for identity, certificate in self._issuers(mount) if signed else ():
                if certificate == signed.strip():
                    return {wanted.urn: _imported(mount, signed, identity)}
        return {}

    def _key(self, wanted: Wanted) -> Leftover | None:
        """Find the key of the name that a CA is to have, with the certificates of it."""
        mount, name = str(wanted.inputs["backend"]), str(wanted.inputs["keyName"])
        named = (self.read(f"{mount}/keys?list=true") or {}).get("key_info", {})
        mine = next((key for key, info in named.items() if (info or {}).get("key_name") == name), None)
        if mine is None:
            return None
        return Leftover(mount, name, mine, tuple(identity for identity, _ in self._issuers(mount, mine)))

    def _issuers(self, mount: str, key: str | None = None) -> Iterator[tuple[str, str]]:
        """Yield id and PEM text of each certificate of an engine, or of one of its keys."""
        for identity in (self.read(f"{mount}/issuers?list=true") or {}).get("keys", []):
            issuer = self.read(f"{mount}/issuer/{identity}")
            if issuer is not None and key in {None, issuer["key_id"]}:
                yield identity, str(issuer["certificate"]).strip()

    def _certified(self, request: str, mount: str, key: str, csr: str) -> dict[str, Found]:
        """Return the missing signature of a request, and the certificate, where a root in Vault has signed one."""
        signed = self._missing_after(SIGNED, request)
        taken = self._missing_after(TAKEN_IN, signed.urn) if signed else None
        if signed is None:
            return {}
        backend = str(signed.inputs["backend"])
        for identity, certificate in self._issuers(mount, key):
            for root, above in self._issuers(backend):
                if not _is_issued_by(certificate, above):
                    continue
                outputs = {
                    **_SIGNED_DEFAULTS,
                    "csr": csr,
                    "issuerRef": root,
                    "certificate": certificate,
                    "certificateBundle": f"{certificate}\n{above}",
                    "caChains": [certificate, above],
                    "issuingCa": above,
                    "serialNumber": _serial(certificate),
                }
                path = f"{backend}/issuer/{root}/sign-intermediate/{signed.inputs['commonName']}"
                import_ = {taken.urn: _imported(mount, certificate, identity)} if taken else {}
                return {signed.urn: Found(path, outputs), **import_}
        return {}

    def _missing_after(self, kind: str, urn: str) -> Wanted | None:
        return next((one for one in self.missing if one.made.type == kind and urn in one.depends_on), None)

    def _type(self, urn: str) -> str:
        return str(self.state[urn]["type"]) if urn in self.state else ""


def _signs(entry: Mapping[str, Any], request: str) -> bool:
    return entry["type"] == SIGNED and request in (entry.get("dependencies") or ())


def _imported(mount: str, certificate: str, identity: str) -> Found:
    outputs = {"certificate": certificate, "importedIssuers": [identity], "importedKeys": []}
    return Found(f"{mount}/intermediate/set-signed/{identity}", outputs)


def _is_issued_by(certificate: str, above: str) -> bool:
    below, root = (x509.load_pem_x509_certificate(text.encode()) for text in (certificate, above))
    try:
        below.verify_directly_issued_by(root)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _serial(certificate: str) -> str:
    """Return a certificate's serial number as Vault writes it: `0a:1b:…`."""
    number = x509.load_pem_x509_certificate(certificate.encode()).serial_number
    return number.to_bytes((number.bit_length() + 7) // 8 or 1, "big").hex(":")
