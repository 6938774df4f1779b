"""The site's networks: zones and their address ranges."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from model.base import Label, LabelKey, LabelValue, Namespace, Part, Port, Text
from model.units import Unit, UnitError


@dataclass(frozen=True, slots=True)
class Cidr(Unit):
    """A range of IPv4 or IPv6 addresses."""

    range: ipaddress.IPv4Network | ipaddress.IPv6Network

    PATTERN: ClassVar[str] = r"^[0-9a-fA-F.:]+/\d{1,3}$"
    EXAMPLES: ClassVar[tuple[str, ...]] = ("10.20.0.0/16", "fd00:20::/48")
    MEANING: ClassVar[str] = "a range of addresses"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `10.20.0.0/16`: the first address, a slash and the length of the prefix."""
        if not re.fullmatch(r"[0-9a-fA-F.:]+/\d{1,3}", text, re.ASCII):
            raise cls.refusal()
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise cls.refusal() from None
        if str(network.network_address) != text.partition("/")[0].lower():
            raise UnitError("does not begin with its first address", f"write `{network}`")
        if network.is_loopback or network.is_multicast:
            raise UnitError("is no range of other machines", "write the range that they have")
        return cls(network)

    def overlaps(self, other: "Cidr") -> bool:
        """Say whether the two ranges share an address."""
        mine, theirs = self.range, other.range
        if isinstance(mine, ipaddress.IPv4Network) and isinstance(theirs, ipaddress.IPv4Network):
            return mine.overlaps(theirs)
        if isinstance(mine, ipaddress.IPv6Network) and isinstance(theirs, ipaddress.IPv6Network):
            return mine.overlaps(theirs)
        return False

    def __str__(self) -> str:
        return str(self.range)


class Peer(Part):
    """Where a server is, as a network policy names it: pods of a namespace, or addresses outside of the cluster."""

    namespace: Namespace | None = Field(None, description="Namespace of its pods; or write `cidrs`.")
    pods: dict[LabelKey, LabelValue] = Field(
        {}, description="Labels of its pods; all pods of the namespace when left out."
    )
    cidrs: tuple[Cidr, ...] = Field((), description="Its addresses; or write `namespace`.")
    port: Port | None = Field(
        None,
        description="Port of its pods, where a Service gives it another one: network policies see the pods' own.",
    )


Peers = Annotated[tuple[Peer, ...], Field(min_length=1)]
"""Where one server is: each place that a connection to it may lead to."""


class NetworkZone(Part):
    """A network zone of the site, such as the field, the DMZ or the enterprise network."""

    name: Label = Field(description="Short name.")
    title: Text = Field(description="Name for people.")
    kind: Literal["ot", "dmz", "it"] | None = Field(
        None,
        description="`ot` for a zone of the control system: clients may come from there, and nothing of the site ever "
        "connects to it.",
    )
    cidrs: tuple[Cidr, ...] = Field(min_length=1, description="Its address ranges.")


class Network(Part):
    """The site as a network: zones, and who has which address."""

    zones: tuple[NetworkZone, ...] = Field(
        min_length=1, description="Network zones; keyed by name, no address in two."
    )
    pods: tuple[Cidr, ...] = Field(
        (),
        description="Address ranges of the cluster's pods, where zones have listeners: the readiness probe comes from "
        "there.",
    )

    def addresses(self, zone: str) -> tuple[Cidr, ...]:
        """Return a zone's address ranges; raises KeyError for an unknown one."""
        return {entry.name: entry.cidrs for entry in self.zones}[zone]
