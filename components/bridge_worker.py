"""The bridge to the incumbent where it is a program of the kit: one pod, who it is at this broker, and its figures."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components import bridge_settings, names
from components.bridge_settings import FIGURES_TLS, FILE, FOLDER, IDENTITY
from components.certificates import client_certificate, server_certificate
from components.component import Place, SiteComponent
from components.kafka_worker import program_files
from components.manifest import Manifest
from components.stateless import container_security, cores, pod_security, priority
from model.bridge_worker import BRIDGE, POD, BridgeWorker

PORT_NAME = "https"
PROGRAM = f"{BRIDGE}-program"
"""ConfigMap of the program, which is that of the workers to Kafka as well."""
SETTINGS = f"{BRIDGE}-settings"
_USER = 10001
# The program gives what is under way a moment; the source keeps what it does not acknowledge.
_LEAVING_SECONDS = 30
_READABLE = 0o440


class Bridge(SiteComponent):
    """A Deployment of one pod, never two: each would take the other's session.

    `issuer` is that of its certificate at this broker; `needed` is what must be there before: the broker with its
    listener, the policy that lets it in, the way through the network, and its login at the incumbent.
    """

    DOMAIN = "broker"
    SOFTWARE = BRIDGE
    PART = POD

    def __init__(
        self,
        name: str,
        place: Place,
        worker: BridgeWorker,
        issuer: Manifest,
        needed: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, place, opts)
        self._worker = worker
        site, told = place.site, bridge_settings.text(place.site, worker)
        made = [
            self._config_map(PROGRAM, {_key(path): text for path, text in program_files().items()}),
            self._config_map(SETTINGS, {FILE: told}),
            server_certificate(self, FIGURES_TLS, [bridge_settings.figures_host(site)]),
            client_certificate(self, IDENTITY, bridge_settings.user(site), BRIDGE, needed=[issuer]),
        ]
        Manifest(
            f"{site.name}-{BRIDGE}-deployment",
            api_version="apps/v1",
            kind="Deployment",
            metadata=self.metadata(BRIDGE),
            spec={
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": self.selector},
                "template": {
                    "metadata": {
                        "labels": self.labels,
                        # It reads program and settings at its start alone.
                        "annotations": {"iot-broker/settings": _digest(told)},
                    },
                    "spec": self._pod(),
                },
            },
            opts=self.in_kubernetes(within=site.broker.ready_within, depends_on=[*needed, *made]),
        )
        self.register_outputs({"direction": site.bridge})

    def _config_map(self, name: str, data: Mapping[str, str]) -> Manifest:
        return Manifest(
            f"{self.site.name}-{name}",
            api_version="v1",
            kind="ConfigMap",
            metadata=self.metadata(name),
            data=dict(data),
            opts=self.in_kubernetes(),
        )

    def _pod(self) -> dict[str, Any]:
        return {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            **priority(self.site),
            "securityContext": pod_security(_USER),
            "terminationGracePeriodSeconds": _LEAVING_SECONDS,
            "containers": [self._container()],
            "volumes": [{"name": name, **volume} for name, volume in _volumes().items()],
        }

    def _container(self) -> dict[str, Any]:
        worker, memory = self._worker, self._worker.memory.kubernetes()
        return {
            "name": POD,
            "image": worker.image.reference(),
            "imagePullPolicy": "IfNotPresent",
            "command": ["python", "-m", "images.worker.bridge", f"{FOLDER}/settings/{FILE}"],
            "workingDir": f"{FOLDER}/program",
            "ports": [{"name": PORT_NAME, "containerPort": worker.figures_port}],
            # Not whether messages cross: no deployment waits for a broker that others run. Alerts tell of that.
            "readinessProbe": _probe(periodSeconds=5, timeoutSeconds=5, failureThreshold=3),
            "livenessProbe": _probe(periodSeconds=20, timeoutSeconds=10, failureThreshold=3),
            "startupProbe": _probe(periodSeconds=2, timeoutSeconds=5, failureThreshold=30),
            # No limit of cores: a throttled bridge falls behind.
            "resources": {
                "requests": {"cpu": cores(worker.cores), "memory": memory},
                "limits": {"memory": memory},
            },
            "securityContext": container_security(),
            "volumeMounts": [
                {"name": name, "mountPath": f"{FOLDER}/{name}", "readOnly": True} for name in _volumes()
            ],
        }


def _volumes() -> dict[str, dict[str, Any]]:
    """Return what is mounted, by the folder's name."""
    # A key of a ConfigMap has no slash.
    program = [{"key": _key(path), "path": path} for path in program_files()]
    return {
        "program": {"configMap": {"name": PROGRAM, "items": program}},
        "settings": {"configMap": {"name": SETTINGS}},
        "trust": {"configMap": {"name": names.TRUST}},
        "identity": {"secret": {"secretName": IDENTITY, "defaultMode": _READABLE}},
        "incumbent": {"secret": {"secretName": names.INCUMBENT_BRIDGE, "defaultMode": _READABLE}},
        "figures": {"secret": {"secretName": FIGURES_TLS, "defaultMode": _READABLE}},
    }


def _probe(**timing: int) -> dict[str, Any]:
    return {"httpGet": {"path": "/healthz", "port": PORT_NAME, "scheme": "HTTPS"}, **timing}


def _digest(told: str) -> str:
    return hashlib.sha256("\0".join([*program_files().values(), told]).encode()).hexdigest()


def _key(path: str) -> str:
    return path.replace("/", ".")
