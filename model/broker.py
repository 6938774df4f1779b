"""The broker's part of the site: edition, image, nodes, listeners, and the peak that it must carry."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from model.base import Cores, Digest, Fingerprint, Label, Part, Port, Repository, Tag, Text, Version
from model.scaling import Autoscaling
from model.sizing import FEWEST_CORES, LEAST_MEMORY, cores_for, memory_for
from model.units import Bytes, Duration, Percentage, Rate, between

Wait = Annotated[Duration, between(Duration(30))]
"""How long a rollout waits: shorter ones would fail while all is well."""
SomeRate = Annotated[Rate, between(Rate(1))]
# EMQX takes 256 MiB; a client's token must fit into its first packet.
Message = Annotated[Bytes, between(Bytes(16 * 2**10), Bytes(256 * 2**20))]

ClientKind = Literal["devices", "people", "gateways"]
"""Clients by what they show at the door: a certificate, a person's or service's token, a gateway's token."""


class Image(Part):
    """A container image; the digest, where given, decides."""

    repository: Repository = Field(description="Repository without tag, as the site's own registry names it.")
    tag: Tag | None = Field(
        None, description="Tag; the software's version when left out (then one must be known)."
    )
    digest: Digest | None = Field(None, description="Digest (`sha256:…`); it decides where it is given.")

    def reference(self, version: str | None = None) -> str:
        """Return the whole reference `repository[:tag][@digest]`; the tag falls back to `version`."""
        tag = self.tag or version
        return self.repository + (f":{tag}" if tag else "") + (f"@{self.digest}" if self.digest else "")


class Door(Part):
    """What every listener of the broker has."""

    port: Port = Field(description="TCP port.")
    messages_rate: Rate | None = Field(
        default=None, description="Messages that one client may send here; as in `protection` when left out."
    )
    bytes_rate: Bytes | None = Field(
        default=None,
        description="Bytes that one client may send here in a second; as in `protection` when left out.",
    )


class Listener(Door):
    """One listener of the broker; its limits hold for each node."""

    max_connections: int | None = Field(
        None,
        ge=1,
        le=5_000_000,
        description="Connections that one node accepts at most; derived: its share of the planned clients of this "
        "kind, and `protection.reserve`.",
    )
    connection_rate: SomeRate | None = Field(
        None,
        description="New connections that one node accepts in a second; derived: its share of the planned clients "
        "comes back in `protection.reconnect_within`.",
    )


class ZoneListener(Door):
    """MQTT over TLS with client certificates, for one network zone of the site: nobody else's address is let in."""

    name: Label = Field(description="The network zone, one of `network.zones`.")
    max_connections: int | None = Field(
        default=None,
        ge=1,
        le=5_000_000,
        description="Connections that one node accepts; as `mqtts` when left out.",
    )
    connection_rate: Rate | None = Field(
        default=None,
        description="New connections that one node accepts in a second; as `mqtts` when left out.",
    )

    def beside(self, general: Listener) -> Listener:
        """Return the listener with its limits: what it does not say is as at the general one."""
        return Listener(
            port=self.port,
            max_connections=self.max_connections or general.max_connections,
            connection_rate=self.connection_rate or general.connection_rate,
            messages_rate=self.messages_rate or general.messages_rate,
            bytes_rate=self.bytes_rate or general.bytes_rate,
        )


class Listeners(Part):
    """The broker's doors; all of them TLS."""

    mqtts: Listener = Field(description="MQTT over TLS with client certificates.")
    wss: Listener = Field(description="MQTT over WebSocket over TLS.")
    gateway: Listener | None = Field(
        None,
        description="MQTT over TLS for gateways that bring a token of the realm instead of a certificate.",
    )
    zones: tuple[ZoneListener, ...] = Field(
        (),
        description="Listeners of single network zones; keyed by the zone's name. With them `mqtts` is closed but "
        "for `mqtts_for`.",
    )
    mqtts_for: tuple[Label, ...] = Field(
        (), description="Network zones that come to `mqtts` where others have listeners of their own."
    )

    @property
    def by_name(self) -> "dict[str, Listener]":
        """Every listener by its name in endpoints and messages."""
        listeners = {"mqtts": self.mqtts, "wss": self.wss}
        if self.gateway is not None:
            listeners["gateway"] = self.gateway
        return listeners | {f"zone-{zone.name}": zone.beside(self.mqtts) for zone in self.zones}

    def kind(self, name: str) -> ClientKind:
        """Return who can use the listener of a name: a zone's listener takes certificates, as `mqtts` does."""
        others: dict[str, ClientKind] = {"wss": "people", "gateway": "gateways"}
        return others.get(name, "devices")


