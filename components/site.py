"""The whole site: its providers, its namespace, and the components in it."""

from typing import Any

import pulumi
import pulumi_keycloak as keycloak
import pulumi_vault as vault
from pulumi_kubernetes import Provider as KubernetesProvider

from components.bridge_worker import Bridge
from components.broker_configuration import BrokerConfiguration
from components.broker_probe import BrokerProbe
from components.certificate_exporter import CertificateExporter
from components.certificate_issuer import CertificateIssuer
from components.component import PHASE_LABEL, Place, site_labels
from components.dashboard_proxy import DashboardProxy
from components.dashboards import Dashboards
from components.emqx_cluster import EmqxCluster
from components.incumbent_bridge import IncumbentBridge
from components.kafka_bridge import KafkaBridge
from components.kafka_topics import KafkaTopics
from components.kafka_worker import KafkaWorker
from components.keycloak_realm import KeycloakRealm
from components.manifest import Manifest
from components.network_segmentation import NetworkSegmentation
from components.opa_policies import OpaPolicies
from components.prometheus_rules import PrometheusRules
from components.safeguard import safeguard
from components.settings import Settings
from components.stream_sinks import StreamSinks
from components.vault_pki import VaultPki
from model import Site

# Pods of the site run without any privilege, or not at all.
_POD_SECURITY = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/warn": "restricted",
}


class IotSite(pulumi.ComponentResource):
    """One site: everything that its stack deploys; `outputs` is what the stack exports."""

    outputs: dict[str, Any]

    def __init__(
        self, name: str, site: Site, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("iot-broker:site:IotSite", name, None, opts)
        place = self._place(site, settings)
        inside = pulumi.ResourceOptions(parent=self)
        pki = VaultPki(f"{name}-pki", place, inside)
        realm = KeycloakRealm(f"{name}-identity", place, inside)
        streams = KafkaTopics(f"{name}-streams", place, inside)
        network = NetworkSegmentation(f"{name}-network", place, inside)
        certificates = CertificateIssuer(f"{name}-certificates", place, pki, inside)
        policy = OpaPolicies(f"{name}-policy", place, inside)
        # A topic that is not there when a node starts is as a Kafka that is away: what is published for it is lost.
        needed: list[pulumi.Resource] = [certificates.trust, realm.dashboard_login, streams]
        if site.bridge != "none":
            needed.append(IncumbentBridge(f"{name}-incumbent", place, inside))
        broker = EmqxCluster(f"{name}-broker", place, needed, inside)
        configuration = BrokerConfiguration(f"{name}-configuration", place, broker, inside)
        BrokerProbe(f"{name}-probe", place, broker, configuration, certificates.probe, inside)
        CertificateExporter(f"{name}-certificate-exporter", place, inside)
        DashboardProxy(f"{name}-dashboard-proxy", place, realm.dashboard_login, inside)
        if site.way_to_kafka == "bridge":
            KafkaBridge(f"{name}-kafka-bridge", place, streams, inside)
        if site.streams.worker is not None:
            KafkaWorker(
                f"{name}-kafka-worker",
                place,
                site.streams.worker,
                certificates.workers,
                # A worker is ready once it is subscribed, and Kafka answers.
                [broker.cluster, configuration.job, policy, network, streams, certificates.trust],
                inside,
            )
        if site.bridge_worker is not None and certificates.bridge is not None:
            Bridge(
                f"{name}-bridge",
                place,
                site.bridge_worker,
                certificates.bridge,
                [*needed, broker.cluster, configuration.job, policy, network],
                inside,
            )
        connectors = (
            StreamSinks(f"{name}-sinks", place, streams, inside).connectors if site.streams.sinks else []
        )
        rules = PrometheusRules(f"{name}-monitoring", place, broker, inside)
        Dashboards(f"{name}-dashboards", place, inside)
        self.outputs = {
            "site": site.name,
            "phase": site.phase,
            "edition": site.broker.edition,
            "namespace": place.namespace,
            "brokerEndpoints": broker.endpoints,
            "incumbentBridge": site.bridge,
            "realm": {"name": realm.realm, "issuer": realm.issuer},
            "certificateAuthorities": pki.authorities,
            "topics": streams.topics,
            "users": streams.users,
            "hotRetention": str(site.retention.hot_in_effect),
            "connectors": connectors,
            "alerts": rules.alerts,
        }
        self.register_outputs(self.outputs)
        safeguard(name, self, protect=site.protect)

    def _place(self, site: Site, settings: Settings) -> Place:
        inside = pulumi.ResourceOptions(parent=self)
        cluster = KubernetesProvider(
            f"{site.name}-kubernetes",
            context=settings.kubernetes_context,
            # The plugin looks for the login itself, by KUBECONFIG: its place is not the site's, and in no plan and no
            # state. Left out, the SDK would write it here, and a reviewer's would differ from the deployer's.
            kubeconfig="",
            enable_server_side_apply=True,
            # A changed bundle is written over, instead of vanishing for a moment.
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            opts=inside,
        )
        namespace = Manifest(
            f"{site.name}-namespace",
            api_version="v1",
            kind="Namespace",
            metadata={
                "name": site.namespace,
                "labels": site_labels(site, "iot-broker", "site") | {PHASE_LABEL: site.phase} | _POD_SECURITY,
            },
            opts=pulumi.ResourceOptions(parent=self, provider=cluster),
        )
        return Place(
            site=site,
            settings=settings,
            kubernetes=cluster,
            # The token comes from the environment, and is used as it is.
            vault=vault.Provider(
                f"{site.name}-vault", address=settings.vault_address, skip_child_token=True, opts=inside
            ),
            # Its authority comes from the environment, as the others' does: in the state an old one would stay behind
            # when the server's is renewed, and no refresh or destroy would reach it (docs/adr/0040).
            keycloak=keycloak.Provider(
                f"{site.name}-keycloak",
                url=settings.keycloak_url,
                # Making a realm makes its keys, which takes a busy Keycloak longer than the provider's five seconds.
                client_timeout=60,
                opts=inside,
            ),
            namespace=namespace.object_name,
        )
