"""What is mounted into the broker's nodes, and where: certificates, authorities, and files with secrets."""

from typing import Any

from components import names
from model import Site
from model.emqx.configuration import ClientTls

TLS_FOLDER = "/mounted/tls"
"""The broker's certificate and key."""
TRUST_FOLDER = "/mounted/trust"
"""The authorities that the broker believes."""
LOGIN_FOLDER = "/mounted/login"
"""The secret of the dashboard's Keycloak client, in the edition that signs people in itself."""
KAFKA_FOLDER = "/mounted/kafka"
"""The Kafka user's password and Kafka's authority, in the edition that is a Kafka client."""
INCUMBENT_FOLDER = "/mounted/incumbent"
"""The bridge's password, the incumbent's authority and the bridge's certificate."""
LICENCE_FOLDER = "/mounted/licence"
"""The licence, if the site has one."""


def mounted(site: Site) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the volumes, and where they are mounted."""
    sources: list[tuple[str, str, dict[str, Any]]] = [
        ("tls", TLS_FOLDER, _secret(names.BROKER_TLS)),
        ("trust", TRUST_FOLDER, {"configMap": {"name": names.TRUST}}),
        # In every phase, so that a bridge that comes or goes changes no pod (and moves no volume).
        ("incumbent", INCUMBENT_FOLDER, _secret(names.INCUMBENT_BRIDGE, optional=True)),
    ]
    if site.broker.signs_in_people:
        sources.append(("login", LOGIN_FOLDER, _secret(names.DASHBOARD_LOGIN)))
    if site.way_to_kafka == "broker":
        sources.append(("kafka", KAFKA_FOLDER, _secret(names.BROKER_KAFKA)))
    if site.broker.licence is not None:
        sources.append(("licence", LICENCE_FOLDER, _secret(site.broker.licence.secret)))
    volumes = [{"name": name, **source} for name, _, source in sources]
    mounts = [{"name": name, "mountPath": folder, "readOnly": True} for name, folder, _ in sources]
    return volumes, mounts


def _secret(name: str, *, optional: bool = False) -> dict[str, Any]:
    return {"secret": {"secretName": name} | ({"optional": True} if optional else {})}


def client_tls(authorities: str | None) -> ClientTls:
    """Return TLS towards a server whose certificate is of these mounted authorities, or of the public ones."""
    if authorities is None:
        return ClientTls(cacerts=True)
    return ClientTls(cacertfile=f"{TRUST_FOLDER}/{authorities}")
