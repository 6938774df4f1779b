"""Who may talk to whom in the site's namespace: nobody, but for the flows that are listed here."""

from collections.abc import Sequence
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pulumi

from components import dashboard_proxy, names
from components.component import Place, SiteComponent, selector_labels
from components.emqx_nodes import BROKER_PODS
from components.manifest import Manifest
from model.sinks import Sink

Rule: TypeAlias = dict[str, Any]
Peer: TypeAlias = dict[str, Any]

_NAMESPACE = "kubernetes.io/metadata.name"
# Erlang's distribution and EMQX's RPC, at the ports that EMQX uses in Kubernetes.
_BROKER_CLUSTER = (4370, 5369)
_HTTPS = 443


class NetworkSegmentation(SiteComponent):
    """Default deny for the namespace, and the flows of the broker and the policy server."""

    DOMAIN = "network"
    SOFTWARE = "network-policy"
    PART = "network"

    def __init__(self, name: str, place: Place, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, place, opts)
        self._policy("default-deny", {}, (), ())
        self._policy("name-resolution", {}, (), [_to([_namespace("kube-system")], 53, udp=True)])
        self._broker()
        self._probe()
        self._policy_server()
        self._kafka_bridge()
        self._sinks()
        self._dashboard_proxy()
        self.register_outputs({})

    def _broker(self) -> None:
        site = self.site
        listeners, platform = site.broker.listeners, site.platform
        dashboard = site.broker.dashboard_port
        gateway = (listeners.gateway.port,) if listeners.gateway else ()
        token_ports = (listeners.wss.port, *gateway)
        # Vault's list of revoked certificates, or its word on the broker's own.
        revocation = (
            [_to((), _port(self.place.settings.vault_address))] if site.broker.revocation != "none" else []
        )
        self._policy(
            names.BROKER,
            BROKER_PODS,
            [
                # Clients are outside of the cluster: their certificate or token is what lets them in.
                *self._general_doors(token_ports),
                *self._zone_doors(),
                _from([_pods(BROKER_PODS)], *_BROKER_CLUSTER),
                _from(
                    [
                        _namespace(platform.broker_operator.namespace),
                        _namespace(platform.prometheus_namespace),
                    ],
                    dashboard,
                ),
                # People come to the dashboard's own login, or by the proxy before it.
                _from([_pods(_proxy_pods(self))] if not site.broker.signs_in_people else (), dashboard),
            ],
            [
                _to([_pods(BROKER_PODS)], *_BROKER_CLUSTER),
                _to([_pods(_policy_server_pods(self))], names.POLICY_SERVER_PORT),
                # Keycloak's keys, with which tokens are checked; where Keycloak runs is not known here.
                _to((), _port(self.place.settings.keycloak_url)),
                *revocation,
                self._to_kafka(),
            ],
        )

    def _probe(self) -> None:
        """Let the readiness probe come to the broker's doors, as a device and as a browser does."""
        listeners = self.site.broker.listeners
        self._policy(
            names.BROKER_PROBE,
            _probe_pods(self),
            (),
            [_to([_pods(BROKER_PODS)], listeners.mqtts.port, listeners.wss.port)],
        )

    def _general_doors(self, token_ports: Sequence[int]) -> list[Rule]:
        """Return the rules of the listeners that are of no zone; with zones, `mqtts` is for whom the site names."""
        doors = self.site.broker.listeners
        if not doors.zones:
            return [_from((), doors.mqtts.port, *token_ports)]
        named = [block for zone in doors.mqtts_for for block in self._blocks(zone)]
        return [_from((), *token_ports), _from([*named, _pods(_probe_pods(self))], doors.mqtts.port)]

    def _zone_doors(self) -> list[Rule]:
        """Return a rule for each listener of a zone: its own addresses, and no others."""
        return [_from(self._blocks(door.name), door.port) for door in self.site.broker.listeners.zones]

    def _blocks(self, zone: str) -> list[Peer]:
        return [{"ipBlock": {"cidr": str(cidr)}} for cidr in self.site.network.addresses(zone)]

    def _dashboard_proxy(self) -> None:
        if self.site.broker.signs_in_people:
            return
        self._policy(
            names.DASHBOARD_PROXY,
            _proxy_pods(self),
            [_from((), dashboard_proxy.PORT)],
            [
                _to([_pods(BROKER_PODS)], self.site.broker.dashboard_port),
                _to((), _port(self.place.settings.keycloak_url)),
            ],
        )

    def _to_kafka(self) -> Rule:
        """Return the broker's way to Kafka: its own, or over the bridge."""
        if self.site.broker.writes_kafka:
            return self._to_kafka_brokers()
        return _to([_pods(names.KAFKA_BRIDGE_PODS)], self.site.streams.bridge.port)

    def _to_kafka_brokers(self) -> Rule:
        cluster = self.site.streams.cluster
        brokers = _pods({"strimzi.io/cluster": cluster.name, "strimzi.io/kind": "Kafka"})
        return _to([_namespace(cluster.namespace) | brokers], cluster.port)

    def _kafka_bridge(self) -> None:
        if self.site.broker.writes_kafka:
            return
        self._policy(
            "kafka-bridge",
            names.KAFKA_BRIDGE_PODS,
            [_from([_pods(BROKER_PODS)], self.site.streams.bridge.port)],
            [self._to_kafka_brokers()],
        )

    def _sinks(self) -> None:
        """Let the workers reach Kafka, each other and the stores; Strimzi asks their API, and Prometheus looks."""
        sinks = self.site.streams.sinks
        if not sinks:
            return
        workers = [_pods(names.SINKS_PODS)]
        operator = [_namespace(self.site.platform.streams_operator.namespace)]
        self._policy(
            names.SINKS,
            names.SINKS_PODS,
            [
                _from([*workers, *operator], names.SINKS_PORT),
                _from([_namespace(self.site.platform.prometheus_namespace)], names.SINKS_METRICS_PORT),
            ],
            [
                self._to_kafka_brokers(),
                _to(workers, names.SINKS_PORT),
                # Where the stores run is not known here; they prove who they are by their certificates.
                _to((), *(port for sink in sinks for port in _store_ports(sink))),
            ],
        )

    def _policy_server(self) -> None:
        self._policy(
            names.POLICY_SERVER,
            _policy_server_pods(self),
            [
                _from(
                    [_pods(BROKER_PODS), _namespace(self.site.platform.prometheus_namespace)],
                    names.POLICY_SERVER_PORT,
                )
            ],
            # It is asked, and asks nobody: its policies are mounted.
            (),
        )

    def _policy(
        self,
        name: str,
        pods: dict[str, str],
        ingress: Sequence[Rule],
        egress: Sequence[Rule],
    ) -> None:
        spec = {
            "podSelector": {"matchLabels": pods} if pods else {},
            "policyTypes": ["Ingress", "Egress"],
        }
        # An empty list and none mean the same: nothing is let through.
        flows = {"ingress": list(ingress), "egress": list(egress)}
        Manifest(
            f"{self.site.name}-{name}",
            api_version="networking.k8s.io/v1",
            kind="NetworkPolicy",
            metadata=self.metadata(name),
            spec=spec | {direction: rules for direction, rules in flows.items() if rules},
            opts=self.in_kubernetes(),
        )


