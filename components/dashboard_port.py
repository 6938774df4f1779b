"""Refuses another port of the dashboard where the operator would not follow: it would close the dashboard instead."""

from urllib.parse import urlsplit

from components.deployed import Deployed
from model import Site

_OUTPUT = "brokerEndpoints"


class MovedDashboardError(Exception):
    """The site names another port of the dashboard than the one that its stack was last deployed with."""

    def __init__(self, site: str, deployed: int, wanted: int) -> None:
        super().__init__(
            f"{site}: broker.dashboard_port is {wanted}, and {deployed} is deployed: under apps.emqx.io/v2 the "
            "operator leaves a changed port out of the configuration, EMQX's default is to have none, and operator and "
            "readiness find the broker no more\n"
            f"    write `dashboard_port: {deployed}`; another port needs a new broker"
        )
        self.site = site
        self.deployed = deployed
        self.wanted = wanted


def check(site: Site, deployed: Deployed) -> None:
    """Look that the dashboard stays at its port; raises MovedDashboardError and UnreadableOutputsError."""
    if not site.broker.operator_reads_dashboard_once:
        return
    address = (deployed.outputs.get(_OUTPUT) or {}).get("dashboard")
    port = urlsplit(str(address)).port if address else None
    if port is not None and port != site.broker.dashboard_port:
        raise MovedDashboardError(site.name, port, site.broker.dashboard_port)
