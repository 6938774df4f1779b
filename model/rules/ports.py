"""Rules of ports: none that clients and servers know as one without TLS."""

from collections.abc import Iterator

from model.rules.rule import Finding, rule
from model.site import Site
from model.words import quoted

PLAIN = {
    80: "HTTP",
    1883: "MQTT",
    8080: "HTTP",
    8083: "MQTT over WebSocket",
    9092: "Kafka",
    18083: "EMQX's dashboard over HTTP",
}
"""Ports that are known to be without TLS, and what speaks there."""


@rule("broker")
def the_brokers_ports_are_of_tls(site: Site) -> Iterator[Finding]:
    """No listener has a port that clients take for a plain one."""
    where, listeners = ("broker", "listeners"), site.broker.listeners
    doors = [((*where, name), listeners.by_name[name]) for name in ("mqtts", "wss")]
    doors += [((*where, "gateway"), listeners.gateway)] if listeners.gateway else []
    ports: list[tuple[tuple[str, ...], int]] = [((*key, "port"), door.port) for key, door in doors]
    ports += [((*where, "zones", zone.name, "port"), zone.port) for zone in listeners.zones]
    for key, port in (*ports, (("broker", "dashboard_port"), site.broker.dashboard_port)):
        yield from plain(key, port, "8883" if "mqtts" in key or "zones" in key else "one of its own")


@rule("incumbent")
def the_incumbents_port_is_of_tls(site: Site) -> Iterator[Finding]:
    """The bridge comes to the incumbent by TLS."""
    yield from plain(("incumbent", "port"), site.incumbent.port, "its port for MQTT over TLS, like `8883`")


@rule("streams")
def the_streams_ports_are_of_tls(site: Site) -> Iterator[Finding]:
    """Kafka, its bridge, workers and the stores are reached by TLS."""
    streams = site.streams
    yield from plain(("streams", "cluster", "port"), streams.cluster.port, "its TLS listener's, like `9093`")
    yield from plain(("streams", "bridge", "port"), streams.bridge.port, "one for HTTPS, like `8443`")
    if streams.worker is not None:
        where = ("streams", "worker")
        yield from plain((*where, "port"), streams.worker.port, "one for MQTT over TLS, like `8884`")
        yield from plain((*where, "figures_port"), streams.worker.figures_port, "one for HTTPS, like `9444`")
    for sink in streams.sinks:
        for kind, store in (("timescaledb", sink.timescaledb), ("influxdb", sink.influxdb)):
            if store is not None:
                key = ("streams", "sinks", sink.name, kind, "port")
                yield from plain(key, store.port, "the store's port for TLS")


def plain(key: tuple[str, ...], port: int, right: str) -> Iterator[Finding]:
    """Yield that the port at a key is known as a plain one; `right` says what to write instead."""
    if port in PLAIN:
        problem = f"{quoted(port)} is known as the port of {PLAIN[port]} without TLS"
        yield Finding(key, problem, f"write {right}")


RULES = (the_brokers_ports_are_of_tls, the_incumbents_port_is_of_tls, the_streams_ports_are_of_tls)
