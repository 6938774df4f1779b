"""The dashboard's login with Keycloak: where people find it, where it comes back to, who changes the broker."""

from model import Site

# Where EMQX's own login takes the answer, and where the proxy does.
_CALLBACKS = {"enterprise": "/api/v5/sso/oidc/callback", "opensource": "/oauth2/callback"}


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
