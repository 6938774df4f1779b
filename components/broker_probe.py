"""The readiness probe: after each change of the broker, a client asks whether it lets in whom it should."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pulumi

from components import names
from components.broker_configuration import BrokerConfiguration
from components.certificates import client_certificate
from components.component import Place, SiteComponent
from components.emqx_cluster import EmqxCluster
from components.manifest import Manifest
from components.stateless import container_security, pod_security
from model.units import Duration

PROGRAM = Path(__file__).parents[1] / "probes" / "broker.py"
_USER = 10001
# The image is fetched, and the pod's certificates are mounted, before the probe itself begins.
_START_SECONDS = 120
# A client that comes and goes more often is banned. The probe's identity is one client, which comes twice in each
# attempt: it keeps to half of that pace.
_COMES = 2
_SHARE_OF_FLAPPING = 2 * _COMES
# What tells the probe that something is missing or wrong; anything else is the pod's own trouble, and tried again.
_FAILED = [1, 2]


class BrokerProbe(SiteComponent):
    """A Job that comes to `broker` with a certificate of the site, and with one that must be refused.

    Pulumi waits for it: a broker that answers no client, or the wrong ones, fails the rollout with what is missing.
    """

    DOMAIN = "broker"
    SOFTWARE = "broker-probe"
    PART = "probe"

    def __init__(
        self,
        name: str,
        place: Place,
        broker: EmqxCluster,
        configuration: BrokerConfiguration,
        issuer: Manifest,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, place, opts)
        site = place.site
        program = Manifest(
            f"{site.name}-{names.BROKER_PROBE}",
            api_version="v1",
            kind="ConfigMap",
            metadata=self.metadata(names.BROKER_PROBE),
            data={PROGRAM.name: _program()},
            opts=self.in_kubernetes(),
        )
        job = self._job()
        # A change of the broker is a new Job: what was found of the broker before says nothing of it now.
        seen = json.dumps([job, broker.digest, _program()], sort_keys=True)
        Manifest(
            f"{site.name}-{names.BROKER_PROBE}",
            api_version="batch/v1",
            kind="Job",
            metadata=self.metadata(f"{names.BROKER_PROBE}-{hashlib.sha256(seen.encode()).hexdigest()[:10]}"),
            spec=job,
            opts=self.in_kubernetes(
                within=Duration(self._deadline() + _START_SECONDS),
                # What an earlier configuration answers says nothing of the one that is rolled out.
                depends_on=[broker.cluster, configuration.job, program, *self._certificates(issuer)],
            ),
        )
        self.register_outputs({})

    def _certificates(self, issuer: Manifest) -> list[Manifest]:
        """Make the test identity's certificate, and a stranger's of the same name by no authority of the site's."""
        site, stranger = self.site, names.BROKER_PROBE_STRANGER
        Manifest(
            f"{site.name}-{stranger}",
            api_version="cert-manager.io/v1",
            kind="Issuer",
            metadata=self.metadata(stranger),
            spec={"selfSigned": {}},
            opts=self.in_kubernetes(),
        )
        name = names.probe_name(site)
        return [
            issuer,
            client_certificate(self, names.BROKER_PROBE, name, names.BROKER_PROBE),
            client_certificate(self, stranger, name, stranger),
        ]

    def _deadline(self) -> int:
        return self.site.broker.probe.within.seconds + _START_SECONDS

    def _job(self) -> dict[str, Any]:
        return {
            "activeDeadlineSeconds": self._deadline(),
            "backoffLimit": 3,
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {"containerName": "probe", "operator": "In", "values": _FAILED},
                    }
                ]
            },
            "template": {
                "metadata": {"labels": self.pod_labels},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": pod_security(_USER),
                    "containers": [self._container()],
                    "volumes": [
                        {"name": "program", "configMap": {"name": names.BROKER_PROBE}},
                        {"name": "trust", "configMap": {"name": names.TRUST}},
                        _secret("identity", names.BROKER_PROBE),
                        _secret("stranger", names.BROKER_PROBE_STRANGER),
                    ],
                },
            },
        }

    def _container(self) -> dict[str, Any]:
        return {
            "name": "probe",
            "image": self.site.broker.probe.image.reference(),
            "imagePullPolicy": "IfNotPresent",
            "command": ["python", f"/probe/program/{PROGRAM.name}", *self._arguments()],
            # What it said last is what a failed rollout shows.
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
            "securityContext": container_security(),
            "volumeMounts": [
                {"name": name, "mountPath": f"/probe/{name}", "readOnly": True}
                for name in ("program", "trust", "identity", "stranger")
            ],
        }

    def _arguments(self) -> list[str]:
        site = self.site
        door = site.broker.listeners.mqtts.port
        flapping = site.broker.protection.flapping
        pause = -(-flapping.within.seconds * _SHARE_OF_FLAPPING // flapping.connections)
        return [
            f"--address={names.service_host(site, names.BROKER_LISTENERS)}:{door}",
            f"--token-address={names.service_host(site, names.BROKER_LISTENERS)}:{site.broker.listeners.wss.port}",
            f"--authorities=/probe/trust/{names.TRUST_SITE}",
            "--identity=/probe/identity",
            "--stranger=/probe/stranger",
            f"--may-read={names.readiness_topic(site)}",
            f"--may-not-write={may_not_write(site.name)}",
            f"--within={site.broker.probe.within.seconds}",
            f"--pause={pause}",
        ]


def may_not_write(site: str) -> str:
    """Return the topic that only the OT mirror could publish to."""
    return f"ot/{site}/readiness"


def _secret(volume: str, secret: str) -> dict[str, Any]:
    return {"name": volume, "secret": {"secretName": secret, "defaultMode": 0o440}}


@cache
def _program() -> str:
    return PROGRAM.read_text(encoding="utf-8")
