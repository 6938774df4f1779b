"""The site's certificate authorities in Vault, and the roles by which they issue certificates."""

import pulumi
import pulumi_vault as vault
from pulumi_vault import pkisecret

from components import distinguished_name, vault_settings
from components.component import Place, SiteComponent
from components.issuing_roles import IssuingRole, issuing_roles
from components.vault_names import issuing_mount, root_mount
from model import Site
from model.authorities import KEY_TYPE, Authority, common_name, made_from
from model.pki import CertificateAuthority, KeyType
from model.units import Duration

# What Vault lets a class's certificate be asked for; with `any` it holds RSA keys to 2048 bits itself.
_KEY_BITS: dict[KeyType, int] = {"ec": 256, "rsa": 2048, "any": 0}
# All that a CA's certificate is made from. A generation that is not the newest keeps what it was made with, so that
# the data of the next one does not replace it.
_OF_REQUEST = ["commonName", "organization", "keyType", "keyBits"]
_OF_ROOT = [*_OF_REQUEST, "ttl"]
# Also after the root's next generation.
_OF_SIGNING = ["commonName", "organization", "ttl", "issuerRef", "csr"]
_OCSP_LIFE = Duration(12 * 3600)
_DELTA_EVERY = Duration(15 * 60)
# Vault's own bound, said so that an edit by hand is put right.
_LONGEST_LIST = 100_000


