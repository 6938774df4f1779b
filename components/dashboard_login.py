"""The dashboard's login with Keycloak: where people find it, where it comes back to, whom the proxy lets in."""

from model import Site

CALLBACK = "/oauth2/callback"
"""Path to which a login at the proxy comes back."""
# Where EMQX's own login, behind the proxy, takes the answer.
_OWN_CALLBACK = "/api/v5/sso/oidc/callback"


def home(site: Site) -> str:
    """Return the address at which people find the dashboard."""
    return f"https://{site.dashboard_host}:{site.broker.dashboard_port}"


def callbacks(site: Site) -> list[str]:
    """Return the paths to which logins come back: the proxy's, and EMQX's own where it signs people in."""
    return [CALLBACK, *([_OWN_CALLBACK] if site.broker.signs_in_people else [])]


def admitted(site: Site) -> list[str]:
    """Return the groups whose members the proxy lets in: who changes the broker, and who looks where that is less.

    The opensource dashboard has administrators alone, so whoever may only look is kept out of it.
    """
    dashboard = site.identity.dashboard
    roles = {dashboard.role, *([dashboard.viewer_role] if site.broker.signs_in_people else [])}
    return [group.name for group in site.identity.groups if roles.intersection(group.roles)]
