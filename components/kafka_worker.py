"""The workers to Kafka: what they run, who they are at the broker and at Kafka, and how many there are."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pulumi

from components import names, worker_settings
from components.broker_secrets import brought, worker_slots
from components.certificates import client_certificate, server_certificate
from components.component import Place, SiteComponent, selector_labels, site_labels
from components.manifest import Manifest
from components.stateless import container_security, cores, pod_security, priority, spread
from components.worker_settings import FOLDER
from components.workers import (
    FIGURES_TLS,
    Workers,
    common_name,
    figures_host,
    identity_secret,
    kafka_secret,
    workers,
)
from model import Site
from model.units import Duration
from model.worker import MAIN, Worker

PORT_NAME = "https"
PROGRAM = f"{MAIN}-program"
"""ConfigMap of the program, which is the same for all workers."""
IMAGES = Path(__file__).parents[1] / "images"
_USER = 10001
# The program gives Kafka 15 s to answer for what is under way; the broker keeps what it does not acknowledge.
_LEAVING_SECONDS = 30
# A pod leaves, and another is subscribed, and finds Kafka.
_TURN_SECONDS = 2 * _LEAVING_SECONDS
_READABLE = 0o440


class KafkaWorker(SiteComponent):
    """Two StatefulSets: workers of all that is published, and the one worker of what the OT mirror publishes.

    Each pod has a certificate of its own, for a certificate has one session at the broker. `issuers` are those of the
    kinds' certificates; `needed` is what must be there before a worker can be ready: the broker with its listener, the
    policy that lets it in, topics and users.
    """

    DOMAIN = "streams"
    SOFTWARE = MAIN
    PART = MAIN

    def __init__(
        self,
        name: str,
        place: Place,
        worker: Worker,
        issuers: Mapping[str, Manifest],
        needed: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, place, opts)
        self._worker = worker
        program = self._config_map(PROGRAM, {_key(path): text for path, text in program_files().items()})
        figures = server_certificate(self, FIGURES_TLS, [figures_host(place.site)])
        shared = [*needed, program, figures, *self._secrets()]
        for kind in workers(place.site):
            self._kind(kind, [*shared, *self._identities(kind, issuers[kind.name])])
        self.register_outputs({"workers": [pod for kind in workers(place.site) for pod in kind.pods]})

    def _identities(self, kind: Workers, issuer: Manifest) -> list[Manifest]:
        return [
            client_certificate(
                self, identity_secret(pod), common_name(self.site, pod), kind.name, needed=[issuer]
            )
            for pod in kind.pods
        ]

    def _secrets(self) -> list[Manifest]:
        wanted = self.site.platform.external_secrets
        if wanted is None:
            # The site makes them; a pod does not start before they are there.
            return []
        return [brought(self, wanted, name, name, keys) for name, keys in worker_slots(self.site).items()]

    def _kind(self, kind: Workers, needed: Sequence[pulumi.Resource]) -> None:
        site, selected = self.site, self._selected(kind)
        settings = worker_settings.files(site, self._worker, kind)
        told = self._config_map(f"{kind.name}-settings", settings)
        served = Manifest(
            f"{site.name}-{kind.name}",
            api_version="apps/v1",
            kind="StatefulSet",
            metadata=self._metadata(kind, kind.name),
            spec={
                "replicas": kind.number,
                "serviceName": kind.name,
                # Each is as good as any other: none waits for the one before.
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": selected},
                "template": {
                    "metadata": {
                        "labels": site_labels(site, self.SOFTWARE, kind.name),
                        # It reads program and settings at its start alone.
                        "annotations": {"iot-broker/settings": _digest(settings)},
                    },
                    "spec": self._pod(kind),
                },
            },
            opts=self.in_kubernetes(within=_within(site, kind), depends_on=[*needed, told]),
        )
        Manifest(
            f"{site.name}-{kind.name}-service",
            api_version="v1",
            kind="Service",
            metadata=self._metadata(kind, kind.name),
            spec={
                "clusterIP": "None",
                "selector": selected,
                "ports": [
                    {"name": PORT_NAME, "port": self._worker.figures_port, "targetPort": PORT_NAME},
                ],
            },
            # It is waited for until it has a pod: begun before, it would hold up the end of a deployment that fails.
            opts=self.in_kubernetes(depends_on=[served]),
        )
        Manifest(
            f"{site.name}-{kind.name}-disruption",
            api_version="policy/v1",
            kind="PodDisruptionBudget",
            metadata=self._metadata(kind, kind.name),
            spec={"maxUnavailable": 1, "selector": {"matchLabels": selected}},
            opts=self.in_kubernetes(),
        )

    def _selected(self, kind: Workers) -> dict[str, str]:
        return selector_labels(self.site, self.SOFTWARE, kind.name)

    def _metadata(self, kind: Workers, name: str) -> dict[str, Any]:
        return self.metadata(name, labels=self._selected(kind))

    def _config_map(self, name: str, data: Mapping[str, str]) -> Manifest:
        return Manifest(
            f"{self.site.name}-{name}",
            api_version="v1",
            kind="ConfigMap",
            metadata=self.metadata(name),
            data=dict(data),
            opts=self.in_kubernetes(),
        )

    def _pod(self, kind: Workers) -> dict[str, Any]:
        return {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            **priority(self.site),
            "securityContext": pod_security(_USER),
            "topologySpreadConstraints": spread(self._selected(kind)),
            "terminationGracePeriodSeconds": _LEAVING_SECONDS,
            "containers": [self._container()],
            "volumes": [{"name": name, **volume} for name, volume in _volumes(kind).items()],
        }

    def _container(self) -> dict[str, Any]:
        worker, memory = self._worker, self._worker.memory.kubernetes()
        return {
            "name": "worker",
            "image": worker.image.reference(),
            "imagePullPolicy": "IfNotPresent",
            # Kubernetes puts the pod's name in: each has settings of its own.
            "command": ["python", "-m", "images.worker", f"{FOLDER}/settings/$(POD_NAME).json"],
            "workingDir": f"{FOLDER}/program",
            "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "ports": [{"name": PORT_NAME, "containerPort": worker.figures_port}],
            "readinessProbe": _probe("/readyz", periodSeconds=5, timeoutSeconds=5, failureThreshold=3),
            # It answers also while broker and Kafka are away: what hangs is started again.
            "livenessProbe": _probe("/healthz", periodSeconds=20, timeoutSeconds=10, failureThreshold=3),
            "startupProbe": _probe("/healthz", periodSeconds=2, timeoutSeconds=5, failureThreshold=30),
            # No limit of cores: a throttled worker falls behind the broker.
            "resources": {
                "requests": {"cpu": cores(worker.cores), "memory": memory},
                "limits": {"memory": memory},
            },
            "securityContext": container_security(),
            "volumeMounts": [
                {"name": name, "mountPath": f"{FOLDER}/{name}", "readOnly": True} for name in _VOLUMES
            ],
        }


_VOLUMES = ("program", "settings", "trust", "identity", "kafka", "figures")


def program_files() -> dict[str, str]:
    """Return the program's files: text by path below the folder that Python looks into."""
    return dict(_program())


