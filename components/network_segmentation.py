"""Who may talk to whom in the site's namespace: no pod to any other, but for the flows that are listed here."""

from collections.abc import Sequence

import pulumi

from components import bridge_settings, certificate_exporter, dashboard_proxy, names, workers
from components.component import Place, SiteComponent, selector_labels
from components.emqx_nodes import BROKER_PODS
from components.manifest import Manifest
from components.network_peers import (
    Peer,
    Rule,
    distinct,
    from_,
    from_anywhere,
    kafka_brokers,
    namespace,
    pods,
    port_of,
    prometheus,
    to,
    to_server,
    to_store,
)
from model.worker import MAIN

_DNS = 53
API_SERVER_PORTS = (443, 6443)
"""Where API servers listen, of those that the site does not name."""
# Erlang's distribution and EMQX's RPC, at the ports that EMQX uses in Kubernetes.
_BROKER_CLUSTER = (4370, 5369)


class NetworkSegmentation(SiteComponent):
    """Default deny for the namespace, and the flows of each kind of pod in it: every way out has a named end."""

    DOMAIN = "network"
    SOFTWARE = "network-policy"
    PART = "network"

    def __init__(self, name: str, place: Place, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, place, opts)
        self._policy("default-deny", {}, (), ())
        self._policy("name-resolution", {}, (), to_server(place.site.platform.dns, _DNS, udp=True))
        self._broker()
        self._probe()
        self._configuration()
        self._policy_server()
        self._kafka_bridge()
        self._workers()
        self._sinks()
        self._dashboard_proxy()
        self._certificate_exporter()
        self.register_outputs({})

    def _broker(self) -> None:
        site = self.site
        listeners, platform = site.broker.listeners, site.platform
        gateway = (listeners.gateway.port,) if listeners.gateway else ()
        token_ports = (listeners.wss.port, *gateway)
        # Who may do what at the dashboard's port is the login's matter; who reaches it at all is said here.
        dashboard = [
            namespace(platform.broker_operator.namespace),
            prometheus(platform),
            pods(_proxy_pods(self)),
        ]
        self._policy(
            names.BROKER,
            BROKER_PODS,
            [
                # Clients are outside of the cluster: their certificate or token is what lets them in.
                *self._general_listeners(token_ports),
                *self._zone_listeners(),
                *self._worker_listener(),
                *self._bridge_listener(),
                from_([pods(BROKER_PODS)], *_BROKER_CLUSTER),
                from_(dashboard, site.broker.dashboard_port),
            ],
            [
                to([pods(BROKER_PODS)], *_BROKER_CLUSTER),
                to([pods(_policy_server_pods(self))], names.POLICY_SERVER_PORT),
                # Keycloak's keys, with which tokens are checked; where the dashboard signs people in, their login.
                *self._to_keycloak(),
                *self._to_revocation(),
                *self._to_kafka(),
            ],
        )

    def _probe(self) -> None:
        """Let the readiness probe come to the broker's listeners, as a device and as a browser does."""
        listeners = self.site.broker.listeners
        self._policy(
            names.BROKER_PROBE,
            _probe_pods(self),
            (),
            [to([pods(BROKER_PODS)], listeners.mqtts.port, listeners.wss.port)],
        )

    def _configuration(self) -> None:
        """Let the Job that looks at the EMQX resource come to Kubernetes' API server, and to nothing else."""
        server = self.site.platform.api_server
        rules = [self._outside_of_zones()] if server is None else to_server(server, API_SERVER_PORTS[0])
        self._policy(
            names.BROKER_CONFIGURATION,
            selector_labels(self.site, "broker-configuration", "configuration"),
            (),
            rules,
        )

    def _outside_of_zones(self) -> Rule:
        """Return the way to an API server of which the site says nothing: it is in none of the site's zones."""
        zones = [str(cidr) for zone in self.site.network.zones for cidr in zone.cidrs]
        blocks: list[Peer] = []
        for every, mark in (("0.0.0.0/0", "."), ("::/0", ":")):
            left_out = [cidr for cidr in zones if mark in cidr]
            blocks.append({"ipBlock": {"cidr": every} | ({"except": left_out} if left_out else {})})
        return to(blocks, *API_SERVER_PORTS)

    def _general_listeners(self, token_ports: Sequence[int]) -> list[Rule]:
        """Return the rules of the listeners that are of no zone; with zones, `mqtts` is for whom the site names."""
        listeners = self.site.broker.listeners
        if not listeners.zones:
            return [from_anywhere(listeners.mqtts.port, *token_ports)]
        named = [block for zone in listeners.mqtts_for for block in self._blocks(zone)]
        return [
            from_anywhere(*token_ports),
            from_([*named, pods(_probe_pods(self))], listeners.mqtts.port),
        ]

    def _zone_listeners(self) -> list[Rule]:
        """Return a rule for each listener of a zone: its own addresses, and no others."""
        zones = self.site.broker.listeners.zones
        return [from_(self._blocks(listener.name), listener.port) for listener in zones]

    def _blocks(self, zone: str) -> list[Peer]:
        return [{"ipBlock": {"cidr": str(cidr)}} for cidr in self.site.network.addresses(zone)]

    def _dashboard_proxy(self) -> None:
        self._policy(
            names.DASHBOARD_PROXY,
            _proxy_pods(self),
            [from_anywhere(dashboard_proxy.PORT)],
            [to([pods(BROKER_PODS)], self.site.broker.dashboard_port), *self._to_keycloak()],
        )

    def _certificate_exporter(self) -> None:
        """Let the exporter look at Vault's CAs and at what the site's servers show; Prometheus looks at it."""
        site = self.site
        bridge = (
            [to([pods(names.KAFKA_BRIDGE_PODS)], site.streams.bridge.port)]
            if site.way_to_kafka == "bridge"
            else []
        )
        worker, first = site.streams.worker, pods(workers.selected(site, MAIN))
        figures = [] if worker is None else [to([first], worker.figures_port)]
        self._policy(
            names.CERTIFICATE_EXPORTER,
            _exporter_pods(self),
            [from_([prometheus(site.platform)], certificate_exporter.PORT)],
            [
                *to_server(site.platform.vault, port_of(self.place.settings.vault_address)),
                to([pods(_policy_server_pods(self))], names.POLICY_SERVER_PORT),
                to([pods(_proxy_pods(self))], dashboard_proxy.PORT),
                *bridge,
                *figures,
            ],
        )

    def _to_keycloak(self) -> list[Rule]:
        return to_server(self.site.platform.keycloak, port_of(self.place.settings.keycloak_url))

    def _to_revocation(self) -> list[Rule]:
        """Return the broker's way to Vault's list of revoked certificates, or to its word on the broker's own."""
        if self.site.broker.revocation == "none":
            return []
        return to_server(self.site.platform.vault, port_of(self.place.settings.vault_address))

    def _to_kafka(self) -> list[Rule]:
        """Return the broker's way to Kafka: its own, or over the bridge; none where workers come to it."""
        if self.site.way_to_kafka == "worker":
            return []
        if self.site.way_to_kafka == "broker":
            return [self._to_kafka_brokers()]
        return [to([pods(names.KAFKA_BRIDGE_PODS)], self.site.streams.bridge.port)]

    def _to_kafka_brokers(self) -> Rule:
        cluster = self.site.streams.cluster
        return to([kafka_brokers(cluster.namespace, cluster.name)], cluster.port)

    def _kafka_bridge(self) -> None:
        if self.site.way_to_kafka != "bridge":
            return
        self._policy(
            "kafka-bridge",
            names.KAFKA_BRIDGE_PODS,
            [from_([pods(BROKER_PODS), pods(_exporter_pods(self))], self.site.streams.bridge.port)],
            [self._to_kafka_brokers()],
        )

    def _workers(self) -> None:
        """Let the workers come to the broker's listener for them, and to Kafka; Prometheus looks at them."""
        worker = self.site.streams.worker
        if worker is None:
            return
        self._policy(
            MAIN,
            workers.selected(self.site),
            [from_([prometheus(self.site.platform), pods(_exporter_pods(self))], worker.figures_port)],
            [to([pods(BROKER_PODS)], worker.port), self._to_kafka_brokers()],
        )

    def _worker_listener(self) -> list[Rule]:
        """Return the rule of the workers' own listener: for their pods, and no address outside of the cluster."""
        worker = self.site.streams.worker
        return [] if worker is None else [from_([pods(workers.selected(self.site))], worker.port)]

    def _bridge_listener(self) -> list[Rule]:
        """Return the rule of the listener of the program that bridges to the incumbent: for its pod alone."""
        worker = self.site.bridge_worker
        return [] if worker is None else [from_([pods(bridge_settings.selected(self.site))], worker.port)]

    def _sinks(self) -> None:
        """Let the workers reach Kafka, each other and the stores; Strimzi asks their API, and Prometheus looks."""
        sinks, platform = self.site.streams.sinks, self.site.platform
        if not sinks:
            return
        workers = [pods(names.SINKS_PODS)]
        self._policy(
            names.SINKS,
            names.SINKS_PODS,
            [
                from_([*workers, namespace(platform.streams_operator.namespace)], names.SINKS_PORT),
                from_([prometheus(platform)], names.SINKS_METRICS_PORT),
            ],
            [
                self._to_kafka_brokers(),
                to(workers, names.SINKS_PORT),
                *distinct(rule for sink in sinks for rule in to_store(sink)),
            ],
        )

    def _policy_server(self) -> None:
        self._policy(
            names.POLICY_SERVER,
            _policy_server_pods(self),
            [
                from_(
                    [pods(BROKER_PODS), pods(_exporter_pods(self)), prometheus(self.site.platform)],
                    names.POLICY_SERVER_PORT,
                )
            ],
            # It is asked, and asks no other server: its policies are mounted.
            (),
        )

    def _policy(
        self,
        name: str,
        selected: dict[str, str],
        ingress: Sequence[Rule],
        egress: Sequence[Rule],
    ) -> None:
        spec = {
            "podSelector": {"matchLabels": selected} if selected else {},
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


def _policy_server_pods(component: SiteComponent) -> dict[str, str]:
    return selector_labels(component.site, "opa", "policy")


def _exporter_pods(component: SiteComponent) -> dict[str, str]:
    return selector_labels(component.site, "certificate-exporter", "certificate-exporter")


def _probe_pods(component: SiteComponent) -> dict[str, str]:
    return selector_labels(component.site, "broker-probe", "probe")


def _proxy_pods(component: SiteComponent) -> dict[str, str]:
    return selector_labels(component.site, "oauth2-proxy", "dashboard-proxy")
