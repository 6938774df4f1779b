"""The bridge's part of the site, where a program of the kit carries messages between this broker and the incumbent."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from model.base import BridgedSpace, Cores, Part, Port
from model.image import Image
from model.policy import TopicFilter
from model.units import Bytes, Duration, between

BRIDGE = "incumbent-bridge"
"""Name of its Deployment, with which all that is its own begins."""
POD = "bridge"
"""Its own name among the workers: `bridge.workers.<domain>` is its user and its client id at this broker."""
SHORTEST_SESSION = Duration(300)
LONGEST_SESSION = Duration(7 * 86400)


class BridgeWorker(Part):
    """The program that bridges to the incumbent, in place of EMQX's own sources, actions and rules.

    It acknowledges a message to the broker that it comes from once the other one has it. It runs in the phases that
    have a bridge, in their direction.
    """

    mqtt: Literal["5", "3.1.1"] = Field(
        "5",
        description="MQTT at the incumbent, `5` when left out. By `3.1.1` no property crosses, and no live message's "
        "retain flag.",
    )
    heartbeat: BridgedSpace = Field(
        "iot-broker/bridge",
        description="Topic on which the bridge hears itself at the broker that messages come from; "
        "`iot-broker/bridge` when left out. Its user at the incumbent may write and read it in `parallel`.",
    )
    watch: TopicFilter | None = Field(
        None,
        description="Filter on which the incumbent speaks by itself, like `$SYS/broker/uptime`: heard in place of the "
        "heartbeat, where the bridge may not write one there.",
    )
    cores: Cores = Field(
        Decimal(1), description="Cores that it asks for; 1 when left out, and more than 1 is not used."
    )
    memory: Annotated[Bytes, between(Bytes(2**27))] = Field(
        Bytes(2**28), description="Its memory, 128MiB or more; 256MiB when left out."
    )
    image: Image = Field(
        Image(repository="iot-broker/worker", tag="1.0", digest=None),
        description="The workers' image: Python 3.11 or later, paho-mqtt 2 and prometheus-client; "
        "`iot-broker/worker:1.0` when left out.",
    )
    port: Port = Field(
        8889, description="Port of the broker's listener that is the bridge's alone; 8889 when left out."
    )
    figures_port: Port = Field(9445, description="HTTPS port of its figures and health; 9445 when left out.")
    session_expiry: Annotated[Duration, between(SHORTEST_SESSION, LONGEST_SESSION)] = Field(
        Duration(86400),
        description="How long it may be away before what waits for it is gone: 5m to 7d, 1d when left out.",
    )
