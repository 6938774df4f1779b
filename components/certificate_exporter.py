"""The exporter: tells Prometheus when the site's CAs, lists of revoked certificates and server certificates end."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import pulumi

from components import names
from components.certificates import server_certificate
from components.component import Place, SiteComponent
from components.manifest import Manifest
from components.stateless import container_security, pod_security, priority
from components.vault_names import issuing_mount, root_mount
from model import Site
from model.worker import MAIN

PROGRAM = Path(__file__).parents[1] / "exporters" / "certificates.py"
PORT = 9443
PORT_NAME = "https"
# Lists are renewed by the day: once a minute is soon enough, and no load.
EVERY_SECONDS = 60
_USER = 10001
_FOLDER = "/exporter"
_VAULT_AUTHORITY = "vault.pem"


class CertificateExporter(SiteComponent):
    """One pod that reads what anybody may: Vault's CAs and lists, and the certificates that servers show.

    It has no login: no token of Kubernetes', none of Vault's, and no secret but the key of its own listener.
    """

    DOMAIN = "measurement"
    SOFTWARE = "certificate-exporter"
    PART = "certificate-exporter"

    def __init__(self, name: str, place: Place, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, place, opts)
        site = place.site
        account = Manifest(
            f"{site.name}-{names.CERTIFICATE_EXPORTER}-account",
            api_version="v1",
            kind="ServiceAccount",
            metadata=self.metadata(names.CERTIFICATE_EXPORTER),
            automountServiceAccountToken=False,
            opts=self.in_kubernetes(),
        )
        program = Manifest(
            f"{site.name}-{names.CERTIFICATE_EXPORTER}-program",
            api_version="v1",
            kind="ConfigMap",
            metadata=self.metadata(names.CERTIFICATE_EXPORTER),
            data=self._files(),
            opts=self.in_kubernetes(),
        )
        certificate = server_certificate(self, names.CERTIFICATE_EXPORTER_TLS, [own_host(site)])
        server = Manifest(
            f"{site.name}-{names.CERTIFICATE_EXPORTER}",
            api_version="apps/v1",
            kind="Deployment",
            metadata=self.metadata(names.CERTIFICATE_EXPORTER),
            spec={
                "replicas": 1,
                "selector": {"matchLabels": self.selector},
                "template": {
                    "metadata": {
                        "labels": self.labels,
                        # It reads its program at its start alone.
                        "annotations": {"iot-broker/settings": self._digest()},
                    },
                    "spec": self._pod(),
                },
            },
            opts=self.in_kubernetes(
                within=site.broker.ready_within, depends_on=[account, program, certificate]
            ),
        )
        Manifest(
            f"{site.name}-{names.CERTIFICATE_EXPORTER}-service",
            api_version="v1",
            kind="Service",
            metadata=self.metadata(names.CERTIFICATE_EXPORTER),
            spec={
                "selector": self.selector,
                "ports": [{"name": PORT_NAME, "port": PORT, "targetPort": PORT_NAME}],
            },
            # It is waited for until it has a pod: begun before, it would hold up the end of a deployment that fails.
            opts=self.in_kubernetes(depends_on=[server]),
        )
        self.register_outputs({})

    def _files(self) -> dict[str, str]:
        authority = self.place.settings.vault_ca
        return {PROGRAM.name: _program()} | ({_VAULT_AUTHORITY: authority} if authority else {})

    def _digest(self) -> str:
        return hashlib.sha256("\0".join(self._files().values()).encode()).hexdigest()

    def _pod(self) -> dict[str, Any]:
        return {
            "serviceAccountName": names.CERTIFICATE_EXPORTER,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            **priority(self.site),
            "securityContext": pod_security(_USER),
            "containers": [self._container()],
            "volumes": [
                {"name": "program", "configMap": {"name": names.CERTIFICATE_EXPORTER}},
                {
                    "name": "identity",
                    "secret": {"secretName": names.CERTIFICATE_EXPORTER_TLS, "defaultMode": 0o440},
                },
            ],
        }

    def _container(self) -> dict[str, Any]:
        return {
            "name": "exporter",
            "image": self.site.monitoring.exporter.image.reference(),
            "imagePullPolicy": "IfNotPresent",
            "command": ["python", f"{_FOLDER}/program/{PROGRAM.name}", *self._arguments()],
            "ports": [{"name": PORT_NAME, "containerPort": PORT}],
            "readinessProbe": {"tcpSocket": {"port": PORT_NAME}, "periodSeconds": 10},
            # It answers one at a time while the connection is made: what hangs is started again.
            "livenessProbe": {
                "httpGet": {"path": "/metrics", "port": PORT_NAME, "scheme": "HTTPS"},
                "periodSeconds": 60,
                "timeoutSeconds": 10,
                "failureThreshold": 3,
            },
            "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
            "securityContext": container_security(),
            "volumeMounts": [
                {"name": name, "mountPath": f"{_FOLDER}/{name}", "readOnly": True}
                for name in ("program", "identity")
            ],
        }

    def _arguments(self) -> list[str]:
        site, settings = self.site, self.place.settings
        believed = [f"--vault-authorities={_FOLDER}/program/{_VAULT_AUTHORITY}"] if settings.vault_ca else []
        return [
            f"--vault={settings.vault_address}",
            *believed,
            f"--authority=root={root_mount(site)}",
            f"--authority=issuing={issuing_mount(site)}",
            *(f"--server={name}={address}" for name, address in watched(site).items()),
            f"--identity={_FOLDER}/identity",
            f"--port={PORT}",
            f"--every={EVERY_SECONDS}",
        ]


def own_host(site: Site) -> str:
    """Return the name in the exporter's own certificate."""
    return names.service_host(site, names.CERTIFICATE_EXPORTER)


def watched(site: Site) -> dict[str, str]:
    """Return the servers whose certificates no series of their own tells of, as HOST:PORT by name."""
    ports = {names.POLICY_SERVER: names.POLICY_SERVER_PORT, names.DASHBOARD_PROXY: site.broker.dashboard_port}
    if site.way_to_kafka == "bridge":
        ports[names.KAFKA_BRIDGE_SERVICE] = site.streams.bridge.port
    if site.streams.worker is not None:
        # All workers show the same one: Prometheus, which reads their figures, tells of no end of it.
        ports[MAIN] = site.streams.worker.figures_port
    return {
        name.removesuffix("-service"): f"{names.service_host(site, name)}:{port}"
        for name, port in ports.items()
    }


@cache
def _program() -> str:
    return PROGRAM.read_text(encoding="utf-8")