class VaultPki(SiteComponent):
    """Root and issuing CA by generations, and the roles by which it gives certificates.

    Who may ask for them is not the site's stack's to say, but the bootstrap's (`components.vault_access`).
    A new generation is made beside the old ones, which stay: certificates that they issued live on.
    """

    DOMAIN = "pki"
    SOFTWARE = "vault"
    PART = "pki"

    trust: pulumi.Output[str]
    """PEM text of every generation's issuing and root certificate."""
    authorities: dict[str, dict[str, pulumi.Input[str]]]
    """For `root` and `issuing`: mount, subject, serial number and PEM of the current generation."""

    def __init__(self, name: str, place: Place, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, place, opts)
        site = place.site
        self._root_mount = self._mount("root", root_mount(site), site.pki.root, site.pki.issuing)
        self._issuing_mount = self._mount("issuing", issuing_mount(site), site.pki.issuing, None)
        urls: list[pulumi.Resource] = []
        for kind, mount in (("root", self._root_mount), ("issuing", self._issuing_mount)):
            urls += [self._urls(kind, mount), self._revocation_list(kind, mount)]
        roots = [self._root(generation, urls) for generation in _generations(site.pki.root)]
        issuing = [self._issuing(number, roots[-1], urls) for number in _generations(site.pki.issuing)]
        signed, imported = issuing[-1]
        self._default_issuer("root", self._root_mount, roots[-1].issuer_id)
        default = self._default_issuer("issuing", self._issuing_mount, imported.imported_issuers[0])
        for role in issuing_roles(site):
            self._role(role, default)
        certificates = [certificate.certificate for certificate, _ in reversed(issuing)]
        certificates += [root.certificate for root in reversed(roots)]
        self.trust = pulumi.Output.all(*certificates).apply(_bundle)
        self.authorities = {
            "root": _authority(site, "root", root_mount(site), roots[-1]),
            "issuing": _authority(site, "issuing", issuing_mount(site), signed),
        }
        self.register_outputs({"authorities": self.authorities})

    def _mount(
        self, name: str, path: str, authority: CertificateAuthority, below: CertificateAuthority | None
    ) -> vault.Mount:
        usual = below.lifetime if below else self.site.pki.longest_leaf
        return vault.Mount(
            f"{self.site.name}-{name}",
            path=path,
            type="pki",
            description=f"{name.capitalize()} CA of {self.site.title}",
            default_lease_ttl_seconds=min(usual, authority.lifetime).seconds,
            max_lease_ttl_seconds=authority.lifetime.seconds,
            **vault_settings.MOUNT,
            opts=self.in_vault(protect=self.site.protect),
        )

    def _urls(self, name: str, mount: vault.Mount) -> pkisecret.SecretBackendConfigUrls:
        base = pulumi.Output.concat(self.place.settings.vault_address, "/v1/", mount.path)
        # By issuer, so that a certificate of an old generation still names its own CA and list.
        issuer = pulumi.Output.concat(base, "/issuer/{{issuer_id}}")
        return pkisecret.SecretBackendConfigUrls(
            f"{self.site.name}-{name}",
            backend=mount.path,
            enable_templating=True,
            issuing_certificates=[pulumi.Output.concat(issuer, "/der")],
            # PEM: EMQX 5.8 reads nothing else when it refreshes a list, and a certificate may outlive an upgrade.
            crl_distribution_points=[pulumi.Output.concat(issuer, "/crl/pem")],
            ocsp_servers=[pulumi.Output.concat(base, "/ocsp")],
            opts=self.in_vault(),
        )

    def _revocation_list(self, name: str, mount: vault.Mount) -> pkisecret.SecretBackendCrlConfig:
        """Have Vault renew its lists by itself: it would let them lapse, and the broker then refuses every client.

        In exchange a revocation reaches the list only when that is made anew: runbooks/stolen-device.md.
        """
        said = self.site.pki.revocation_list
        return pkisecret.SecretBackendCrlConfig(
            f"{self.site.name}-{name}",
            backend=mount.path,
            disable=False,
            # Vault keeps durations as they are written, and takes Go's form alone.
            expiry=said.lifetime.go(),
            auto_rebuild=True,
            auto_rebuild_grace_period=said.rebuild_before.go(),
            enable_delta=False,
            delta_rebuild_interval=_DELTA_EVERY.go(),
            max_crl_entries=_LONGEST_LIST,
            ocsp_disable=False,
            ocsp_expiry=_OCSP_LIFE.go(),
            # Between clusters of Vault Enterprise.
            cross_cluster_revocation=False,
            unified_crl=False,
            unified_crl_on_existing_paths=False,
            opts=self.in_vault(),
        )

    def _root(self, generation: int, urls: list[pulumi.Resource]) -> pkisecret.SecretBackendRootCert:
        root = self.site.pki.root
        kept = _OF_ROOT if generation < root.generation else []
        return pkisecret.SecretBackendRootCert(
            f"{self.site.name}-root-g{generation}",
            backend=self._root_mount.path,
            type="internal",
            common_name=common_name(self.site, "root", generation),
            organization=self.site.pki.organization,
            issuer_name=f"root-g{generation}",
            key_name=f"root-g{generation}",
            key_type=KEY_TYPE,
            key_bits=root.key_bits,
            ttl=root.lifetime.vault(),
            exclude_cn_from_sans=True,
            max_path_length=1,
            opts=self.in_vault(protect=self.site.protect, depends_on=urls, ignore_changes=kept),
        )

    def _issuing(
        self,
        generation: int,
        root: pkisecret.SecretBackendRootCert,
        urls: list[pulumi.Resource],
    ) -> tuple[pkisecret.SecretBackendRootSignIntermediate, pkisecret.SecretBackendIntermediateSetSigned]:
        site, issuing = self.site, self.site.pki.issuing
        name = f"{site.name}-issuing-g{generation}"
        old = generation < issuing.generation
        request = pkisecret.SecretBackendIntermediateCertRequest(
            name,
            backend=self._issuing_mount.path,
            type="internal",
            common_name=common_name(site, "issuing", generation),
            organization=site.pki.organization,
            key_name=f"issuing-g{generation}",
            key_type=KEY_TYPE,
            key_bits=issuing.key_bits,
            exclude_cn_from_sans=True,
            opts=self.in_vault(protect=site.protect, ignore_changes=_OF_REQUEST if old else []),
        )
        signed = pkisecret.SecretBackendRootSignIntermediate(
            name,
            backend=self._root_mount.path,
            csr=request.csr,
            common_name=common_name(site, "issuing", generation),
            organization=site.pki.organization,
            issuer_ref=root.issuer_id,
            ttl=issuing.lifetime.vault(),
            exclude_cn_from_sans=True,
            max_path_length=0,
            opts=self.in_vault(
                protect=site.protect, depends_on=urls, ignore_changes=_OF_SIGNING if old else []
            ),
        )
        imported = pkisecret.SecretBackendIntermediateSetSigned(
            name,
            backend=self._issuing_mount.path,
            certificate=signed.certificate,
            opts=self.in_vault(protect=site.protect),
        )
        return signed, imported

    def _default_issuer(
        self, name: str, mount: vault.Mount, issuer: pulumi.Input[str]
    ) -> pkisecret.SecretBackendConfigIssuers:
        return pkisecret.SecretBackendConfigIssuers(
            f"{self.site.name}-{name}",
            backend=mount.path,
            default=issuer,
            # The default is the one that data says, not the one that came last.
            default_follows_latest_issuer=False,
            opts=self.in_vault(),
        )

    def _role(self, role: IssuingRole, issuer: pkisecret.SecretBackendConfigIssuers) -> None:
        site = self.site
        leaf = site.pki.server_certificates if role.server else site.pki.device_certificates
        maximum, keys = leaf.maximum.vault(), role.key_type(site)
        pkisecret.SecretBackendRole(
            f"{site.name}-{role.name}",
            backend=self._issuing_mount.path,
            name=role.name,
            issuer_ref="default",
            ttl=maximum,
            max_ttl=maximum,
            allowed_domains=list(role.domains),
            allow_bare_domains=role.exact,
            allow_subdomains=not role.exact,
            allow_any_name=False,
            allow_glob_domains=False,
            allow_ip_sans=False,
            allow_localhost=False,
            allow_wildcard_certificates=False,
            allowed_uri_sans=[] if role.exact else [f"urn:iot-broker:{site.name}:{role.name}:*"],
            enforce_hostnames=True,
            # Not `email` beside it, Vault's default: the policy server knows no client `a@pump.devices.…`.
            cn_validations=["hostname"],
            require_cn=True,
            use_csr_common_name=True,
            use_csr_sans=True,
            server_flag=role.server,
            client_flag=not role.server,
            code_signing_flag=False,
            email_protection_flag=False,
            key_type=keys,
            key_bits=_KEY_BITS[keys],
            key_usages=["DigitalSignature"],
            organizations=[site.pki.organization],
            # Kept by Vault, so that it can be revoked.
            no_store=False,
            **vault_settings.ROLE,
            opts=self.in_vault(depends_on=[issuer]),
        )


def _generations(authority: CertificateAuthority) -> range:
    return range(1, authority.generation + 1)


def _authority(
    site: Site,
    kind: Authority,
    mount: str,
    certificate: pkisecret.SecretBackendRootCert | pkisecret.SecretBackendRootSignIntermediate,
) -> dict[str, pulumi.Input[str]]:
    generation = (site.pki.root if kind == "root" else site.pki.issuing).generation
    return {
        "mount": mount,
        "subject": distinguished_name.text(
            {"CN": common_name(site, kind, generation), "O": site.pki.organization}
        ),
        # What the site's data approves.
        "approved": made_from(site, kind),
        "serial": certificate.serial_number,
        "certificate": certificate.certificate,
    }


def _bundle(certificates: list[str]) -> str:
    return "".join(certificate.strip() + "\n" for certificate in certificates)
