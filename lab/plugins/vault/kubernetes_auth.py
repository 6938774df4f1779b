"""Vault's sign-in for Kubernetes service accounts: how it reaches the API server, and its roles."""

from __future__ import annotations

from lab.plugins.bridged import Handler, Property, ResourceType, Shape
from lab.plugins.bridged_schema import is_zero
from lab.plugins.values import Object
from lab.plugins.vault.client import Client
from lab.plugins.vault.fields import NAMESPACE, computed, flags, lists, numbers, texts, to_vault

_BACKEND = Property("backend", default="kubernetes", replaces=True)

_FLAGS = computed(flags("disableIssValidation", "disableLocalCaJwt", "useAnnotationsAsAliasMetadata"))

CONFIG = ResourceType(
    "vault:kubernetes/authBackendConfig:AuthBackendConfig",
    (
        _BACKEND,
        *_FLAGS,
        *texts("issuer", "kubernetesCaCert"),
        Property("kubernetesHost", required=True),
        NAMESPACE,
        *lists("pemKeys"),
        Property("tokenReviewerJwt", secret=True),
        Property(
            "tokenReviewerJwtWo", secret=True, not_covered="write-only values do not pass through Pulumi"
        ),
        *numbers("tokenReviewerJwtWoVersion"),
    ),
)

TIMES = numbers("tokenExplicitMaxTtl", "tokenMaxTtl", "tokenNumUses", "tokenPeriod", "tokenTtl")

ROLE = ResourceType(
    "vault:kubernetes/authBackendRole:AuthBackendRole",
    (
        Property("aliasMetadata", Shape.MAP),
        Property("aliasNameSource", computed=True),
        *texts("audience"),
        _BACKEND,
        Property("boundServiceAccountNames", Shape.SET, required=True),
        *texts("boundServiceAccountNamespaceSelector"),
        Property("boundServiceAccountNamespaces", Shape.SET),
        NAMESPACE,
        Property("roleName", required=True, replaces=True),
        Property("tokenBoundCidrs", Shape.SET),
        *TIMES,
        *flags("tokenNoDefaultPolicy"),
        Property("tokenPolicies", Shape.SET),
        Property("tokenType", default="default"),
    ),
)
_ROLE_FIELDS = tuple(
    item for item in ROLE.properties if item.name not in ("backend", "namespace", "roleName")
)


def covered(client: Client) -> tuple[tuple[ResourceType, Handler], ...]:
    """The types of this module with their handlers."""
    return ((CONFIG, Configs(client)), (ROLE, Roles(client)))


class Configs:
    """How Vault asks the API server; the id is `auth/<backend>/config`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, planned: Object) -> tuple[str, Object]:
        """Write the configuration."""
        identity = f"auth/{planned['backend'].strip('/')}/config"
        return identity, self.update(identity, {}, planned)

    def read(self, identity: str, state: Object) -> Object | None:
        """The configuration; the reviewer's token is never given back."""
        del state
        found = self._client.read(identity)
        if not found:
            return None
        return {
            "backend": identity.removeprefix("auth/").removesuffix("/config"),
            "kubernetesHost": found["kubernetes_host"],
            "kubernetesCaCert": found["kubernetes_ca_cert"],
            "pemKeys": found.get("pem_keys") or [],
            "issuer": found.get("issuer") or "",
            **{item.name: bool(found.get(item.terraform_name)) for item in _FLAGS},
        }

    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        """Write the configuration again, which Vault takes as a whole."""
        del prior
        # Vault's own default for `disable_iss_validation` is yes; the official plugin always sends these.
        body = {item.terraform_name: False for item in _FLAGS} | to_vault(CONFIG.properties, planned)
        body.pop("backend", None)
        self._client.write(identity, body)
        return self.read(identity, planned) or {}

    def delete(self, identity: str, state: Object) -> None:
        """Nothing: Vault cannot delete it; it goes with its backend."""


class Roles:
    """Who may sign in as what; the id is `auth/<backend>/role/<name>`."""

    fields = _ROLE_FIELDS

    def __init__(self, client: Client) -> None:
        self.client = client

    def create(self, planned: Object) -> tuple[str, Object]:
        """Write the role."""
        identity = f"auth/{planned['backend'].strip('/')}/role/{planned['roleName']}"
        return identity, self.update(identity, {}, planned)

    def read(self, identity: str, state: Object) -> Object | None:
        """The role as it is."""
        found = self.client.read(identity)
        if found is None:
            return None
        backend, _, name = identity.removeprefix("auth/").rpartition("/role/")
        now: Object = {"backend": backend, "roleName": name}
        for item in self.fields:
            value = found.get(item.terraform_name)
            if item.name == "audience" and not value and not state.get("audience"):
                continue
            empty = {Shape.SET: [], Shape.MAP: {}, Shape.NUMBER: 0, Shape.FLAG: False}.get(item.shape, "")
            now[item.name] = value or empty
        return now

    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        """Write the role again; what is no longer given is emptied."""
        body = to_vault(self.fields, planned)
        for item in self.fields:
            if planned.get(item.name) is None and not is_zero(prior.get(item.name)) and not item.computed:
                body[item.terraform_name] = type(prior[item.name])()
        self.client.write(identity, body)
        return self.read(identity, planned) or {}

    def delete(self, identity: str, state: Object) -> None:
        """Delete the role."""
        del state
        self.client.delete(identity)