def _volumes(kind: Workers) -> dict[str, dict[str, Any]]:
    """Return what is mounted, by the folder's name; of identities those of all pods of a kind: they are one program."""
    identities = [
        {
            "secret": {
                "name": identity_secret(pod),
                "items": [{"key": key, "path": f"{pod}/{key}"} for key in ("tls.crt", "tls.key")],
            }
        }
        for pod in kind.pods
    ]
    # A key of a ConfigMap has no slash.
    program = [{"key": _key(path), "path": path} for path in program_files()]
    made: tuple[dict[str, Any], ...] = (
        {"configMap": {"name": PROGRAM, "items": program}},
        {"configMap": {"name": f"{kind.name}-settings"}},
        {"configMap": {"name": names.TRUST}},
        {"projected": {"sources": identities, "defaultMode": _READABLE}},
        {"secret": {"secretName": kafka_secret(kind.name), "defaultMode": _READABLE}},
        {"secret": {"secretName": FIGURES_TLS, "defaultMode": _READABLE}},
    )
    return dict(zip(_VOLUMES, made, strict=True))


def _within(site: Site, kind: Workers) -> Duration:
    """Return how long a rollout may take: Kubernetes changes one pod of a StatefulSet after the other."""
    return Duration(site.broker.ready_within.seconds + kind.number * _TURN_SECONDS)


def _probe(path: str, **timing: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": PORT_NAME, "scheme": "HTTPS"}, **timing}


def _digest(settings: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps([program_files(), settings], sort_keys=True).encode()).hexdigest()


def _key(path: str) -> str:
    return path.replace("/", ".")


@cache
def _program() -> tuple[tuple[str, str], ...]:
    files = [IMAGES / "__init__.py", *sorted((IMAGES / "worker").rglob("*.py"))]
    return tuple(
        (file.relative_to(IMAGES.parent).as_posix(), file.read_text(encoding="utf-8")) for file in files
    )
