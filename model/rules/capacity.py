"""Rules of capacity: the broker carries the declared peak with as many nodes lost as may be."""

from collections.abc import Iterator

from model.broker import Broker
from model.capacity import accepted, messages, nodes_left, nodes_lost
from model.emqx.protection import QUEUE_BOUNDS, queue_memory, room_for_queues
from model.listeners import ClientKind
from model.rules.rule import Finding, rule
from model.site import Site
from model.sizing import BYTES_PER_CONNECTION, SHARE_FOR_CONNECTIONS
from model.units import Bytes
from model.words import quoted

# Where each kind of client is counted, and what lets more of it in.
COUNTED: dict[ClientKind, str] = {"devices": "connections", "people": "people", "gateways": "gateways"}
DOORS: dict[ClientKind, str] = {
    "devices": "max_connections of `broker.listeners.mqtts`",
    "people": "max_connections of `broker.listeners.wss`",
    "gateways": "max_connections of `broker.listeners.gateway`",
}


@rule("broker")
def messages_are_carried(site: Site) -> Iterator[Finding]:
    """The cores of the nodes that are left carry the peak of messages."""
    broker = site.broker
    nodes = nodes_left(broker)
    carried = messages(broker).carried
    if broker.load.messages.count > carried:
        problem = f"{quoted(broker.load.messages)} is more than {nodes} nodes of {broker.cores} cores carry"
        remedy = f"give it more cores or replicas, or write {carried}/s or less; {_lost(broker)} at the peak"
        yield Finding(("broker", "load", "messages"), problem, remedy)


@rule("broker")
def connections_are_carried(site: Site) -> Iterator[Finding]:
    """The memory of the nodes that are left holds the peak of connections."""
    broker = site.broker
    nodes = nodes_left(broker)
    needed = -(-broker.load.connections * BYTES_PER_CONNECTION * SHARE_FOR_CONNECTIONS // nodes)
    if broker.memory.count < needed:
        problem = (
            f"{quoted(broker.memory)} on {nodes} nodes ({broker.max_unavailable} lost) does not hold "
            f"{broker.load.connections} connections"
        )
        whole = Bytes(-(-needed // 2**20) * 2**20)
        yield Finding(("broker", "memory"), problem, f"write {whole} or more, or add replicas")


@rule("broker")
def connections_are_accepted(site: Site) -> Iterator[Finding]:
    """The listeners that a kind of client can use accept its peak, on the nodes that are left."""
    broker = site.broker
    nodes = nodes_left(broker)
    for kind, figure in accepted(broker).items():
        if not figure.enough:
            problem = f"{quoted(figure.peak)} {kind} are more than {nodes} nodes accept ({figure.carried})"
            remedy = f"raise {DOORS[kind]} or the replicas; {_lost(broker)} at the peak"
            yield Finding(("broker", "load", COUNTED[kind]), problem, remedy)


@rule("broker")
def each_kind_is_part_of_the_connections(site: Site) -> Iterator[Finding]:
    """People and gateways are some of all connections, and gateways have a listener."""
    load = site.broker.load
    if load.people + load.gateways > load.connections:
        problem = (
            f"{quoted(load.connections)} is less than {load.people} people and {load.gateways} gateways in it"
        )
        remedy = f"write {load.people + load.gateways} or more: all clients, devices among them"
        yield Finding(("broker", "load", "connections"), problem, remedy)
    if load.gateways and site.broker.listeners.gateway is None:
        problem = f"{quoted(load.gateways)} gateways have no listener"
        yield Finding(
            ("broker", "load", "gateways"), problem, "add `broker.listeners.gateway`, or leave them out"
        )


@rule("broker")
def queues_fit_the_memory(site: Site) -> Iterator[Finding]:
    """The queues of all who read the whole site fit a node's memory, when each is full."""
    broker = site.broker
    queue = broker.protection.queue
    lowest, room = QUEUE_BOUNDS[0], room_for_queues(broker)
    if queue is None or queue <= lowest or queue_memory(broker, queue) <= room:
        return
    readers, fits = broker.load.all_readers, max(room // queue_memory(broker, 1), lowest)
    problem = f"{quoted(queue)} messages for each of {readers} readers do not fit a node's memory"
    remedy = f"write {fits} or less, give it more memory, or fewer readers in `broker.load.readers`"
    yield Finding(("broker", "protection", "queue"), problem, remedy)


@rule("broker")
def readers_are_some_of_the_connections(site: Site) -> Iterator[Finding]:
    """Those who read the whole site are some of all that are connected."""
    load = site.broker.load
    if load.readers is not None and load.readers > load.connections:
        problem = f"{quoted(load.readers)} is more than all {load.connections} connections"
        yield Finding(("broker", "load", "readers"), problem, f"write {load.connections} or less")


def _lost(broker: Broker) -> str:
    """Say how many nodes may be lost, as `broker.max_unavailable` has it."""
    said = f"{nodes_lost(broker)} may be lost"
    return said if broker.max_unavailable == 1 else f"{said} (broker.max_unavailable)"


RULES = (
    messages_are_carried,
    connections_are_carried,
    connections_are_accepted,
    each_kind_is_part_of_the_connections,
    queues_fit_the_memory,
    readers_are_some_of_the_connections,
)
