"""The dashboard's login with Keycloak: what its client's secret is kept in, and where a login comes back to."""

import base64

import pulumi

from components import names
from components.component import SiteComponent
from components.manifest import Manifest
from model import Site

CLIENT_SECRET = "client-secret"  # noqa: S105 - the key under which it is kept
# Where EMQX's own login takes the answer, and where the proxy does.
_CALLBACKS = {"enterprise": "/api/v5/sso/oidc/callback", "opensource": "/oauth2/callback"}


def login_secret(component: SiteComponent, secret: pulumi.Input[str]) -> Manifest:
    """Make the Secret of the dashboard's client as the component's child.

    Keycloak makes the value; Pulumi must hold it, and holds it encrypted (docs/adr/0017).
    """
    encoded = pulumi.Output.secret(secret).apply(lambda text: base64.b64encode(text.encode()).decode())
    return Manifest(
        f"{component.site.name}-{names.DASHBOARD_LOGIN}",
        api_version="v1",
        kind="Secret",
        metadata=component.metadata(names.DASHBOARD_LOGIN),
        type="Opaque",
        data={CLIENT_SECRET: encoded},
        opts=component.in_kubernetes(),
    )


def home(site: Site) -> str:
    """Return the address at which people find the dashboard."""
    return f"https://{site.dashboard_host}:{site.broker.dashboard_port}"


def callback(site: Site) -> str:
    """Return the path to which a login comes back: EMQX's own, or the proxy's."""
    return _CALLBACKS[site.broker.edition]


def administrators(site: Site) -> list[str]:
    """Return the groups whose members change the broker: those with the role that the dashboard asks for."""
    dashboard = site.identity.dashboard
    return [group.name for group in site.identity.groups if dashboard.role in group.roles]
