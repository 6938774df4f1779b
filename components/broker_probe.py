"""The readiness probe: after each change of the broker, a client asks whether it lets in whom it should."""

from typing import Any

import pulumi

from components import names
from components.asking_job import PROBES, Asking, digest, text
from components.broker_configuration import BrokerConfiguration
from components.certificates import client_certificate
from components.component import Place, SiteComponent
from components.deadline import Deadline
from components.emqx_cluster import EmqxCluster
from components.manifest import Manifest

PROGRAM = PROBES / "broker.py"
# A client that comes and goes more often is banned. The probe's identity is one client, which comes twice in each
# attempt: it keeps to half of that pace.
_COMES = 2
_SHARE_OF_FLAPPING = 2 * _COMES


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
            data={PROGRAM.name: text(PROGRAM)},
            opts=self.in_kubernetes(),
        )
        asking = self._asking()
        job = asking.job(self.labels)
        Manifest(
            f"{site.name}-{names.BROKER_PROBE}",
            api_version="batch/v1",
            kind="Job",
            metadata=self.metadata(f"{names.BROKER_PROBE}-{digest(job, broker.digest, PROGRAM)}"),
            spec=job,
            opts=self.in_kubernetes(
                within=asking.deadline.within,
                delete_before_replace=True,
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

    @property
    def _deadline(self) -> Deadline:
        return Deadline(self.site.broker.ready_within)

    def _asking(self) -> Asking:
        return Asking(
            container="probe",
            program=PROGRAM,
            arguments=self._arguments(),
            image=self.site.broker.probe.image.reference(),
            folder="/probe",
            volumes={
                "program": {"configMap": {"name": names.BROKER_PROBE}},
                "trust": {"configMap": {"name": names.TRUST}},
                "identity": _secret(names.BROKER_PROBE),
                "stranger": _secret(names.BROKER_PROBE_STRANGER),
            },
            cpu="50m",
            memory=("64Mi", "128Mi"),
            deadline=self._deadline,
        )

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
            f"--within={min(site.broker.probe.within.seconds, self._deadline.program)}",
            f"--pause={pause}",
        ]


def may_not_write(site: str) -> str:
    """Return the topic that only the OT mirror could publish to."""
    return f"ot/{site}/readiness"


def _secret(secret: str) -> dict[str, Any]:
    return {"secret": {"secretName": secret, "defaultMode": 0o440}}
