"""The broker's listeners: their ports and limits, and which kind of client each of them is for."""

from typing import Literal

from pydantic import Field

from model.base import Label, Part, Port
from model.units import Bytes, Rate, SomeRate

ClientKind = Literal["devices", "people", "gateways"]
"""Clients by what they show at the door: a certificate, a person's or service's token, a gateway's token."""


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
    """MQTT over TLS with client certificates, for one network zone of the site, and for its addresses alone."""

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
    """The broker's listeners; all of them TLS."""

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
