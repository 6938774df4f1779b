"""Looks in Vault for what is left of a site's CAs: certificates that are taken back into the state, and lost keys.

A destruction takes a CA's request and signature out of the state long before Vault deletes the engine with its key and
certificate. `up` would be refused a second key of the name. Where the chain is whole the state gets it back; a key
without its certificate, or a certificate without its root, leads nowhere, and makes room after a question.
"""

from collections.abc import Callable, Iterable, Mapping
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
class Key:
    """What stands in the way of a CA: its key, and the certificates of that key, which lead nowhere.

    `id` is empty for a key that stays: the state has its request.
    """

    mount: str
    name: str
    id: str
    issuers: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What it is, for a question and a report."""
        return "its certificate has no root any more" if self.issuers else "it has no certificate"


@dataclass(frozen=True)
class Authorities:
    """The CAs of one site in Vault; `state` is what the state has, and `missing` what it lacks."""

    read: Read
    state: Entries
    missing: tuple[Wanted, ...]

    def look(self) -> tuple[dict[str, Found], dict[str, Key]]:
        """Return by URN what is there of the missing resources, and the keys in the way; raises LookError."""
        found: dict[str, Found] = {}
        keys: dict[str, Key] = {}
        # Roots first: a request does not need its root, and its certificate does.
        for wanted in sorted(self.missing, key=lambda one: one.made.type != ROOT):
            if wanted.urn in found:
                continue
            if wanted.made.type == ROOT:
                there, key = self._root(wanted), self._key(wanted)
                found |= {wanted.urn: there} if there else {}
                keys |= {wanted.urn: key} if key and not there else {}
            elif wanted.made.type == REQUEST and (key := self._key(wanted)):
                chain = self._chain(wanted.urn, key, found)
                found |= chain
                keys |= {} if chain else {wanted.urn: key}
            elif wanted.made.type == SIGNED:
                signed, rest = self._signed(wanted, found), self._rootless(wanted, found)
                found |= signed
                keys |= {wanted.urn: rest} if rest and not signed else {}
            elif wanted.made.type == TAKEN_IN and (there := self._taken_in(wanted)):
                found[wanted.urn] = there
        return found, keys

    def _root(self, wanted: Wanted) -> Found | None:
        mount = str(wanted.inputs["backend"])
        issuer = self.read(f"{mount}/issuer/{wanted.inputs['issuerName']}")
        if issuer is None:
            return None
        certificate = str(issuer["certificate"]).strip()
        outputs = {
            **_ROOT_DEFAULTS,
            "certificate": certificate,
            "issuingCa": certificate,
            "serialNumber": _serial(certificate),
            "issuerId": issuer["issuer_id"],
            "keyId": issuer["key_id"],
        }
        return Found(f"{mount}/issuer/{issuer['issuer_id']}", outputs)

    def _key(self, wanted: Wanted) -> Key | None:
        """Find the key of the name that a CA is to have, with the certificates of it."""
        mount, name = str(wanted.inputs["backend"]), str(wanted.inputs["keyName"])
        named = (self.read(f"{mount}/keys?list=true") or {}).get("key_info", {})
        mine = [identity for identity, info in named.items() if (info or {}).get("key_name") == name]
        if not mine:
            return None
        issuers = tuple(identity for identity, issuer in self._issuers(mount) if issuer["key_id"] in mine)
        return Key(mount, name, mine[0], issuers)

    def _issuers(self, mount: str) -> Iterable[tuple[str, dict[str, Any]]]:
        for identity in (self.read(f"{mount}/issuers?list=true") or {}).get("keys", []):
            issuer = self.read(f"{mount}/issuer/{identity}")
            if issuer is not None:
                yield identity, issuer

    def _chain(self, request: str, key: Key, found: Mapping[str, Found]) -> dict[str, Found]:
        """Return request, signature and certificate of a key whose root is there; the request's own text is lost."""
        signed = next(
            (one for one in self.missing if one.made.type == SIGNED and request in one.depends_on), None
        )
        if signed is None:
            return {}
        rest = self._certified(signed, key.mount, key.id, REQUEST_IS_LOST, found)
        outputs = {**_REQUEST_DEFAULTS, "csr": REQUEST_IS_LOST, "keyId": key.id}
        made = Found(f"{key.mount}/issuers/generate/intermediate/internal/{key.id}", outputs)
        return {request: made, **rest} if rest else {}

    def _signed(self, signed: Wanted, found: Mapping[str, Found]) -> dict[str, Found]:
        """Return signature and certificate for a request that the state still has."""
        request = next(
            (
                self.state[urn]
                for urn in signed.depends_on
                if urn in self.state and self.state[urn]["type"] == REQUEST
            ),
            None,
        )
        if request is None:
            return {}
        given = request["outputs"]
        return self._certified(signed, str(given["backend"]), str(given["keyId"]), str(given["csr"]), found)

    def _rootless(self, signed: Wanted, found: Mapping[str, Found]) -> Key | None:
        """Find the certificates of a request that the state still has, once their root is gone; the key stays."""
        request = self._outputs(signed, REQUEST, {})
        if request is None:
            return None
        mount, key = str(request["backend"]), str(request["keyId"])
        root = self._outputs(signed, ROOT, found)
        issuers = tuple(
            identity
            for identity, issuer in self._issuers(mount)
            if issuer["key_id"] == key
            and not (root and _is_issued_by(str(issuer["certificate"]), str(root["certificate"])))
        )
        return Key(mount, str(request.get("keyName") or key), "", issuers) if issuers else None

    def _certified(
        self, signed: Wanted, mount: str, key: str, csr: str, found: Mapping[str, Found]
    ) -> dict[str, Found]:
        root = self._outputs(signed, ROOT, found)
        taken = next(
            (one for one in self.missing if one.made.type == TAKEN_IN and signed.urn in one.depends_on), None
        )
        if root is None or taken is None:
            return {}
        above = str(root["certificate"]).strip()
        for identity, issuer in self._issuers(mount):
            certificate = str(issuer["certificate"]).strip()
            if issuer["key_id"] != key or not _is_issued_by(certificate, above):
                continue
            outputs = {
                **_SIGNED_DEFAULTS,
                "csr": csr,
                "issuerRef": root["issuerId"],
                "certificate": certificate,
                "certificateBundle": f"{certificate}\n{above}",
                "caChains": [certificate, above],
                "issuingCa": above,
                "serialNumber": _serial(certificate),
            }
            backend = signed.inputs["backend"]
            path = f"{backend}/issuer/{root['issuerId']}/sign-intermediate/{signed.inputs['commonName']}"
            return {
                signed.urn: Found(path, outputs),
                taken.urn: Found(
                    f"{mount}/intermediate/set-signed/{identity}", _imported(certificate, identity)
                ),
            }
        return {}

    def _taken_in(self, wanted: Wanted) -> Found | None:
        """Find the issuer of the certificate that the state says was signed."""
        signed = self._outputs(wanted, SIGNED, {})
        mount = str(wanted.inputs["backend"])
        for identity, issuer in self._issuers(mount) if signed else ():
            if signed and str(issuer["certificate"]).strip() == str(signed["certificate"]).strip():
                outputs = _imported(str(signed["certificate"]), identity)
                return Found(f"{mount}/intermediate/set-signed/{identity}", outputs)
        return None

    def _outputs(self, wanted: Wanted, kind: str, found: Mapping[str, Found]) -> Mapping[str, Any] | None:
        """Return the outputs of what a resource depends on, of a type: found just now, or from the state."""
        kinds = {one.urn: one.made.type for one in self.missing}
        for urn in wanted.depends_on:
            if urn in found and kinds[urn] == kind:
                return found[urn].outputs
            if urn in self.state and self.state[urn]["type"] == kind:
                outputs: Mapping[str, Any] = self.state[urn]["outputs"]
                return outputs
        return None


def _imported(certificate: str, identity: str) -> dict[str, Any]:
    return {"certificate": certificate, "importedIssuers": [identity], "importedKeys": []}


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
