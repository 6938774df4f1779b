"""How servers of the site get certificates (cert-manager's Issuer, through Vault), and what they believe."""

import base64

import pulumi

from components import names
from components.component import Place, SiteComponent
from components.manifest import Manifest
from components.vault_names import (
    PROBE_ROLE,
    SERVER_ROLE,
    issuer_name,
    issuing_mount,
    login_mount,
    logins,
)
from components.vault_pki import VaultPki
from components.workers import workers
from model.bridge_worker import BRIDGE

_RBAC = "rbac.authorization.k8s.io"


class CertificateIssuer(SiteComponent):
    """The Issuer, the service account whose short tokens it logs in with, and the CAs to be believed."""

    DOMAIN = "pki"
    SOFTWARE = "cert-manager"
    PART = "certificates"

    trust: Manifest
    probe: Manifest
    """The Issuer of the readiness probe's certificate."""
    workers: dict[str, Manifest]
    """The Issuer of each kind of worker's certificates, where the site has workers."""
    bridge: Manifest | None
    """The Issuer of the certificate of the program that bridges to the incumbent, while there is one."""

    def __init__(
        self, name: str, place: Place, pki: VaultPki, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, place, opts)
        account = self._service_account()
        self.trust = self._trust(pki)
        self._issuer(SERVER_ROLE, account, pki)
        self.probe = self._issuer(PROBE_ROLE, account, pki)
        self.workers = {kind.name: self._issuer(kind.name, account, pki) for kind in workers(place.site)}
        self.bridge = None if place.site.bridge_worker is None else self._issuer(BRIDGE, account, pki)
        self.register_outputs({"issuer": place.site.platform.issuer.name})

    def _service_account(self) -> Manifest:
        site, issuer = self.site, self.site.platform.issuer
        account = Manifest(
            f"{site.name}-{issuer.service_account}",
            api_version="v1",
            kind="ServiceAccount",
            metadata=self.metadata(issuer.service_account),
            # Its tokens are asked for, each for a few minutes: no pod carries one.
            automountServiceAccountToken=False,
            opts=self.in_kubernetes(),
        )
        subject = _account(issuer.service_account, site.namespace)
        self._may_ask_for_tokens(account)
        Manifest(
            f"{site.name}-token-review",
            api_version=f"{_RBAC}/v1",
            kind="ClusterRoleBinding",
            metadata=self.cluster_metadata(f"{site.namespace}-token-review"),
            # Vault reviews each token with that token itself.
            roleRef={"apiGroup": _RBAC, "kind": "ClusterRole", "name": "system:auth-delegator"},
            subjects=[subject],
            opts=self.in_kubernetes(depends_on=[account]),
        )
        return account

    def _may_ask_for_tokens(self, account: Manifest) -> None:
        site = self.site
        name = f"{site.platform.issuer.service_account}-tokens"
        role = Manifest(
            f"{site.name}-{name}",
            api_version=f"{_RBAC}/v1",
            kind="Role",
            metadata=self.metadata(name),
            rules=[
                {
                    "apiGroups": [""],
                    "resources": ["serviceaccounts/token"],
                    "resourceNames": [site.platform.issuer.service_account],
                    "verbs": ["create"],
                }
            ],
            opts=self.in_kubernetes(),
        )
        manager = site.platform.cert_manager
        Manifest(
            f"{site.name}-{name}-binding",
            api_version=f"{_RBAC}/v1",
            kind="RoleBinding",
            metadata=self.metadata(name),
            roleRef={"apiGroup": _RBAC, "kind": "Role", "name": name},
            subjects=[_account(manager.service_account, manager.namespace)],
            opts=self.in_kubernetes(depends_on=[role, account]),
        )

    def _trust(self, pki: VaultPki) -> Manifest:
        identity = self.place.settings.keycloak_ca
        data: dict[str, pulumi.Input[str]] = {names.TRUST_SITE: pki.trust}
        if identity:
            data[names.TRUST_IDENTITY] = identity
        return Manifest(
            f"{self.site.name}-{names.TRUST}",
            api_version="v1",
            kind="ConfigMap",
            metadata=self.metadata(names.TRUST),
            data=data,
            opts=self.in_kubernetes(),
        )

    def _issuer(self, role: str, account: Manifest, pki: VaultPki) -> Manifest:
        """Make an Issuer of certificates by one of Vault's roles."""
        site, settings = self.site, self.place.settings
        authority = settings.vault_ca
        vault = {
            "server": settings.vault_address,
            "path": f"{issuing_mount(site)}/sign/{role}",
            "auth": {
                "kubernetes": {
                    "mountPath": f"/v1/auth/{login_mount(site)}",
                    "role": logins(site)[role],
                    "serviceAccountRef": {
                        "name": site.platform.issuer.service_account,
                        # The token reviews itself at the API server, so it is meant for that too.
                        "audiences": [site.platform.api_audience],
                    },
                }
            },
        }
        if authority:
            vault["caBundle"] = base64.b64encode(authority.encode()).decode()
        return Manifest(
            f"{site.name}-{issuer_name(site, role)}",
            api_version="cert-manager.io/v1",
            kind="Issuer",
            metadata=self.metadata(issuer_name(site, role)),
            spec={"vault": vault},
            opts=self.in_kubernetes(depends_on=[account, pki]),
        )


def _account(name: str, namespace: str) -> dict[str, str]:
    """Return a service account as the subject of a binding."""
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