class Storage(Part):
    """The disk of each broker node."""

    size: Annotated[Bytes, between(Bytes(2**30))] = Field(
        description="Size of each node's volume, 1GiB or more."
    )
    storage_class: Label | None = Field(
        None, description="Storage class; the cluster's default when left out."
    )
    approved: Fingerprint | None = Field(
        None,
        description="Digest of the nodes that keep these volumes; a change that would move the broker to new ones is "
        "refused until it is written here. A protected site must name it (`sitectl validate` says which).",
    )


class CertificateTimes(Part):
    """How long the broker's server certificate lives, and when it is renewed."""

    lifetime: Duration = Field(description="Life time of each certificate.")
    renew_before: Duration = Field(description="How long before its end it is renewed.")


class Licence(Part):
    """Where the licence key is: a Secret in the site's namespace, never the key itself."""

    secret: Label = Field(description="Name of the Secret in the site's namespace.")
    key: Tag = Field(description="Key inside the Secret, such as `emqx.lic`.")


class Load(Part):
    """The peak that the site expects; the broker must carry it with `max_unavailable` nodes lost."""

    connections: int = Field(
        ge=1, le=50_000_000, description="Clients connected at the same time, of every kind."
    )
    people: int = Field(
        default=0,
        ge=0,
        le=50_000_000,
        description="How many of them are people's and services' with a token (`wss`).",
    )
    gateways: int = Field(
        default=0, ge=0, le=50_000_000, description="How many of them are gateways with a token (`gateway`)."
    )
    messages: SomeRate = Field(description="Messages in and out, together, at QoS 1.")

    @property
    def by_kind(self) -> dict[ClientKind, int]:
        """Connections of each kind of client; whoever is not counted by itself is a device with a certificate."""
        devices = max(self.connections - self.people - self.gateways, 0)
        return {"devices": devices, "people": self.people, "gateways": self.gateways}


class Flapping(Part):
    """When a client that connects again and again is banned."""

    connections: int = Field(ge=2, le=10_000, description="Connections that are too many.")
    within: Annotated[Duration, between(Duration(1))] = Field(description="Time in which they are counted.")
    ban: Annotated[Duration, between(Duration(1))] = Field(description="How long the client stays out.")


class Protection(Part):
    """What one client may take of the broker; a figure that is left out is derived from load, cores and memory."""

    largest_message: Message = Field(
        description="Largest message that a client may send: 16KiB, so that a token fits into its first packet, to "
        "256MiB."
    )
    typical_message: Annotated[Bytes, between(Bytes(1))] = Field(
        description="Size of a usual message; memory is reckoned with it."
    )
    inflight: int = Field(ge=1, le=65535, description="Messages on their way to a client at the same time.")
    subscriptions: int = Field(ge=1, le=1_000_000, description="Subscriptions of one client.")
    decisions: int = Field(
        ge=1,
        le=1_048_576,
        description="Permissions that a client's session remembers for a minute; what is not among them is asked for "
        "each time.",
    )
    flapping: Flapping = Field(description="When a client is banned for connecting again and again.")
    reserve: Percentage = Field(
        description="Connections that a listener accepts beyond the planned ones: for growth, and for clients that "
        "come back before their old connection is noticed to be gone."
    )
    reconnect_within: Annotated[Duration, between(Duration(1))] = Field(
        description="Time in which all clients may come back after an outage; shorter costs more cores for TLS."
    )
    overload: bool = Field(
        description="Whether a node that is busy puts off new connections and clean-up (overload protection)."
    )
    client_messages: SomeRate | None = Field(
        None, description="Messages that one client may send; derived: a twentieth of what a node carries."
    )
    client_bytes: Bytes | None = Field(
        None, description="Bytes that one client may send in a second; derived from its messages."
    )
    client_memory: Bytes | None = Field(
        None, description="Memory at which a client's process is ended; derived from the node's memory."
    )
    queue: int | None = Field(
        None, ge=1, le=1_000_000, description="Messages that wait for one client; derived from the memory."
    )
    retained_messages: int | None = Field(
        None, ge=1, le=100_000_000, description="Retained messages; derived: a sixteenth of the memory."
    )


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
    def reads_cookie(self) -> bool:
        """Whether the nodes read from a file what they know one another by; before that the operator gives it."""
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
        return "apps.emqx.io/v2beta1" if self.version_numbers < (5, 9, 0) else "apps.emqx.io/v2"
