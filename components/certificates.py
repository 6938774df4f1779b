"""Certificates that cert-manager asks the site's Vault for, keeps in a Secret and renews."""

from collections.abc import Sequence

import pulumi

from components.component import SiteComponent
from components.manifest import Manifest


def server_certificate(component: SiteComponent, secret: str, dns_names: Sequence[str]) -> Manifest:
    """Make the cert-manager Certificate `secret`, kept in the Secret of that name, as the component's child.

    `dns_names` must be among the names that VaultPki's role `server` allows; the first is the common name.
    """
    return _certificate(component, secret, dns_names, "server auth", component.site.platform.issuer.name)


def client_certificate(
    component: SiteComponent,
    secret: str,
    common_name: str,
    issuer: str,
    needed: Sequence[pulumi.Resource] = (),
) -> Manifest:
    """Make the cert-manager Certificate `secret` of a client, by an Issuer of the site, as the component's child.

    `needed` is what must be there before: cert-manager asks again only after an hour when Vault has refused a name.
    """
    return _certificate(component, secret, [common_name], "client auth", issuer, needed)


def _certificate(
    component: SiteComponent,
    secret: str,
    dns_names: Sequence[str],
    usage: str,
    issuer: str,
    needed: Sequence[pulumi.Resource] = (),
) -> Manifest:
    times = component.site.broker.certificate
    return Manifest(
        f"{component.site.name}-{secret}",
        api_version="cert-manager.io/v1",
        kind="Certificate",
        metadata=component.metadata(secret),
        spec={
            "secretName": secret,
            "secretTemplate": {"labels": component.labels},
            "commonName": dns_names[0],
            "dnsNames": list(dns_names),
            "duration": times.lifetime.go(),
            "renewBefore": times.renew_before.go(),
            "usages": ["digital signature", usage],
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": issuer},
        },
        opts=component.in_kubernetes(depends_on=needed),
    )
