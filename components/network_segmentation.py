"""Who may talk to whom in the site's namespace: nobody, but for the flows that are listed here."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import pulumi
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from components import names
from components.component import Place, SiteComponent, selector_labels
from components.emqx_cluster import CORE_PODS

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
        self._policy_server()
        self.register_outputs({})

    def _broker(self) -> None:
        site = self.site
        listeners, platform = site.broker.listeners, site.platform
        dashboard = site.broker.dashboard_port
        self._policy(
            names.BROKER,
            CORE_PODS,
            [
                # Devices are outside of the cluster: their certificate is what lets them in.
                _from((), listeners.mqtts.port, listeners.wss.port),
                _from([_pods(CORE_PODS)], *_BROKER_CLUSTER),
                _from(
                    [
                        _namespace(platform.broker_operator.namespace),
                        _namespace(platform.prometheus_namespace),
                    ],
                    dashboard,
                ),
            ],
            [
                _to([_pods(CORE_PODS)], *_BROKER_CLUSTER),
                _to([_pods(_policy_server_pods(self))], names.POLICY_SERVER_PORT),
                # Keycloak's keys, with which tokens are checked; where Keycloak runs is not known here.
                _to((), _port(self.place.settings.keycloak_url)),
            ],
        )

    def _policy_server(self) -> None:
        self._policy(
            names.POLICY_SERVER,
            _policy_server_pods(self),
            [
                _from(
                    [_pods(CORE_PODS), _namespace(self.site.platform.prometheus_namespace)],
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
        ingress: Sequence[NetworkPolicyIngressRuleArgs],
        egress: Sequence[NetworkPolicyEgressRuleArgs],
    ) -> None:
        NetworkPolicy(
            f"{self.site.name}-{name}",
            metadata=self.metadata(name),
            spec=NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(match_labels=pods) if pods else LabelSelectorArgs(),
                policy_types=["Ingress", "Egress"],
                ingress=list(ingress) or None,
                egress=list(egress) or None,
            ),
            opts=self.in_kubernetes(),
        )


def _policy_server_pods(component: SiteComponent) -> dict[str, str]:
    return selector_labels(component.site, "opa", "policy")


def _from(peers: Sequence[NetworkPolicyPeerArgs], *ports: int) -> NetworkPolicyIngressRuleArgs:
    return NetworkPolicyIngressRuleArgs(from_=list(peers) or None, ports=_ports(ports))


def _to(
    peers: Sequence[NetworkPolicyPeerArgs], *ports: int, udp: bool = False
) -> NetworkPolicyEgressRuleArgs:
    return NetworkPolicyEgressRuleArgs(to=list(peers) or None, ports=_ports(ports, udp=udp))


def _ports(ports: Sequence[int], *, udp: bool = False) -> list[NetworkPolicyPortArgs]:
    """Return the ports, each once."""
    protocols = ["UDP", "TCP"] if udp else ["TCP"]
    numbers = list(dict.fromkeys(ports))
    return [NetworkPolicyPortArgs(protocol=protocol, port=port) for port in numbers for protocol in protocols]


def _namespace(name: str) -> NetworkPolicyPeerArgs:
    return NetworkPolicyPeerArgs(namespace_selector=LabelSelectorArgs(match_labels={_NAMESPACE: name}))


def _pods(labels: dict[str, str]) -> NetworkPolicyPeerArgs:
    return NetworkPolicyPeerArgs(pod_selector=LabelSelectorArgs(match_labels=labels))


def _port(address: str) -> int:
    return urlsplit(address).port or _HTTPS
