"""The link to the broker that is replaced: its credentials and its way through the network, while there is a bridge.

What crosses it is part of the broker's configuration (`components/emqx_incumbent.py`), or of a program's settings
(`components/bridge_worker.py`).
"""

from typing import Any

import pulumi

from components import bridge_settings, names
from components.broker_secrets import brought
from components.component import Place, SiteComponent
from components.emqx_nodes import BROKER_PODS
from components.manifest import Manifest
from components.network_peers import from_, pods, prometheus, to, to_server
from model import Site


class IncumbentBridge(SiteComponent):
    """What the bridge needs beside the broker; made only while the phase has a bridge."""

    DOMAIN = "broker"
    SOFTWARE = "emqx"
    PART = "incumbent-bridge"

    def __init__(self, name: str, place: Place, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, place, opts)
        site, wanted = place.site, place.site.platform.external_secrets
        if wanted is not None:
            brought(self, wanted, names.INCUMBENT_BRIDGE, names.INCUMBENT_BRIDGE, keys(site))
        Manifest(
            f"{site.name}-{names.INCUMBENT_BRIDGE}",
            api_version="networking.k8s.io/v1",
            kind="NetworkPolicy",
            metadata=self.metadata(names.INCUMBENT_BRIDGE),
            spec=_ways(site),
            opts=self.in_kubernetes(),
        )
        self.register_outputs({"direction": site.bridge})


def _ways(site: Site) -> dict[str, Any]:
    """Return the policy of who comes to the incumbent: the broker's nodes, or the program between the two."""
    outwards = to_server(site.incumbent.at or (), site.incumbent.port)
    worker = site.bridge_worker
    if worker is None:
        return {
            "podSelector": {"matchLabels": BROKER_PODS},
            "policyTypes": ["Egress"],
            "egress": outwards,
        }
    return {
        "podSelector": {"matchLabels": bridge_settings.selected(site)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [from_([prometheus(site.platform)], worker.figures_port)],
        "egress": [*outwards, to([pods(BROKER_PODS)], worker.port)],
    }


def keys(site: Site) -> tuple[str, ...]:
    """Return the keys of the bridge's Secret."""
    shown = ("tls.crt", "tls.key") if site.incumbent.client_certificate else ()
    return ("password", "ca.crt", *shown)
