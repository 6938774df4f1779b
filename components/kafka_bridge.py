"""Strimzi's Kafka bridge: the way to Kafka of a broker that is no Kafka client itself."""

from typing import Any

import pulumi

from components import names
from components.autoscaler import autoscaler
from components.certificates import server_certificate
from components.component import Place, SiteComponent
from components.kafka_topics import API_VERSION, user_name
from components.manifest import Manifest
from components.stateless import container_security, pod_security, priority, spread
from model import record_size
from model.neighbours import bridges

# Bridge and JVM: the heap is half, so that threads and buffers outside of it have room.
_HEAP = "50.0"
_USER = 1001
# A record that Kafka does not take yet stays with the broker, which has a bound for it: the bridge answers 200 also
# when a record failed, so it must not give up earlier than a person would notice.
_PATIENCE_MILLISECONDS = 3_600_000


class KafkaBridge(SiteComponent):
    """The KafkaBridge with TLS, produce only, as the broker's own Kafka user; scaled by itself where the site asks.

    `streams` is what it writes to, and as whom.
    """

    DOMAIN = "streams"
    SOFTWARE = "kafka-bridge"
    PART = "bridge"

    def __init__(
        self,
        name: str,
        place: Place,
        streams: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, place, opts)
        site = place.site
        wanted = site.streams.bridge
        host = names.service_host(site, names.KAFKA_BRIDGE_SERVICE)
        certificate = server_certificate(self, names.KAFKA_BRIDGE_TLS, [host])
        Manifest(
            f"{site.name}-{names.KAFKA_BRIDGE}-bridge",
            api_version=API_VERSION,
            kind="KafkaBridge",
            metadata=self.metadata(names.KAFKA_BRIDGE, annotations={"pulumi.com/waitFor": "condition=Ready"}),
            spec={
                # Strimzi asks for a number always; where they scale themselves it is the one to begin with.
                "replicas": bridges(site),
                **self._connection(),
                "resources": _resources(str(wanted.cores), wanted.memory.kubernetes()),
                "jvmOptions": {"-XX": {"MaxRAMPercentage": _HEAP}},
                "template": self._template(),
            },
            opts=self.in_kubernetes(
                within=site.streams.ready_within,
                depends_on=[certificate, streams],
                # The number is the autoscaler's then: to write it again would stop bridges at a peak.
                ignore_changes=["spec.replicas"] if wanted.autoscaling else [],
            ),
        )
        if wanted.autoscaling is not None:
            autoscaler(
                self,
                names.KAFKA_BRIDGE,
                bridges(site),
                wanted.autoscaling,
                target=(API_VERSION, "KafkaBridge"),
            )
        self.register_outputs({"host": host})

    def _connection(self) -> dict[str, Any]:
        streams = self.site.streams
        secret = names.BROKER_KAFKA
        return {
            "bootstrapServers": streams.cluster.bootstrap,
            "tls": {"trustedCertificates": [{"secretName": secret, "certificate": "ca.crt"}]},
            "authentication": {
                "type": "scram-sha-512",
                "username": user_name(self.site, streams.writer),
                "passwordSecret": {"secretName": secret, "password": "password"},
            },
            "http": {
                "port": streams.bridge.port,
                "tls": {
                    "certificateAndKey": {
                        "secretName": names.KAFKA_BRIDGE_TLS,
                        "certificate": "tls.crt",
                        "key": "tls.key",
                    }
                },
            },
            "consumer": {"enabled": False},
            "producer": {
                "enabled": True,
                "config": {
                    "acks": "all",
                    "enable.idempotence": True,
                    "max.in.flight.requests.per.connection": 1 if streams.keeps_order else 5,
                    "delivery.timeout.ms": _PATIENCE_MILLISECONDS,
                    "max.block.ms": _PATIENCE_MILLISECONDS,
                    "compression.type": "snappy",
                    # Its own default, 1 MiB, is less than the largest record.
                    "max.request.size": record_size.largest_written(self.site).count,
                },
            },
        }

    def _template(self) -> dict[str, Any]:
        return {
            "deployment": {"metadata": {"labels": self.labels}, "deploymentStrategy": "RollingUpdate"},
            "podDisruptionBudget": {"maxUnavailable": 1},
            "pod": {
                "metadata": {"labels": self.labels},
                "enableServiceLinks": False,
                **priority(self.site),
                "securityContext": pod_security(_USER),
                "topologySpreadConstraints": spread(names.KAFKA_BRIDGE_PODS),
            },
            "bridgeContainer": {"securityContext": container_security()},
        }


def _resources(cores: str, memory: str) -> dict[str, Any]:
    # No limit of cores: a throttled bridge delays every record of the site.
    return {"requests": {"cpu": cores, "memory": memory}, "limits": {"memory": memory}}
