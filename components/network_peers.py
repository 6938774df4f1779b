"""The words of a NetworkPolicy: who a rule is about, and at which ports."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from components import names
from model.network import Peer as Place
from model.platform import Platform
from model.sinks import Sink

Rule: TypeAlias = dict[str, Any]
Peer: TypeAlias = dict[str, Any]

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""Label that Kubernetes gives to each namespace: its name."""
# Labels that Prometheus' operator gives to the pods of every Prometheus.
_PROMETHEUS_PODS = {"app.kubernetes.io/name": "prometheus"}
_HTTPS = 443


def from_(peers: Sequence[Peer], *ports: int) -> Rule:
    """Return a rule of what comes in from the peers, of which there is one at least."""
    return _rule("from", peers, _ports(ports))


def from_anywhere(*ports: int) -> Rule:
    """Return a rule of what comes in from every address: who that is, the connection itself must show."""
    return {"ports": _ports(ports)}


def to(peers: Sequence[Peer], *ports: int) -> Rule:
    """Return a rule of what goes out to the peers, of which there is one at least."""
    return _rule("to", peers, _ports(ports))


def to_server(places: Iterable[Place], port: int, *, udp: bool = False) -> list[Rule]:
    """Return the rules of what goes out to a server: one for each port at which it is found."""
    by_port: dict[int, list[Peer]] = {}
    for place in places:
        by_port.setdefault(place.port or port, []).extend(_peers(place))
    return [_rule("to", peers, _ports([number], udp=udp)) for number, peers in by_port.items()]


def distinct(rules: Iterable[Rule]) -> list[Rule]:
    """Return the rules, each once."""
    found: list[Rule] = []
    for rule in rules:
        if rule not in found:
            found.append(rule)
    return found


def namespace(name: str) -> Peer:
    """Return all pods of a namespace."""
    return {"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: name}}}


def pods(labels: dict[str, str]) -> Peer:
    """Return pods of the site's own namespace."""
    return {"podSelector": {"matchLabels": labels}}


def prometheus(platform: Platform) -> Peer:
    """Return the platform's Prometheus, and nothing else of its namespace."""
    return namespace(platform.prometheus_namespace) | pods(_PROMETHEUS_PODS)


def kafka_brokers(cluster_namespace: str, cluster: str) -> Peer:
    """Return the brokers of a Kafka cluster that Strimzi runs."""
    return namespace(cluster_namespace) | pods({names.STRIMZI_CLUSTER: cluster, names.STRIMZI_KIND: "Kafka"})


def port_of(address: str) -> int:
    """Return the port of an https:// address."""
    return urlsplit(address).port or _HTTPS


def _peers(place: Place) -> list[Peer]:
    if place.namespace is None:
        return [{"ipBlock": {"cidr": str(cidr)}} for cidr in place.cidrs]
    return [namespace(place.namespace) | (pods(dict(place.pods)) if place.pods else {})]


def _rule(direction: str, peers: Sequence[Peer], ports: list[dict[str, Any]]) -> Rule:
    """Return a rule; one without peers would mean every address, which no caller here may ask for by mistake."""
    if not peers:
        raise ValueError(f"a rule `{direction}` without a peer would let everything through")
    return {"ports": ports, direction: list(peers)}


def _ports(ports: Sequence[int], *, udp: bool = False) -> list[dict[str, Any]]:
    """Return the ports, each once."""
    protocols = ["UDP", "TCP"] if udp else ["TCP"]
    numbers = list(dict.fromkeys(ports))
    return [{"protocol": protocol, "port": port} for port in numbers for protocol in protocols]


def to_store(sink: Sink) -> list[Rule]:
    """Return the workers' way to a sink's store; an Iceberg table has a catalog and an object storage."""
    if sink.iceberg is not None:
        return [
            *to_server(sink.iceberg.catalog_at or (), port_of(sink.iceberg.catalog)),
            *to_server(sink.iceberg.object_storage_at or (), port_of(sink.iceberg.object_storage)),
        ]
    store = sink.timescaledb or sink.influxdb
    return to_server(store.at or (), store.port) if store else []
