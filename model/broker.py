"""The broker's part of the site: edition, image, nodes with their disks and sizes, and how it is rolled out."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from model.base import Cores, Fingerprint, ObjectName, Part, Port, Tag, Text, Version
from model.calendar import Day
from model.image import Image
from model.listeners import Listeners
from model.protection import Load, Protection
from model.scaling import Autoscaling
from model.sizing import FEWEST_CORES, LEAST_MEMORY, cores_for, memory_for
from model.units import Bytes, Duration, between

OPERATOR_APIS = ("apps.emqx.io/v2beta1", "apps.emqx.io/v2")
"""API versions of the EMQX operator, oldest first."""
Wait = Annotated[Duration, between(Duration(30))]
"""How long a rollout waits: shorter ones would fail while all is well."""


class Storage(Part):
    """The disk of each broker node."""

    size: Annotated[Bytes, between(Bytes(2**30))] = Field(
        description="Size of each node's volume, 1GiB or more."
    )
    storage_class: ObjectName | None = Field(
        None, description="Storage class; the cluster's default when left out."
    )
    approved: Fingerprint | None = Field(
        None,
        description="Digest of the nodes that keep these volumes. A change that would move the broker to new ones is "
        "refused until it is written here. A protected site must name it (`sitectl validate` says which).",
    )


class CertificateTimes(Part):
    """How long the broker's server certificate lives, and when it is renewed."""

    lifetime: Duration = Field(description="Life time of each certificate.")
    renew_before: Duration = Field(description="How long before its end it is renewed.")


class Licence(Part):
    """Where the licence key is: a Secret in the site's namespace, never the key itself."""

    secret: ObjectName = Field(description="Name of the Secret in the site's namespace.")
    key: Tag = Field(description="Key inside the Secret, such as `emqx.lic`.")


class Probe(Part):
    """The readiness probe: it comes to the broker as a client, and is refused as a stranger."""

    image: Image = Field(description="Image with Python 3.11 or later and paho-mqtt 2 (docs/readiness.md).")
    within: Wait = Field(
        description="How long it may take until the broker lets in whom it should; 30s or more."
    )


class Replicants(Part):
    """Nodes without a share in the cluster's data, of the core nodes' size; all clients connect to them."""

    replicas: int = Field(
        ge=0,
        le=200,
        description="Replicant nodes, 2 or more; the fewest where they scale themselves. 0 while they are given up.",
    )
    autoscaling: Autoscaling | None = Field(
        None,
        description="When more are started; only where preflight finds that the operator's `/scale` names its pods.",
    )


def _derived_cores(fields: dict[str, Any]) -> Decimal:
    """Return the cores of each node that the site does not state; the fields before it are those of a broker."""
    return max(cores_for(Decimal(fields["load"].messages.count), _nodes_left(fields)), FEWEST_CORES)


def _derived_memory(fields: dict[str, Any]) -> Bytes:
    """Return the memory of each node that the site does not state."""
    return max(memory_for(fields["load"].connections, _nodes_left(fields)), LEAST_MEMORY)


def _nodes_left(fields: dict[str, Any]) -> int:
    replicants: Replicants | None = fields["replicants"]
    serving: int = (replicants.replicas if replicants else 0) or fields["replicas"]
    lost: int = fields["max_unavailable"]
    return max(serving - lost, 1)


