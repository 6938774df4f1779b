"""The lab's servers, in the order in which a person would look at them."""

from lab.servers.base import Server
from lab.servers.kafka import FirstBroker, SecondBroker, ThirdBroker
from lab.servers.keycloak import Keycloak
from lab.servers.kubernetes import ApiServer, ControllerManager, Etcd, Kwok, Scheduler
from lab.servers.opa import Opa
from lab.servers.operators import Operators
from lab.servers.prometheus import Prometheus
from lab.servers.vault import Vault

SERVERS: tuple[Server, ...] = (
    Etcd(),
    ApiServer(),
    ControllerManager(),
    Scheduler(),
    Kwok(),
    Vault(),
    Keycloak(),
    FirstBroker(),
    SecondBroker(),
    ThirdBroker(),
    Opa(),
    Prometheus(),
    Operators(),
)
BY_NAME = {server.name: server for server in SERVERS}


def with_needs(names: frozenset[str]) -> tuple[Server, ...]:
    """Return the named servers and all that they need, in the order above."""
    wanted = set(names)
    while more := {need for name in wanted for need in BY_NAME[name].needs} - wanted:
        wanted |= more
    return tuple(server for server in SERVERS if server.name in wanted)
