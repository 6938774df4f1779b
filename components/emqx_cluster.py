"""The broker: the EMQX resource that the platform's operator turns into a cluster, and its certificate."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pulumi

from components import data_move, emqx_configuration, emqx_listeners, emqx_nodes, names
from components.autoscaler import autoscaler
from components.broker_secrets import METRICS_SECRET_WITH_ROLE, broker_secrets
from components.certificates import server_certificate
from components.component import Place, SiteComponent
from components.manifest import Manifest, type_token
from model import Site
from model.broker import OPERATOR_APIS
from model.capacity import door_limits


class EmqxCluster(SiteComponent):
    """The site's EMQX cluster: MQTT over TLS with client certificates, WebSocket over TLS, nothing plain.

    `needed` is what must be there before: the authorities that the broker believes, the link to the incumbent.
    """

    DOMAIN = "broker"
    SOFTWARE = "emqx"
    PART = "broker"

    endpoints: dict[str, str]
    """Addresses for clients: `mqtts`, `wss`, `dashboard`."""
    digest: str
    """Changes whenever the broker does."""
    mark: str
    """By this text the configuration is found in what the broker took last."""

    def __init__(
        self,
        name: str,
        place: Place,
        needed: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, place, opts)
        site = place.site
        certificate = server_certificate(self, names.BROKER_TLS, certificate_names(site))
        secrets = broker_secrets(self)
        spec = self._spec()
        self.mark = emqx_configuration.mark(site, place.settings)
        self.digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
        self.cluster = Manifest(
            f"{site.name}-{names.BROKER}",
            api_version=site.broker.operator_api,
            kind="EMQX",
            # The rollout waits with a time limit: the operator may be stuck for ever.
            metadata=self.metadata(
                names.BROKER,
                annotations={
                    "pulumi.com/waitFor": wait_for(site),
                    # A preview that changes it moves the broker to new volumes.
                    data_move.ANNOTATION: data_move.template_digest(site),
                },
            ),
            spec=spec,
            opts=self.in_kubernetes(
                protect=site.protect,
                within=site.broker.ready_within,
                depends_on=[certificate, *needed, *secrets],
                # A later version of EMQX is served under another API version, which is another type to Pulumi: without
                # its former name the same broker would be made again, and then deleted.
                aliases=[
                    pulumi.Alias(type_=type_token(version, "EMQX"))
                    for version in OPERATOR_APIS
                    if version != site.broker.operator_api
                ],
            ),
        )
        replicants = site.broker.replicants
        if replicants is not None and replicants.autoscaling is not None:
            # The EMQX resource's own `/scale` is its replicants'.
            target = (site.broker.operator_api, "EMQX")
            autoscaler(self, names.BROKER, replicants.replicas, replicants.autoscaling, target=target)
        self.endpoints = endpoints(site)
        self.register_outputs({"endpoints": self.endpoints})

    def _spec(self) -> dict[str, Any]:
        site = self.site
        spec: dict[str, Any] = {
            "image": site.broker.image.reference(site.broker.version),
            "imagePullPolicy": "IfNotPresent",
            "config": {
                # Replace, so that what someone changes by the dashboard does not outlive the next rollout. The operator
                # leaves out what EMQX reads at its start, `dashboard` among it: docs/dashboard.md says what to do then.
                "mode": "Replace",
                "data": emqx_configuration.text(site, self.place.settings),
            },
            **_metrics_key(site),
            "updateStrategy": _update_strategy(site),
            "coreTemplate": {"metadata": {"labels": self.labels}, "spec": emqx_nodes.core_nodes(site)},
            "listenersServiceTemplate": {
                "metadata": {"name": names.BROKER_LISTENERS, "labels": self.labels},
                "spec": {
                    "type": "LoadBalancer",
                    # Keeps the client's own address for the policy and the audit.
                    "externalTrafficPolicy": "Local",
                    "ports": _listener_ports(site),
                },
            },
            "dashboardServiceTemplate": {
                "metadata": {"name": names.BROKER_DASHBOARD, "labels": self.labels},
                "spec": {
                    "type": "ClusterIP",
                    "ports": [_service_port("dashboard-https", site.broker.dashboard_port)],
                },
            },
        }
        if site.broker.replicants is not None:
            spec["replicantTemplate"] = {
                "metadata": {"labels": self.labels},
                "spec": emqx_nodes.replicant_nodes(site, site.broker.replicants),
            }
        return spec


def wait_for(site: Site) -> str:
    """Return what Pulumi waits for: Ready, and as many running nodes as the site asks for.

    The condition alone is still true of the nodes before, until the operator looks: five nodes of three were "updated"
    at once. The number of nodes that scale themselves is their autoscaler's.
    """
    wanted = {"coreNodesStatus": site.broker.replicas}
    replicants = site.broker.replicants
    if replicants is not None and replicants.replicas and replicants.autoscaling is None:
        wanted["replicantNodesStatus"] = replicants.replicas
    return json.dumps(
        [
            "condition=Ready",
            *(f"jsonpath={{.status.{key}.readyReplicas}}={count}" for key, count in wanted.items()),
        ]
    )


def certificate_names(site: Site) -> list[str]:
    """Return the DNS names of the broker's certificate: the common name first."""
    return [
        site.mqtt_host,
        site.dashboard_host,
        names.service_host(site, names.BROKER_LISTENERS),
        names.service_host(site, names.BROKER_DASHBOARD),
    ]


