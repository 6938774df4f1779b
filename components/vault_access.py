"""Who may ask the site's Vault for what: the policies, and cert-manager's login."""

import pulumi
import pulumi_vault as vault
from pulumi_vault import kubernetes as vault_kubernetes

from components import broker_secrets, names, vault_policy
from components.component import Place, SiteComponent
from components.vault_names import (
    LOGINS,
    PROBE_ROLE,
    SERVER_ROLE,
    issuing_mount,
    login_audience,
    login_mount,
    policy_name,
    root_mount,
)
from components.vault_policy import Grant
from model import Site

# A login lasts for one request of cert-manager's.
_LOGIN_SECONDS = 600


class VaultAccess(SiteComponent):
    """The site's Vault policies, and the login by which its Issuer asks for server certificates."""

    DOMAIN = "pki"
    SOFTWARE = "vault"
    PART = "access"

    def __init__(self, name: str, place: Place, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, place, opts)
        self._policies()
        self._login()
        self.register_outputs({"policies": [policy_name(place.site, name) for name in policies(place.site)]})

    def _policies(self) -> None:
        for name, grants in policies(self.site).items():
            vault.Policy(
                f"{self.site.name}-{name}",
                name=policy_name(self.site, name),
                policy=vault_policy.render(grants),
                opts=self.in_vault(),
            )

    def _login(self) -> None:
        site, settings = self.site, self.place.settings
        backend = vault.AuthBackend(
            f"{site.name}-kubernetes",
            type="kubernetes",
            path=login_mount(site),
            description=f"Service accounts of {site.title}",
            opts=self.in_vault(),
        )
        configuration = vault_kubernetes.AuthBackendConfig(
            f"{site.name}-kubernetes",
            backend=backend.path,
            kubernetes_host=settings.kubernetes_host,
            kubernetes_ca_cert=settings.kubernetes_ca,
            # Vault is outside of the cluster and keeps no token of it: each login's own reviews itself.
            disable_local_ca_jwt=True,
            opts=self.in_vault(),
        )
        for role, login in LOGINS.items():
            vault_kubernetes.AuthBackendRole(
                f"{site.name}-{login}",
                backend=backend.path,
                role_name=login,
                bound_service_account_names=[site.platform.issuer.service_account],
                bound_service_account_namespaces=[site.namespace],
                audience=login_audience(site, role),
                token_policies=[policy_name(site, f"issue-{role}")],
                token_ttl=_LOGIN_SECONDS,
                token_max_ttl=_LOGIN_SECONDS,
                opts=self.in_vault(depends_on=[configuration]),
            )


def policies(site: Site) -> dict[str, list[Grant]]:
    """Return the site's Vault policies by short name: who may have which certificates, and who may look."""
    mount = issuing_mount(site)
    issue = {
        f"issue-{role}": [
            Grant(f"{mount}/issue/{role}", ("create", "update")),
            Grant(f"{mount}/sign/{role}", ("create", "update")),
        ]
        for role in (SERVER_ROLE, PROBE_ROLE, *names.CLIENT_CLASSES)
    }
    look = [
        Grant(f"{path}/{part}", ("read",))
        for path in (root_mount(site), mount)
        for part in ("issuer/+/json", "issuer/+/crl", "cert/*")
    ]
    found = issue | {"read-authorities": look, "revoke": [Grant(f"{mount}/revoke", ("create", "update"))]}
    if secrets := _slots(site):
        found["read-secrets"] = [Grant(slot, ("read",)) for slot in secrets]
    return found


def _slots(site: Site) -> list[str]:
    """Return the paths of the secrets that External Secrets brings for the site: for whoever reads them, and no more.

    The engine is the platform's, which all its sites share: a key-value one of version 2.
    """
    wanted = site.platform.external_secrets
    if wanted is None:
        return []
    names_of_slots = [*broker_secrets.slots(site), names.INCUMBENT_BRIDGE]
    return [f"{wanted.path}/data/{site.name}/{slot}" for slot in names_of_slots]
