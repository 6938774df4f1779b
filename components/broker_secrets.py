"""The secrets of broker and sinks, out of Vault or made by the site: names of keys, never a value."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from components import names
from components.component import SiteComponent, selector_labels
from components.manifest import Manifest
from components.stateless import container_security, pod_security
from components.workers import kafka_secrets
from model import Site
from model.platform import ExternalSecrets

API_VERSION = "external-secrets.io/v1"
_KAFKA_LOGIN = ("password", "ca.crt")
# Each Secret of a broker of either edition, and its keys; the same keys are in Vault.
SECRETS = {
    names.BROKER_KAFKA: _KAFKA_LOGIN,
    names.DASHBOARD_PROXY: ("cookie-secret",),
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


_USER = 10001


def broker_secrets(component: SiteComponent) -> list[Manifest]:
    """Make what the broker waits for until its Secrets are there.

    The operator reads the metrics key once, when it first sees the broker, and goes on without one that is not there.
    So the broker comes after an ExternalSecret for each Secret, or, where the site makes its Secrets itself, after a
    Job whose pod Kubernetes does not start before each key is there.
    """
    site = component.site
    wanted = site.platform.external_secrets
    if wanted is None:
        return [_gate(component, broker_slots(site))]
    return [brought(component, wanted, name, name, keys) for name, keys in broker_slots(site).items()]


def _gate(component: SiteComponent, needed: Mapping[str, Sequence[str]]) -> Manifest:
    site = component.site
    spec = _gate_job(component, needed)
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:10]
    return Manifest(
        f"{site.name}-{names.BROKER_SECRETS}",
        api_version="batch/v1",
        kind="Job",
        metadata=component.metadata(f"{names.BROKER_SECRETS}-{digest}"),
        spec=spec,
        # No deadline of the Job's own: the next `up` finds it done once the Secrets are there.
        opts=component.in_kubernetes(within=site.broker.ready_within, delete_before_replace=True),
    )


def _gate_job(component: SiteComponent, needed: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    volumes = [
        {
            "name": name,
            "secret": {"secretName": name, "items": [{"key": key, "path": key} for key in keys]},
        }
        for name, keys in needed.items()
    ]
    container = {
        "name": "look",
        "image": component.site.broker.probe.image.reference(),
        "imagePullPolicy": "IfNotPresent",
        # That it starts is all that is asked of it.
        "command": ["python", "-c", "pass"],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": container_security(),
        "volumeMounts": [{"name": name, "mountPath": f"/needed/{name}", "readOnly": True} for name in needed],
    }
    return {
        "template": {
            "metadata": {
                "labels": component.labels | selector_labels(component.site, names.BROKER_SECRETS, "secrets")
            },
            "spec": {
                "restartPolicy": "OnFailure",
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "securityContext": pod_security(_USER),
                "containers": [container],
                "volumes": volumes,
            },
        }
    }


def slots(site: Site) -> dict[str, tuple[str, ...]]:
    """Return every Secret that the site reads while it runs, and its keys."""
    return broker_slots(site) | worker_slots(site) | sink_slots(site)


def broker_slots(site: Site) -> dict[str, tuple[str, ...]]:
    """Return the Secrets that the site's broker and its dashboard need, and their keys."""
    found: dict[str, tuple[str, ...]] = dict(SECRETS)
    if site.way_to_kafka == "worker":
        # The broker and its bridge write nothing to Kafka.
        del found[names.BROKER_KAFKA]
    if site.broker.keys_have_roles:
        found[names.BROKER_METRICS_KEY] = ("key", "secret", METRICS_SECRET_WITH_ROLE)
    if not site.broker.signs_in_people:
        found[names.BROKER_ADMINISTRATOR] = ("password",)
    if site.broker.licence:
        found[site.broker.licence.secret] = (site.broker.licence.key,)
    return found


def worker_slots(site: Site) -> dict[str, tuple[str, ...]]:
    """Return the Secrets of the workers' Kafka users, and their keys; none without workers."""
    return dict.fromkeys(kafka_secrets(site).values(), _KAFKA_LOGIN)


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