class Broker(Part):
    """The EMQX cluster."""

    edition: Literal["opensource", "enterprise"] = Field(description="EMQX edition; each site states it.")
    version: Version = Field(description="EMQX version; opensource ends at 5.8.9.")
    unsupported_until: Day | None = Field(
        None,
        description="Day until which the site accepts that the support of its version has ended, which `validate` "
        "refuses otherwise.",
    )
    licence: Licence | None = Field(
        None,
        description="Licence reference of the enterprise edition; needed with more than one node, and in 5.8 for more "
        "than 25 connections.",
    )
    image: Image = Field(description="The broker's image.")
    replicas: int = Field(ge=1, le=32, description="Core nodes.")
    replicants: Replicants | None = Field(
        None, description="Replicant nodes, beside at least three core nodes; enterprise only."
    )
    storage: Storage = Field(description="Disk of each node.")
    listeners: Listeners = Field(description="Listeners; all with TLS.")
    dashboard_port: Port = Field(description="Port of the dashboard's HTTPS listener.")
    load: Load = Field(description="Expected peak.")
    max_unavailable: int = Field(
        ge=1,
        le=31,
        description="Nodes that maintenance may take away at a time (disruption budget); the others carry the peak.",
    )
    cores: Cores = Field(
        default_factory=_derived_cores,
        description="CPU cores of each node; derived from the peak of messages when left out.",
    )
    memory: Annotated[Bytes, between(Bytes(512 * 2**20))] = Field(
        default_factory=_derived_memory,
        description="Memory of each node, 512MiB or more; derived from the peak of connections when left out.",
    )
    certificate: CertificateTimes = Field(description="Times of the server certificate.")
    ready_within: Wait = Field(
        description="How long a rollout waits for the cluster to be ready; 30s or more."
    )
    protection: Protection = Field(description="What one client may take.")
    revocation: Literal["none", "crl", "ocsp"] = Field(
        description="How a revoked certificate is noticed: `crl` refuses clients that are on the list. `ocsp` staples "
        "the server certificate's own status for clients that ask, and refuses no client; `none` does nothing."
    )
    revocation_reason: Text | None = Field(
        None,
        description="Why revoked clients are let in, where `revocation` is not `crl`; left out, `validate` warns.",
    )
    probe: Probe = Field(description="Readiness probe of every rollout.")
    log_level: Literal["debug", "info", "notice", "warning", "error"] = Field(description="Log level.")

    @property
    def nodes(self) -> int:
        """Nodes in all; the fewest where replicants scale themselves."""
        return self.replicas + self.replicant_nodes

    @property
    def replicant_nodes(self) -> int:
        """Replicants in all; the fewest where they scale themselves."""
        return self.replicants.replicas if self.replicants else 0

    @property
    def serving(self) -> int:
        """Nodes that clients connect to: the replicants where there are any, else the core nodes."""
        return self.replicant_nodes or self.replicas

    @property
    def keeps_on_disk(self) -> bool:
        """Whether what waits for Kafka waits on disk; a replicant has none that outlives it."""
        return self.writes_kafka and not self.replicant_nodes

    @property
    def writes_kafka(self) -> bool:
        """Whether it is a Kafka client of its own; the opensource edition goes over an HTTP bridge."""
        return self.edition == "enterprise"

    @property
    def signs_in_people(self) -> bool:
        """Whether its dashboard signs people in by OpenID Connect itself; else a proxy stands before it."""
        return self.edition == "enterprise"

    @property
    def keys_have_roles(self) -> bool:
        """Whether an API key has a role; in the opensource edition each may do everything."""
        return self.edition == "enterprise"

    @property
    def decodes_bytes(self) -> bool:
        """Whether EMQX decodes Sparkplug's metrics of bytes without harm (`spb_decode`, emqx#15810).

        5.8.9 was seen to have it and 5.8.7 not; of the later lines the versions are named that came well after it.
        """
        later_lines: dict[tuple[int, ...], tuple[int, ...]] = {(5, 9): (5, 9, 3), (5, 10): (5, 10, 2)}
        since = later_lines.get(self.version_numbers[:2], (5, 8, 9))
        return self.edition == "enterprise" and self.version_numbers >= since

    @property
    def hardened(self) -> bool:
        """Whether the nodes start under EMQX's security profile `hardened`, which is from 6.3 on."""
        return self.version_numbers >= (6, 3, 0)

    @property
    def version_numbers(self) -> tuple[int, ...]:
        """The version as numbers, to compare with."""
        return tuple(int(number) for number in self.version.split("."))

    @property
    def operator_api(self) -> str:
        """The EMQX operator's API version that serves this edition and version.

        Operator 2.2.29 serves `v2beta1` for 5.8 of both editions, 2.3.x `v2` for enterprise 5.9 and later.
        """
        first, later = OPERATOR_APIS
        return first if self.version_numbers < (5, 9, 0) else later

    @property
    def operator_reads_dashboard_once(self) -> bool:
        """Whether the operator keeps to the dashboard's port that it saw first, and leaves another one out."""
        return self.operator_api == OPERATOR_APIS[-1]