def endpoints(site: Site) -> dict[str, str]:
    """Return the addresses that clients of the broker use."""
    addresses = {
        name: f"mqtts://{site.mqtt_host}:{door.port}" for name, door in site.broker.listeners.by_name.items()
    }
    return addresses | {
        "wss": f"wss://{site.mqtt_host}:{site.broker.listeners.wss.port}/mqtt",
        "dashboard": f"https://{site.dashboard_host}:{site.broker.dashboard_port}",
    }


def _listener_ports(site: Site) -> list[dict[str, str | int]]:
    # EMQX's own names of the listeners, which the operator looks for.
    kinds = {"mqtts": "ssl-default", "wss": "wss-default"}
    doors = site.broker.listeners.by_name
    ports = {kinds.get(name, f"ssl-{name}"): door for name, door in doors.items()}
    found = [_service_port(name, door.port) for name, door in ports.items()]
    if site.streams.worker is not None:
        found.append(_service_port(f"ssl-{emqx_listeners.WORKER}", site.streams.worker.port))
    if site.bridge_worker is not None:
        found.append(_service_port(f"ssl-{emqx_listeners.BRIDGE}", site.bridge_worker.port))
    return found


def _update_strategy(site: Site) -> dict[str, Any]:
    strategy: dict[str, Any] = {"type": "Recreate", "initialDelaySeconds": 10}
    if site.broker.edition == "enterprise":
        # Only this edition moves clients away from a node before it goes; as fast as the others take them in.
        rate = door_limits(site.broker)["mqtts"].connection_rate.count
        strategy["evacuationStrategy"] = {
            "connEvictRate": rate,
            "sessEvictRate": rate,
            "waitTakeover": 10,
        }
    return strategy


def _metrics_key(site: Site) -> dict[str, Any]:
    """Name the key that Prometheus reads figures with, which may only look; none where a key has no role.

    The operator writes a line `<key>:<secret>` of it, and the enterprise edition reads `<key>:<secret>:<role>`.
    """
    if not site.broker.keys_have_roles:
        return {}
    name = names.BROKER_METRICS_KEY
    reference = {
        "key": {"secretName": name, "secretKey": "key"},
        "secret": {"secretName": name, "secretKey": METRICS_SECRET_WITH_ROLE},
    }
    return {"bootstrapAPIKeys": [{"secretRef": reference}]}


def _service_port(name: str, port: int) -> dict[str, str | int]:
    return {"name": name, "port": port, "targetPort": port, "protocol": "TCP"}
