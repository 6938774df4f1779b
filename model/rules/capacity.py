"""Rules of capacity: the broker carries the declared peak with one node lost."""

from collections.abc import Iterator

from model.capacity import BYTES_PER_CONNECTION, SHARE_FOR_CONNECTIONS, accepted, messages, nodes_left
from model.rules.rule import Finding, rule
from model.site import Site
from model.units import Bytes
from model.words import quoted


@rule("broker")
def messages_are_carried(site: Site) -> Iterator[Finding]:
    """The cores of all nodes but one carry the peak of messages."""
    broker = site.broker
    nodes = nodes_left(broker)
    carried = messages(broker).carried
    if broker.load.messages.count > carried:
        problem = f"{quoted(broker.load.messages)} is more than {nodes} nodes of {broker.cores} cores carry"
        remedy = (
            f"give it more cores or replicas, or write {carried}/s or less; one node may be lost at the peak"
        )
        yield Finding(("broker", "load", "messages"), problem, remedy)


@rule("broker")
def connections_are_carried(site: Site) -> Iterator[Finding]:
    """The memory of all nodes but one holds the peak of connections."""
    broker = site.broker
    nodes = nodes_left(broker)
    needed = -(-broker.load.connections * BYTES_PER_CONNECTION * SHARE_FOR_CONNECTIONS // nodes)
    if broker.memory.count < needed:
        problem = (
            f"{quoted(broker.memory)} on {nodes} nodes (one lost) does not hold "
            f"{broker.load.connections} connections"
        )
        whole = Bytes(-(-needed // 2**20) * 2**20)
        yield Finding(("broker", "memory"), problem, f"write {whole} or more, or add replicas")


@rule("broker")
def connections_are_accepted(site: Site) -> Iterator[Finding]:
    """The listeners of all nodes but one accept the peak of connections."""
    broker = site.broker
    nodes = nodes_left(broker)
    limit = accepted(broker).carried
    if broker.load.connections > limit:
        problem = f"{quoted(broker.load.connections)} is more than {nodes} nodes accept ({limit})"
        remedy = "raise the listeners' max_connections or the replicas; one node may be lost at the peak"
        yield Finding(("broker", "load", "connections"), problem, remedy)


RULES = (messages_are_carried, connections_are_carried, connections_are_accepted)
