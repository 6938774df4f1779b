"""The roles by which the site's issuing CA gives certificates: which names each may have, and who logs in for it."""

from dataclasses import dataclass
from typing import Literal

from components import bridge_settings, names
from components.emqx_cluster import certificate_names
from components.vault_names import PROBE_ROLE, SERVER_ROLE
from components.workers import common_names, figures_host, workers
from model import Site
from model.bridge_worker import BRIDGE
from model.pki import KeyType

Login = Literal["cert-manager", "approle", "none"]
_SERVERS = (names.POLICY_SERVER, names.DASHBOARD_PROXY, names.CERTIFICATE_EXPORTER)
# Their class-wide roles give also the names of named hosts and gateways: no login is for these.
_NAMED_CLASSES = ("service", "gateway")


@dataclass(frozen=True)
class IssuingRole:
    """One role: `domains` are its names, or with `exact` false what its names end in.

    `login` is how its holder comes to Vault: cert-manager by a service account's token, machines by an AppRole; for
    "none" there is a policy and no login: Vault's administrator alone asks by it.
    """

    name: str
    domains: tuple[str, ...]
    exact: bool
    login: Login = "approle"
    client_class: str | None = None
    """Of which class its certificates are; None for servers, the probe, workers and the bridge."""

    def key_type(self, site: Site) -> KeyType:
        """Return which keys it signs: where cert-manager asks for all of them, those that it makes."""
        if self.client_class is None:
            return "ec"
        chosen: dict[str, KeyType] = site.pki.client_keys.model_dump()
        return chosen[self.client_class]

    @property
    def server(self) -> bool:
        """Whether its certificates are servers'."""
        return self.name == SERVER_ROLE


def server_names(site: Site) -> tuple[str, ...]:
    """Return each DNS name that a server of the site may have a certificate for."""
    bridge = [names.service_host(site, names.KAFKA_BRIDGE_SERVICE)] if site.way_to_kafka == "bridge" else []
    figures = [figures_host(site)] if site.streams.by_worker else []
    figures += [bridge_settings.figures_host(site)] if site.incumbent.bridge_worker else []
    # The proxy has the dashboard's name, too, which is among the broker's own.
    servers = [names.service_host(site, name) for name in _SERVERS]
    return (*certificate_names(site), *servers, *bridge, *figures)


def issuing_roles(site: Site) -> tuple[IssuingRole, ...]:
    """Return the site's roles.

    A host that speaks to devices, and a gateway that the data name, have a role of their own for exactly one name:
    what holds it cannot become another. So do the workers of each kind for the names of their pods.
    """
    return (
        IssuingRole(SERVER_ROLE, server_names(site), exact=True, login="cert-manager"),
        IssuingRole(PROBE_ROLE, (names.probe_name(site),), exact=True, login="cert-manager"),
        *(
            IssuingRole(kind.name, common_names(site, kind), exact=True, login="cert-manager")
            for kind in workers(site)
        ),
        *_bridge(site),
        *(
            IssuingRole(
                client_class,
                (names.client_domain(site, client_class),),
                exact=False,
                login="none" if client_class in _NAMED_CLASSES else "approle",
                client_class=client_class,
            )
            for client_class in names.CLIENT_CLASSES
        ),
        *(_named(site, "host", "service", host.name) for host in site.policy.hosts),
        *(_named(site, "gateway", "gateway", gateway.name) for gateway in site.identity.gateways),
    )


def _bridge(site: Site) -> list[IssuingRole]:
    """Return the role of the program that bridges to the incumbent: in each phase, as its login (`vault_names`)."""
    if site.incumbent.bridge_worker is None:
        return []
    return [IssuingRole(BRIDGE, (bridge_settings.user(site),), exact=True, login="cert-manager")]


def _named(site: Site, kind: str, client_class: str, name: str) -> IssuingRole:
    own = names.client_name(site, client_class, name)
    return IssuingRole(f"{kind}-{name}", (own,), exact=True, client_class=client_class)
