"""Vault's certificate authorities: roots, requests of intermediates, their signing and their taking in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from lab.plugins.bridged import Handler, Property, ResourceType, Shape
from lab.plugins.errors import PluginError, ServerRefusedError
from lab.plugins.values import Object, Value
from lab.plugins.vault.client import Client
from lab.plugins.vault.fields import (
    BACKEND,
    NAMESPACE,
    computed,
    fixed,
    flags,
    joined,
    lists,
    numbers,
    outputs,
    texts,
    to_vault,
)

_KEY_KINDS = ("exported", "internal", "kms", "existing")
_SUBJECT = fixed(
    (
        *lists("altNames"),
        Property("commonName", required=True),
        *texts("country"),
        *flags("excludeCnFromSans"),
        Property("format", default="pem", one_of=("pem", "der", "pem_bundle")),
        *lists("ipSans"),
        Property("keyUsages", Shape.LIST, wire_name="key_usage"),
        *texts("locality", "organization"),
        *lists("otherSans"),
        *texts("ou", "postalCode", "province", "streetAddress"),
        *lists("uriSans"),
    )
)
_NAME_LIMITS = fixed(
    lists(
        "excludedDnsDomains",
        "excludedEmailAddresses",
        "excludedIpRanges",
        "excludedUriDomains",
        "permittedDnsDomains",
        "permittedEmailAddresses",
        "permittedIpRanges",
        "permittedUriDomains",
    )
)
_KEY = fixed(
    (
        Property("keyBits", Shape.NUMBER, default=2048),
        Property("keyType", default="rsa", one_of=("rsa", "ec", "ed25519")),
        *computed(texts("keyName", "keyRef")),
        Property("privateKeyFormat", default="der", one_of=("der", "pkcs8")),
        Property("type", required=True, one_of=_KEY_KINDS),
    )
)
_MANAGED_KEY = fixed(texts("managedKeyId", "managedKeyName"))
_VALIDITY = (*texts("notAfter"), *fixed(texts("notBeforeDuration")), *texts("ttl"))
_PATH_LENGTH = Property("maxPathLength", Shape.NUMBER, default=-1, replaces=True)
_PSS = fixed(flags("usePss"))

_ROOT_SENT = (
    *_SUBJECT,
    *_NAME_LIMITS,
    *_KEY,
    *computed(_MANAGED_KEY),
    *_VALIDITY,
    _PATH_LENGTH,
    *_PSS,
    *fixed(texts("issuerName")),
    *computed(numbers("signatureBits")),
)
ROOT = ResourceType(
    "vault:pkiSecret/secretBackendRootCert:SecretBackendRootCert",
    (
        *_ROOT_SENT,
        BACKEND,
        NAMESPACE,
        *outputs("certificate", "issuingCa", "serialNumber"),
        *fixed(outputs("issuerId", "keyId")),
    ),
    schema_version=1,
)

_REQUEST_SENT = (
    *_SUBJECT,
    *_KEY,
    *_MANAGED_KEY,
    *fixed(flags("addBasicConstraints", default=False)),
    *fixed(numbers("signatureBits")),
    *fixed(texts("serialNumber")),
)
REQUEST = ResourceType(
    "vault:pkiSecret/secretBackendIntermediateCertRequest:SecretBackendIntermediateCertRequest",
    (
        *_REQUEST_SENT,
        BACKEND,
        NAMESPACE,
        *outputs("csr", "privateKeyType"),
        *fixed(outputs("keyId")),
        *(replace(item, secret=True) for item in outputs("privateKey")),
    ),
)

_SIGNING_SENT = (
    *_SUBJECT,
    *_NAME_LIMITS,
    *_VALIDITY,
    _PATH_LENGTH,
    *_PSS,
    *fixed((Property("csr", required=True), *texts("skid"), *flags("useCsrValues", default=False))),
    *fixed(numbers("signatureBits")),
)
SIGNING = ResourceType(
    "vault:pkiSecret/secretBackendRootSignIntermediate:SecretBackendRootSignIntermediate",
    (
        *_SIGNING_SENT,
        BACKEND,
        NAMESPACE,
        *texts("issuerRef"),
        *flags("revoke", default=False),
        *outputs("certificate", "certificateBundle", "issuingCa", "serialNumber"),
        Property("caChains", Shape.LIST, output_only=True, wire_name="ca_chain"),
    ),
    schema_version=2,
)

TAKING_IN = ResourceType(
    "vault:pkiSecret/secretBackendIntermediateSetSigned:SecretBackendIntermediateSetSigned",
    (
        BACKEND,
        Property("certificate", required=True, replaces=True),
        *fixed(outputs("importedIssuers", "importedKeys", shape=Shape.LIST)),
        NAMESPACE,
    ),
)


def covered(client: Client) -> tuple[tuple[ResourceType, Handler], ...]:
    """The types of this module with their handlers."""
    return (
        (ROOT, Roots(client)),
        (REQUEST, Requests(client)),
        (SIGNING, Signings(client)),
        (TAKING_IN, TakingsIn(client)),
    )


@dataclass(eq=False)
class NotImportableError(PluginError):
    """A resource that Vault does not tell enough about (the official plugin does not import it either)."""

    id: str

    def sentence(self) -> str:
        """The words for people."""
        return f"{self.id} cannot be imported: Vault does not give back what it was made from"


class Kept:
    """A single act whose result stays in the state: nothing of it is read again, changed or undone."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def read(self, identity: str, state: Object) -> Object | None:
        """What was kept; raises NotImportableError where there is nothing kept."""
        if not state:
            raise NotImportableError(identity)
        return state

    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        """Nothing: what could change on the server replaces."""
        del identity, prior, planned
        return {}

    def delete(self, identity: str, state: Object) -> None:
        """Nothing; it goes with its backend."""


