"""The secrets of broker and sinks out of Vault by External Secrets: names of keys, never a value."""

from collections.abc import Sequence

from components import names
from components.component import SiteComponent
from components.manifest import Manifest
from model import Site
from model.platform import ExternalSecrets

API_VERSION = "external-secrets.io/v1"
# Each Secret of the broker, and its keys; the same keys are in Vault.
SECRETS = {
    names.BROKER_ADMINISTRATOR: ("password",),
    names.BROKER_METRICS_KEY: ("key", "secret"),
    names.BROKER_KAFKA: ("password", "ca.crt"),
}


METRICS_SECRET_WITH_ROLE = "secret-with-role"  # noqa: S105 - the name of a key
"""Key with `<secret>:viewer`: a secret and the role of its API key, as the enterprise edition reads it."""
# What each kind of store asks for; the same keys are in Vault, beside `kafka-password`.
STORE_KEYS = {
    "timescaledb": ("password", "ca.crt"),
    "influxdb": ("password",),
    "iceberg": ("credential", "access-key", "secret-key"),
}
SINK_KAFKA_PASSWORD = "kafka-password"  # noqa: S105 - the name of a key
SINK_KAFKA_CA = "kafka-ca.crt"


def broker_secrets(component: SiteComponent) -> list[Manifest]:
    """Make an ExternalSecret for each Secret of the broker; none where the site makes its Secrets itself."""
    site = component.site
    wanted = site.platform.external_secrets
    if wanted is None:
        return []
    return [brought(component, wanted, name, name, keys) for name, keys in broker_slots(site).items()]


def slots(site: Site) -> dict[str, tuple[str, ...]]:
    """Return every Secret that the site reads while it runs, and its keys."""
    return broker_slots(site) | sink_slots(site)


def broker_slots(site: Site) -> dict[str, tuple[str, ...]]:
    """Return the Secrets that the site's broker and its dashboard need, and their keys."""
    if not site.broker.keys_have_roles:
        return SECRETS | {names.DASHBOARD_PROXY: ("cookie-secret",)}
    licence = site.broker.licence
    metrics = {names.BROKER_METRICS_KEY: (*SECRETS[names.BROKER_METRICS_KEY], METRICS_SECRET_WITH_ROLE)}
    return SECRETS | metrics | ({licence.secret: (licence.key,)} if licence else {})


def sink_slots(site: Site) -> dict[str, tuple[str, ...]]:
    """Return the Secrets of the sinks and of the workers that fill them, and their keys; none without sinks."""
    sinks = {
        names.sink_secret(sink.name): (SINK_KAFKA_PASSWORD, SINK_KAFKA_CA, *STORE_KEYS[sink.store])
        for sink in site.streams.sinks
    }
    return sinks | {names.SINKS_KAFKA: ("password", "ca.crt")} if sinks else {}


def brought(
    component: SiteComponent,
    wanted: ExternalSecrets,
    name: str,
    slot: str,
    keys: Sequence[str],
    namespace: str | None = None,
) -> Manifest:
    """Make an ExternalSecret that brings the keys of Vault's slot into the Secret `name`, as the component's child.

    `namespace` is the Secret's when it is not the site's.
    """
    site = component.site
    return Manifest(
        f"{site.name}-{name}",
        api_version=API_VERSION,
        kind="ExternalSecret",
        metadata=component.metadata(
            name, namespace=namespace, annotations={"pulumi.com/waitFor": "condition=Ready"}
        ),
        spec={
            "refreshInterval": wanted.refresh.go(),
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": wanted.store},
            # The Secret goes with its ExternalSecret.
            "target": {"name": name, "creationPolicy": "Owner"},
            "data": [
                {
                    "secretKey": key,
                    "remoteRef": {"key": f"{wanted.path}/{site.name}/{slot}", "property": key},
                }
                for key in keys
            ],
        },
        opts=component.in_kubernetes(within=site.broker.ready_within),
    )
