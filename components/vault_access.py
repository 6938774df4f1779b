"""Who may ask the site's Vault for what: policies and logins, which Vault's administrator makes and nobody else."""

import hashlib
import json
from typing import Any

import pulumi
import pulumi_vault as vault
from pulumi_vault import approle
from pulumi_vault import kubernetes as vault_kubernetes

from components import broker_secrets, names, rights, vault_policy, vault_settings
from components.issuing_roles import issuing_roles
from components.safeguard import safeguard
from components.settings import Settings
from components.vault_names import (
    issuing_mount,
    login_audience,
    login_mount,
    logins,
    machine_login_mount,
    policy_name,
    root_mount,
)
from components.vault_policy import Grant
from model import Site

# A login lasts for one request of cert-manager's, or of a machine's.
_LOGIN_SECONDS = 600

# Sites were deployed with these among the site's own resources: `pulumi state move` keeps the types of their parents.
_MOVED_FROM = "iot-broker:site:IotSite$iot-broker:pki:VaultPki$iot-broker:pki:VaultAccess"


class VaultAccess(pulumi.ComponentResource):
    """The site's Vault policies, and the logins by which servers and machines ask for certificates.

    It stands alone, in the stack of the bootstrap: a deployer that may write policies escapes every other check.
    """

    def __init__(
        self, name: str, site: Site, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("iot-broker:pki:VaultAccess", name, None, opts)
        self.site = site
        self.settings = settings
        self._provider = vault.Provider(
            f"{site.name}-vault",
            address=settings.vault_address,
            # The token comes from the environment, and is used as it is.
            skip_child_token=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        made = [*self._policies(unmarked(site)), *self._cluster_login(), *self._machine_login()]
        # Last: they say to their holders that all of it is made.
        self._policies(_marked(site), made)
        self.register_outputs({"policies": [policy_name(site, name) for name in policies(site)]})

    def _in_vault(self, *, depends_on: list[pulumi.Resource] | None = None) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, provider=self._provider, depends_on=depends_on or [])

    def _policies(
        self, texts: dict[str, str], depends_on: list[pulumi.Resource] | None = None
    ) -> list[pulumi.Resource]:
        return [
            vault.Policy(
                f"{self.site.name}-{name}",
                name=policy_name(self.site, name),
                policy=text,
                opts=self._in_vault(depends_on=depends_on),
            )
            for name, text in texts.items()
        ]

    def _cluster_login(self) -> list[pulumi.Resource]:
        """Let cert-manager log in with tokens of the issuer's service account."""
        site, settings = self.site, self.settings
        backend = vault.AuthBackend(
            f"{site.name}-kubernetes",
            type="kubernetes",
            path=login_mount(site),
            description=f"Service accounts of {site.title}",
            **vault_settings.login_method(f"{_LOGIN_SECONDS // 60}m"),
            opts=self._in_vault(),
        )
        configuration = vault_kubernetes.AuthBackendConfig(
            f"{site.name}-kubernetes",
            backend=backend.path,
            kubernetes_host=settings.kubernetes_host,
            kubernetes_ca_cert=settings.kubernetes_ca,
            # Vault is outside of the cluster and keeps no token of it: each login's own reviews itself.
            disable_local_ca_jwt=True,
            **vault_settings.LOGIN_CONFIGURATION,
            opts=self._in_vault(),
        )
        return [
            vault_kubernetes.AuthBackendRole(
                f"{site.name}-{login}",
                backend=backend.path,
                role_name=login,
                **said,
                opts=self._in_vault(depends_on=[configuration]),
            )
            for login, said in cluster_logins(site).items()
        ]

    def _machine_login(self) -> list[pulumi.Resource]:
        """Let each machine outside of the cluster log in for its own certificate, and for no other's."""
        site = self.site
        backend = vault.AuthBackend(
            f"{site.name}-approle",
            type="approle",
            path=machine_login_mount(site),
            description=f"Machines of {site.title}",
            **vault_settings.login_method(f"{_LOGIN_SECONDS // 60}m"),
            opts=self._in_vault(),
        )
        return [
            approle.AuthBackendRole(
                f"{site.name}-login-{login}",
                backend=backend.path,
                role_name=login,
                **said,
                opts=self._in_vault(),
            )
            for login, said in machine_logins(site).items()
        ]


def access(site: Site, settings: Settings) -> VaultAccess:
    """Make the site's policies and logins, under the name that they have had since sites are deployed."""
    name = f"{site.name}-pki-access"
    made = VaultAccess(name, site, settings, pulumi.ResourceOptions(aliases=[moved_urn(_MOVED_FROM, name)]))
    safeguard(site.name, made, protect=site.protect)
    return made


def moved_urn(types: str, name: str) -> str:
    """Return the URN that a resource of the site's stack has after `pulumi state move` brought it here."""
    return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{types}::{name}"


def urn_in_site(site: str, project: str = "iot-broker") -> str:
    """Return the URN of the site's policies and logins in the site's own stack, where they were before."""
    return f"urn:pulumi:{site}::{project}::{_MOVED_FROM}::{site}-pki-access"


def issuing_policy(role: str) -> str:
    """Return the short name of the policy that lets its holder ask for certificates by a role."""
    return f"issue-{role}"


def cluster_logins(site: Site) -> dict[str, dict[str, Any]]:
    """Return what each role of cert-manager's login says, by its name."""
    return {
        login: {
            "bound_service_account_names": [site.platform.issuer.service_account],
            "bound_service_account_namespaces": [site.namespace],
            "audience": login_audience(site, role),
            **_token(site, role),
            **vault_settings.LOGIN_ROLE,
        }
        for role, login in logins(site).items()
    }


def machine_logins(site: Site) -> dict[str, dict[str, Any]]:
    """Return what each role of the machines' login says, by its name."""
    return {
        role.name: {"bind_secret_id": True, **_token(site, role.name), **vault_settings.MACHINE_ROLE}
        for role in issuing_roles(site)
        if role.login == "approle"
    }


def _token(site: Site, role: str) -> dict[str, Any]:
    return {
        "token_policies": [policy_name(site, issuing_policy(role))],
        "token_ttl": _LOGIN_SECONDS,
        "token_max_ttl": _LOGIN_SECONDS,
    }


def policies(site: Site) -> dict[str, str]:
    """Return the text of the site's Vault policies by short name.

    Who may have which certificates, who may look, and what the site's deployer and its reviewers may do.
    """
    return unmarked(site) | _marked(site)


def mark(site: Site) -> str:
    """Return the path that the deployer and the reviewers may read once the bootstrap has run over these data.

    Nothing is there. Who may not read policies finds out by `sys/capabilities-self` alone whether the bootstrap is
    behind: the last part is a digest of all that it makes, but for addresses and authorities from the settings.
    """
    asked = [unmarked(site), _identities(site), cluster_logins(site), machine_logins(site)]
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    return f"iot-broker/bootstrap/{site.name}/{digest[:16]}"


def _marked(site: Site) -> dict[str, str]:
    """Return the policies of who deploys and who looks, each with the mark of what the bootstrap has made."""
    grant = vault_policy.render([Grant(mark(site), ("read",))])
    said = f"\n# Over which data the bootstrap has run; nothing is there.\n{grant}"
    return {identity: text + said for identity, text in _identities(site).items()}


def _identities(site: Site) -> dict[str, str]:
    return {identity: rights.vault_policy(site, identity) for identity in rights.VAULT_IDENTITIES}


def unmarked(site: Site) -> dict[str, str]:
    """Return the policies of who has which certificates, and of who reads secrets and authorities."""
    mount = issuing_mount(site)
    issue = {
        issuing_policy(role.name): [
            Grant(f"{mount}/issue/{role.name}", ("create", "update")),
            Grant(f"{mount}/sign/{role.name}", ("create", "update")),
        ]
        for role in issuing_roles(site)
    }
    look = [
        Grant(f"{path}/{part}", ("read",))
        for path in (root_mount(site), mount)
        for part in ("issuer/+/json", "issuer/+/crl", "cert/*")
    ]
    found = issue | {"read-authorities": look, "revoke": _revoking(mount)}
    if secrets := _slots(site):
        found["read-secrets"] = [Grant(slot, ("read",)) for slot in secrets]
    return {name: vault_policy.render(grants) for name, grants in found.items()}


def _revoking(mount: str) -> list[Grant]:
    """Return what a stolen device takes: find its certificate, revoke it, and have the list made anew."""
    return [
        Grant(f"{mount}/certs", ("list",)),
        Grant(f"{mount}/cert/*", ("read",)),
        Grant(f"{mount}/revoke", ("create", "update")),
        # Vault answers a reading of it by making the lists.
        Grant(f"{mount}/crl/rotate", ("read",)),
    ]


def _slots(site: Site) -> list[str]:
    """Return the paths of the secrets that External Secrets brings for the site: for who reads them, and no more.

    The engine is the platform's, which all its sites share: a key-value one of version 2.
    """
    wanted = site.platform.external_secrets
    if wanted is None:
        return []
    names_of_slots = [*broker_secrets.slots(site), names.INCUMBENT_BRIDGE]
    return [f"{wanted.path}/data/{site.name}/{slot}" for slot in names_of_slots]
