"""The worker's part of the site: the program that subscribes at the broker and writes to Kafka."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from model.base import Cores, Label, Part, Port
from model.image import Image
from model.units import Bytes, Duration, between

MAIN = "kafka-worker"
"""The workers of all but the OT mirror's topics: name of their StatefulSet, with which all that is theirs begins."""
OT = "ot-worker"
"""The worker of the OT mirror's topics, likewise."""
SHARED_BY = {MAIN: "kafka", OT: "ot"}
"""Name of the shared subscription (`$share/<name>/…`) of each."""
# A worker whose node is lost is started elsewhere within some minutes; what waits for a day, nobody misses any more.
SHORTEST_SESSION = Duration(300)
LONGEST_SESSION = Duration(86400)
MOST_WORKERS = 64
MOST_WAITING = 10_000_000


class Worker(Part):
    """The workers to Kafka, with which no rule of the broker and no Kafka bridge carries data, but for `beside`.

    A worker acknowledges a message to the broker once Kafka has it. What is left out is as the kit has it.
    """

    beside: bool = Field(
        False,
        description="Whether the broker's rules, and the Kafka bridge, carry records too: while the site moves to "
        "workers, or back. Each record is in Kafka twice then. No when left out.",
    )
    replicas: int | None = Field(
        None,
        ge=1,
        le=MOST_WORKERS,
        description="Workers of all but the OT mirror's topics; derived: what carries twice the peak with one lost.",
    )
    cores: Cores = Field(
        Decimal(1), description="Cores that each asks for; 1 when left out, and more than 1 is not used."
    )
    memory: Annotated[Bytes, between(Bytes(2**28))] = Field(
        Bytes(2**29), description="Memory of each, 256MiB or more; 512MiB when left out."
    )
    image: Image = Field(
        Image(repository="iot-broker/worker", tag="1.0", digest=None),
        description="Image with Python 3.11 or later, paho-mqtt 2, confluent-kafka and protobuf; "
        "`iot-broker/worker:1.0` when left out.",
    )
    port: Port = Field(
        8884, description="Port of the broker's listener that is the workers' alone; 8884 when left out."
    )
    figures_port: Port = Field(
        9444, description="HTTPS port of each worker's figures and health; 9444 when left out."
    )
    waiting: int | None = Field(
        None,
        ge=1,
        le=MOST_WAITING,
        description="Messages that wait at the broker for one worker while Kafka is away; then the oldest go. Derived: "
        "the workers' sessions fit an eighth of a node's memory.",
    )
    session_expiry: Annotated[Duration, between(SHORTEST_SESSION, LONGEST_SESSION)] = Field(
        Duration(7200),
        description="How long a worker may be away before what waits for it is gone: 5m to 1d, 2h when left out.",
    )
    user: Label = Field(
        "worker", description="The user, of `users`, with which the workers write; `worker` when left out."
    )
    ot_user: Label = Field(
        "ot-worker",
        description="The user, of `users`, with which the OT mirror's worker writes; `ot-worker` when left out.",
    )
    decode_sparkplug: bool = Field(
        True,
        description="Whether Sparkplug B becomes JSON; else it is passed on in bytes. Yes when left out.",
    )
    host_id: Label | None = Field(
        None,
        description="Sparkplug id of one of `policy.hosts`, in whose name a node is asked to be born again. The host "
        "may send `NCMD`. Left out, none is asked.",
    )
