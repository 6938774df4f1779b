"""Rules of capacity: the broker carries the declared peak with one node lost."""

from collections.abc import Iterator

from model.rules.rule import Finding, rule
from model.site import Site
from model.units import Bytes
from model.words import quoted

# EMQX's own figure for 5.8: 40,000 messages a second in and out at QoS 1 on 4 vCPU and 8 GiB, 128 B each, at
# about 75 % CPU.
MESSAGES_PER_CORE = 10_000
# The kit's own assumption, to be replaced by measurement: a TLS connection with its session and queues takes
# 64 KiB, and half of a node's memory is there for connections.
BYTES_PER_CONNECTION = 64 * 1024
SHARE_FOR_CONNECTIONS = 2


@rule("broker")
def messages_are_carried(site: Site) -> Iterator[Finding]:
    """The cores of all nodes but one carry the peak of messages."""
    broker = site.broker
    nodes = max(broker.replicas - 1, 1)
    carried = int(nodes * broker.cores * MESSAGES_PER_CORE)
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
    nodes = max(broker.replicas - 1, 1)
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
    nodes = max(broker.replicas - 1, 1)
    listeners = broker.listeners
    accepted = nodes * (listeners.mqtts.max_connections + listeners.wss.max_connections)
    if broker.load.connections > accepted:
        problem = f"{quoted(broker.load.connections)} is more than {nodes} nodes accept ({accepted})"
        remedy = "raise the listeners' max_connections or the replicas; one node may be lost at the peak"
        yield Finding(("broker", "load", "connections"), problem, remedy)


RULES = (messages_are_carried, connections_are_carried, connections_are_accepted)
