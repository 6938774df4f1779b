"""The files of rights that the kit ships, filled in for a site: what each identity may do on each server."""

import json
from pathlib import Path
from string import Template

from components import names
from components.kafka_topics import user_name
from components.workers import carriers
from model import Site

FOLDER = Path(__file__).resolve().parents[1] / "rights"
VAULT_IDENTITIES = ("deployer", "review")
"""Identities with a Vault policy of each site: `rights/vault/<identity>.hcl`."""
FILES = {"vault": ".hcl", "kubernetes": ".yaml", "keycloak": ".json"}
"""Servers for which there are files of rights, and how those end."""
# Where no key-value engine is named, none is looked into: no site is called so.
_NO_ENGINE = "no-secrets"


def vault_policy(site: Site, identity: str) -> str:
    """Return the text of an identity's Vault policy for the site."""
    return text(site, "vault", identity)


def text(site: Site, server: str, identity: str) -> str:
    """Return the text of an identity's rights on a server, for the site."""
    return filled(site, FOLDER / server / f"{identity}{FILES[server]}")


def identities(server: str) -> list[str]:
    """Return the identities for which there is a file of rights on a server."""
    return sorted(file.stem for file in (FOLDER / server).glob(f"*{FILES[server]}"))


def filled(site: Site, file: Path) -> str:
    """Return a file's text with the site's own names in it; raises KeyError for a word that is none of them."""
    external = site.platform.external_secrets
    written = [
        names.DASHBOARD_LOGIN,
        *(names.gateway_login(gateway.name) for gateway in site.identity.gateways),
    ]
    words = {
        "site": site.name,
        "namespace": site.namespace,
        "kafka_namespace": site.streams.cluster.namespace,
        "kafka_cluster": site.streams.cluster.name,
        "prometheus_namespace": site.platform.prometheus_namespace,
        "kafka_users": ", ".join(user_name(site, user) for user in carriers(site)),
        "workloads": "deployments, statefulsets" if site.streams.by_worker else "deployments",
        "service_account": site.platform.issuer.service_account,
        "secrets": external.path if external else _NO_ENGINE,
        # The Secrets that the stack itself writes, as YAML and JSON both list them.
        "written_secrets": json.dumps(written),
    }
    return Template(file.read_text(encoding="utf-8")).substitute(words)
