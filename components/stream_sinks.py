"""The stores behind Kafka: Kafka Connect's workers, and a connector for each topic of each sink."""

from typing import Any

import pulumi

from components import names, sink_connectors
from components.broker_secrets import brought, sink_slots
from components.component import Place, SiteComponent
from components.kafka_topics import API_VERSION, group_name, topic_name, user_name, worker_topic
from components.manifest import Manifest
from components.stateless import container_security, pod_security, priority, spread
from model.sinks import WORKERS, Sink

# Workers and JVM: the heap is half, so that threads, buffers and native libraries have room.
_HEAP = "50.0"
_USER = 1001
# Of some hundreds: what each connector's tasks do, what they could not read, and how much they read.
_FIGURES = ("connect_worker_metrics_connector", "task_error_metrics", "sink_task_metrics")
_READY = {"pulumi.com/waitFor": "condition=Ready"}


class StreamSinks(SiteComponent):
    """The KafkaConnect of the site and its KafkaConnectors; `streams` is what they read, and as whom."""

    DOMAIN = "streams"
    SOFTWARE = "kafka-connect"
    PART = "sinks"

    connectors: list[str]
    """Names of the connectors."""

    def __init__(
        self,
        name: str,
        place: Place,
        streams: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, place, opts)
        site = place.site
        workers = self._workers([streams, *self._secrets()])
        self.connectors = [
            self._connector(sink, topic, workers) for sink in site.streams.sinks for topic in sink.topics
        ]
        self.register_outputs({"connectors": self.connectors})

    def _secrets(self) -> list[Manifest]:
        wanted = self.site.platform.external_secrets
        if wanted is None:
            return []
        return [brought(self, wanted, name, name, keys) for name, keys in sink_slots(self.site).items()]

    def _workers(self, needed: list[pulumi.Resource]) -> Manifest:
        site, wanted = self.site, self.site.streams.connect
        memory = wanted.memory.kubernetes()
        return Manifest(
            f"{site.name}-{names.SINKS}",
            api_version=API_VERSION,
            kind="KafkaConnect",
            metadata=self.metadata(
                names.SINKS, annotations=_READY | {"strimzi.io/use-connector-resources": "true"}
            ),
            spec={
                "replicas": wanted.replicas,
                "image": wanted.image.reference(),
                **self._connection(),
                "config": {
                    "config.storage.replication.factor": site.streams.replication,
                    "offset.storage.replication.factor": site.streams.replication,
                    "status.storage.replication.factor": site.streams.replication,
                    # A connector names files, and is given what is in them: no secret is in any resource.
                    "config.providers": "directory",
                    "config.providers.directory.class": (
                        "org.apache.kafka.common.config.provider.DirectoryConfigProvider"
                    ),
                    "config.providers.directory.param.allowed.paths": sink_connectors.MOUNTS,
                    # Each connector reads as its own user.
                    "connector.client.config.override.policy": "All",
                },
                # No limit of cores: a throttled worker falls behind Kafka's replay.
                "resources": {
                    "requests": {"cpu": str(wanted.cores), "memory": memory},
                    "limits": {"memory": memory},
                },
                "jvmOptions": {
                    "-XX": {"MaxRAMPercentage": _HEAP},
                    # A row's time is written in the machine's own zone, and read in it by the database.
                    "javaSystemProperties": [{"name": "user.timezone", "value": "UTC"}],
                },
                "metricsConfig": {
                    "type": "strimziMetricsReporter",
                    "values": {"allowList": [f"kafka_connect_{name}_.*" for name in _FIGURES]},
                },
                "template": self._template(),
            },
            opts=self.in_kubernetes(within=wanted.ready_within, depends_on=needed),
        )

    def _connection(self) -> dict[str, Any]:
        site = self.site
        return {
            "bootstrapServers": site.streams.cluster.bootstrap,
            "groupId": group_name(site, WORKERS),
            "configStorageTopic": topic_name(site, worker_topic("configs")),
            "offsetStorageTopic": topic_name(site, worker_topic("offsets")),
            "statusStorageTopic": topic_name(site, worker_topic("status")),
            "tls": {"trustedCertificates": [{"secretName": names.SINKS_KAFKA, "certificate": "ca.crt"}]},
            "authentication": {
                "type": "scram-sha-512",
                "username": user_name(site, WORKERS),
                "passwordSecret": {"secretName": names.SINKS_KAFKA, "password": "password"},
            },
        }

    def _template(self) -> dict[str, Any]:
        secrets = [names.sink_secret(sink.name) for sink in self.site.streams.sinks]
        mounts = [
            {
                "name": names.sink_secret(sink.name),
                "mountPath": f"{sink_connectors.MOUNTS}/{sink.name}",
                "readOnly": True,
            }
            for sink in self.site.streams.sinks
        ]
        return {
            "podSet": {"metadata": {"labels": self.labels}},
            "podDisruptionBudget": {"maxUnavailable": 1},
            "pod": {
                "metadata": {"labels": self.labels},
                "enableServiceLinks": False,
                **priority(self.site),
                "securityContext": pod_security(_USER),
                "topologySpreadConstraints": spread(names.SINKS_PODS),
                "volumes": [{"name": secret, "secret": {"secretName": secret}} for secret in secrets],
            },
            "connectContainer": {"securityContext": container_security(), "volumeMounts": mounts},
        }

    def _connector(self, sink: Sink, topic: str, workers: Manifest) -> str:
        site = self.site
        name = sink_connectors.connector_name(sink, topic)
        Manifest(
            f"{site.name}-sink-{name}",
            api_version=API_VERSION,
            kind="KafkaConnector",
            metadata=self.metadata(name, labels={"strimzi.io/cluster": names.SINKS}, annotations=_READY),
            spec={
                "class": sink_connectors.CLASSES[sink.store],
                "tasksMax": sink_connectors.tasks(site, topic),
                # Without end, an hour apart at last: a store that was away for a night is filled in the morning.
                "autoRestart": {"enabled": True},
                "state": sink_connectors.state(site, sink),
                "config": sink_connectors.configuration(site, sink, topic),
            },
            opts=self.in_kubernetes(within=site.streams.connect.ready_within, depends_on=[workers]),
        )
        return name