class Roots(Kept):
    """Self-signed authorities; the id is `<backend>/issuer/<issuer id>`."""

    def create(self, planned: Object) -> tuple[str, Object]:
        """Make a key and its self-signed certificate."""
        backend = planned["backend"].strip("/")
        made = self._client.write(
            f"{backend}/issuers/generate/root/{planned['type']}", _body(_ROOT_SENT, planned)
        )
        return f"{backend}/issuer/{made['issuer_id']}", {
            "certificate": made["certificate"],
            "issuingCa": made["issuing_ca"],
            "serialNumber": made["serial_number"],
            "issuerId": made["issuer_id"],
            "keyId": made["key_id"],
        }

    def read(self, identity: str, state: Object) -> Object | None:
        """What was kept, unless the issuer or its backend is gone."""
        if not state:
            raise NotImportableError(identity)
        try:
            found = self._client.read(identity)
        except ServerRefusedError as refused:
            # Vault answers 500 for an issuer it does not have.
            if "unable to find PKI issuer" in refused.message:
                return None
            raise
        return None if found is None else state

    def delete(self, identity: str, state: Object) -> None:
        """Delete the issuer, and only that: another generation beside it stays, and so does the key."""
        del state
        try:
            self._client.delete(identity)
        except ServerRefusedError as refused:
            if "unable to find PKI issuer" not in refused.message:
                raise


class Requests(Kept):
    """Keys of intermediates with the requests for their certificates; the id is made up."""

    def create(self, planned: Object) -> tuple[str, Object]:
        """Make a key and its request."""
        path = f"{planned['backend'].strip('/')}/issuers/generate/intermediate/{planned['type']}"
        made = self._client.write(path, _body(_REQUEST_SENT, planned))
        return f"{path}/{uuid.uuid4()}", {
            "csr": made["csr"],
            "keyId": made["key_id"],
            "privateKey": made.get("private_key"),
            "privateKeyType": made.get("private_key_type"),
        }


class Signings(Kept):
    """Certificates of intermediates; the id names the request that made it."""

    def create(self, planned: Object) -> tuple[str, Object]:
        """Sign a request."""
        backend, issuer = planned["backend"].strip("/"), planned["issuerRef"]
        path = (
            f"{backend}/issuer/{issuer}/sign-intermediate" if issuer else f"{backend}/root/sign-intermediate"
        )
        made = self._client.write(path, _body(_SIGNING_SENT, planned))
        return f"{path}/{planned['commonName']}", {
            "certificate": made["certificate"],
            "issuingCa": made["issuing_ca"],
            "caChains": made.get("ca_chain"),
            "certificateBundle": "\n".join((made["certificate"], made["issuing_ca"])),
            "serialNumber": made["serial_number"],
        }

    def delete(self, identity: str, state: Object) -> None:
        """Revoke the certificate where `revoke` says so."""
        del identity
        if state.get("revoke"):
            self._client.write(
                f"{state['backend'].strip('/')}/revoke", {"serial_number": state["serialNumber"]}
            )


class TakingsIn(Kept):
    """Signed certificates that an intermediate's backend has taken in; the id is made up."""

    def create(self, planned: Object) -> tuple[str, Object]:
        """Give the backend its certificate."""
        path = f"{planned['backend'].strip('/')}/intermediate/set-signed"
        made = self._client.write(path, {"certificate": planned["certificate"]})
        return f"{path}/{uuid.uuid4()}", {
            "importedIssuers": made.get("imported_issuers") or [],
            "importedKeys": made.get("imported_keys") or [],
        }


def _body(properties: tuple[Property, ...], planned: Object) -> Object:
    """What is sent: Vault takes lists as comma-separated text here, the key usages excepted."""
    body: dict[str, Value] = to_vault(properties, planned)
    for item in properties:
        if item.shape is Shape.LIST and item.name != "keyUsages" and item.terraform_name in body:
            body[item.terraform_name] = joined(body[item.terraform_name])
    if planned.get("type") == "existing":
        body.pop("key_type", None)
        body.pop("key_bits", None)
    body.pop("type", None)
    return body
