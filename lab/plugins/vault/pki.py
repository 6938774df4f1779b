"""How a PKI engine of Vault issues: the addresses in its certificates, its default issuer, its lists, its roles."""

from __future__ import annotations

from abc import ABC, abstractmethod

from lab.plugins.bridged import Handler, Property, ResourceType, Shape
from lab.plugins.bridged_schema import is_zero
from lab.plugins.values import Object, Value
from lab.plugins.vault.client import Client
from lab.plugins.vault.fields import (
    BACKEND,
    NAMESPACE,
    computed,
    duration_text,
    flags,
    lists,
    numbers,
    texts,
    to_vault,
)

_ADDRESSES = lists("crlDistributionPoints", "issuingCertificates", "ocspServers")
URLS = ResourceType(
    "vault:pkiSecret/secretBackendConfigUrls:SecretBackendConfigUrls",
    (Property("backend", required=True), *_ADDRESSES, *flags("enableTemplating"), NAMESPACE),
)
ISSUERS = ResourceType(
    "vault:pkiSecret/secretBackendConfigIssuers:SecretBackendConfigIssuers",
    (
        Property("backend", required=True),
        *texts("default"),
        *computed(flags("defaultFollowsLatestIssuer")),
        NAMESPACE,
    ),
)

_LIST_SET = (
    *texts("expiry"),
    *flags("autoRebuild", "disable", "enableDelta", "ocspDisable", default=False),
    *computed(texts("autoRebuildGracePeriod", "deltaRebuildInterval", "ocspExpiry")),
    *computed(flags("crossClusterRevocation", "unifiedCrl", "unifiedCrlOnExistingPaths")),
    *computed(numbers("maxCrlEntries")),
)
# By the official provider's source; no recording of it was at hand.
REVOCATION_LIST = ResourceType(
    "vault:pkiSecret/secretBackendCrlConfig:SecretBackendCrlConfig", (BACKEND, *_LIST_SET, NAMESPACE)
)

_NEVER_EMPTIED = ("extKeyUsages", "allowedSerialNumbers", "keyUsages", "allowedDomains")
"""Lists that the official plugin leaves as they were when Vault has none."""
_LISTS = (
    *lists("allowedDomains", "allowedOtherSans", "allowedSerialNumbers", "allowedUriSans", "allowedUserIds"),
    *computed(lists("cnValidations")),
    Property("countries", Shape.LIST, wire_name="country"),
    Property("extKeyUsages", Shape.LIST, wire_name="ext_key_usage"),
    Property("keyUsages", Shape.LIST, wire_name="key_usage", computed=True),
    Property("localities", Shape.LIST, wire_name="locality"),
    Property("organizationUnit", Shape.LIST, wire_name="ou"),
    Property("organizations", Shape.LIST, wire_name="organization"),
    Property("postalCodes", Shape.LIST, wire_name="postal_code"),
    Property("provinces", Shape.LIST, wire_name="province"),
    Property("streetAddresses", Shape.LIST, wire_name="street_address"),
)
_FLAGS = (
    *flags("allowAnyName", "allowBareDomains", "allowGlobDomains", default=False),
    *flags("allowIpSans", "allowLocalhost", "allowWildcardCertificates", default=True),
    *flags("allowSubdomains", "allowedDomainsTemplate", "basicConstraintsValidForNonCa", default=False),
    *computed(flags("allowedUriSansTemplate")),
    *flags("clientFlag", "enforceHostnames", "requireCn", "serverFlag", default=True),
    *flags("codeSigningFlag", "emailProtectionFlag", "generateLease", "noStore", default=False),
    *flags("useCsrCommonName", "useCsrSans", default=True),
    *flags("usePss"),
)
_TIMES = computed(texts("maxTtl", "ttl"))
_OTHER = (
    *computed(texts("issuerRef", "notBeforeDuration", "serialNumberSource")),
    Property("keyBits", Shape.NUMBER, default=2048),
    Property("keyType", default="rsa", one_of=("rsa", "ec", "ed25519", "any")),
    *texts("notAfter"),
    *computed(numbers("signatureBits")),
)
_POLICY_IDENTIFIER = Property(
    "policyIdentifier",
    Shape.BLOCKS,
    not_covered="give object identifiers as policyIdentifiers",
    fields=(Property("oid", required=True), *texts("cps", "notice")),
)
ROLE = ResourceType(
    "vault:pkiSecret/secretBackendRole:SecretBackendRole",
    (
        *_LISTS,
        *_FLAGS,
        *_TIMES,
        *_OTHER,
        BACKEND,
        Property("name", replaces=True, autoname=True),
        NAMESPACE,
        *lists("extKeyUsageOids", "policyIdentifiers"),
        _POLICY_IDENTIFIER,
        Property("noStoreMetadata", Shape.FLAG, not_covered="it belongs to Vault Enterprise"),
    ),
)
_ROLE_SENT = (*_LISTS, *_FLAGS, *_TIMES, *_OTHER, *lists("extKeyUsageOids", "policyIdentifiers"))