def _store_ports(sink: Sink) -> tuple[int, ...]:
    if sink.iceberg is not None:
        return (_port(sink.iceberg.catalog), _port(sink.iceberg.object_storage))
    store = sink.timescaledb or sink.influxdb
    return (store.port,) if store else ()


def _policy_server_pods(component: SiteComponent) -> dict[str, str]:
    return selector_labels(component.site, "opa", "policy")


def _probe_pods(component: SiteComponent) -> dict[str, str]:
    return selector_labels(component.site, "broker-probe", "probe")


def _proxy_pods(component: SiteComponent) -> dict[str, str]:
    return selector_labels(component.site, "oauth2-proxy", "dashboard-proxy")


def _from(peers: Sequence[Peer], *ports: int) -> Rule:
    return _rule("from", peers, _ports(ports))


def _to(peers: Sequence[Peer], *ports: int, udp: bool = False) -> Rule:
    return _rule("to", peers, _ports(ports, udp=udp))


def _rule(direction: str, peers: Sequence[Peer], ports: list[dict[str, Any]]) -> Rule:
    """Return a rule; without peers it means everybody."""
    return {"ports": ports} | ({direction: list(peers)} if peers else {})


def _ports(ports: Sequence[int], *, udp: bool = False) -> list[dict[str, Any]]:
    """Return the ports, each once."""
    protocols = ["UDP", "TCP"] if udp else ["TCP"]
    numbers = list(dict.fromkeys(ports))
    return [{"protocol": protocol, "port": port} for port in numbers for protocol in protocols]


def _namespace(name: str) -> Peer:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE: name}}}


def _pods(labels: dict[str, str]) -> Peer:
    return {"podSelector": {"matchLabels": labels}}


def _port(address: str) -> int:
    return urlsplit(address).port or _HTTPS