def covered(client: Client) -> tuple[tuple[ResourceType, Handler], ...]:
    """The types of this module with their handlers."""
    return (
        (URLS, Urls(client)),
        (ISSUERS, Issuers(client)),
        (REVOCATION_LIST, RevocationLists(client)),
        (ROLE, Roles(client)),
    )


class _Written(ABC):
    """What is written to one path of Vault and read there; the path is its id."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, planned: Object) -> tuple[str, Object]:
        """Write it."""
        identity = self._identity(planned)
        return identity, self.update(identity, {}, planned)

    def read(self, identity: str, state: Object) -> Object | None:
        """It as it is."""
        del state
        found = self._client.read(identity)
        return None if found is None else self._from_vault(identity, found)

    @abstractmethod
    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        """Write it again."""

    @abstractmethod
    def _identity(self, planned: Object) -> str: ...

    @abstractmethod
    def _from_vault(self, identity: str, found: Object) -> Object: ...


class _Config(_Written):
    """A single setting of a backend; the id is `<backend>/config/<what>`, and deleting leaves it as it is."""

    what: str

    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        """Write it again; another backend is the same setting elsewhere, as with the official plugin."""
        del identity, prior
        identity = self._identity(planned)
        self._client.write(identity, self._to_vault(planned))
        return self.read(identity, planned) or {}

    def delete(self, identity: str, state: Object) -> None:
        """Nothing: it goes with its backend, as with the official plugin."""
        del identity, state

    def _identity(self, planned: Object) -> str:
        return f"{planned['backend'].strip('/')}/config/{self.what}"

    def _from_vault(self, identity: str, found: Object) -> Object:
        return {"backend": identity.removesuffix(f"/config/{self.what}"), **self._setting(found)}

    @abstractmethod
    def _setting(self, found: Object) -> Object: ...

    @abstractmethod
    def _to_vault(self, planned: Object) -> Object: ...


class Urls(_Config):
    """The addresses that are written into certificates."""

    what = "urls"

    def _setting(self, found: Object) -> Object:
        return {
            "enableTemplating": bool(found.get("enable_templating")),
            **{item.name: found.get(item.terraform_name) or [] for item in _ADDRESSES},
        }

    def _to_vault(self, planned: Object) -> Object:
        addresses = {item.terraform_name: planned[item.name] or [] for item in _ADDRESSES}
        return {**addresses, "enable_templating": bool(planned["enableTemplating"])}


class Issuers(_Config):
    """Which issuer signs when none is named. Vault keeps and gives back an id, whatever it was told."""

    what = "issuers"

    def _setting(self, found: Object) -> Object:
        return {
            "default": found.get("default") or "",
            "defaultFollowsLatestIssuer": bool(found.get("default_follows_latest_issuer")),
        }

    def _to_vault(self, planned: Object) -> Object:
        return {
            "default": planned["default"],
            "default_follows_latest_issuer": planned["defaultFollowsLatestIssuer"],
        }


class RevocationLists(_Config):
    """How long lists of revoked certificates are good, and who makes them; Vault keeps durations as written."""

    what = "crl"

    def _setting(self, found: Object) -> Object:
        return {item.name: found.get(item.terraform_name) for item in _LIST_SET}

    def _to_vault(self, planned: Object) -> Object:
        return to_vault(_LIST_SET, planned)


class Roles(_Written):
    """What may be issued; the id is `<backend>/roles/<name>`. Vault gives durations back in seconds."""

    def _identity(self, planned: Object) -> str:
        return f"{planned['backend'].strip('/')}/roles/{planned['name']}"

    def _from_vault(self, identity: str, found: Object) -> Object:
        backend, _, name = identity.rpartition("/roles/")
        now: Object = {"backend": backend, "name": name}
        for item in _LISTS:
            if found.get(item.terraform_name) or item.name not in _NEVER_EMPTIED:
                now[item.name] = found.get(item.terraform_name) or []
        now.update({item.name: bool(found.get(item.terraform_name)) for item in _FLAGS})
        now.update({item.name: str(found.get(item.terraform_name) or 0) for item in _TIMES})
        now["notBeforeDuration"] = duration_text(found.get("not_before_duration"))
        now.update(
            {item.name: found.get(item.terraform_name) for item in _OTHER if item.name != "notBeforeDuration"}
        )
        if found.get("policy_identifiers"):
            now["policyIdentifiers"] = found["policy_identifiers"]
        return now

    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        """Write the role as a whole; what is no longer given is emptied."""
        body = to_vault(_ROLE_SENT, planned)
        for item in _ROLE_SENT:
            if planned.get(item.name) is None and not is_zero(prior.get(item.name)):
                body[item.terraform_name] = _empty(prior[item.name])
        self._client.write(identity, body)
        return self.read(identity, planned) or {}

    def delete(self, identity: str, state: Object) -> None:
        """Delete the role."""
        del state
        self._client.delete(identity)


def _empty(value: Value) -> Value:
    return type(value)()
