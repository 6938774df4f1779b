"""EMQX's dashboard for a site: its TLS listener, and who signs people in."""

from components import dashboard_login, names
from components.client_secret import CLIENT_SECRET
from components.emqx_mounts import LOGIN_FOLDER, TLS_FOLDER, client_tls
from components.settings import Settings
from model import Site
from model.emqx.configuration import (
    Dashboard,
    DashboardListeners,
    DashboardTls,
    OpenIdConnect,
    SecureDashboard,
    SignOn,
)


def dashboard(site: Site, settings: Settings) -> Dashboard:
    """Return the dashboard: its TLS listener, and who signs people in."""
    tls = DashboardTls(certfile=f"{TLS_FOLDER}/tls.crt", keyfile=f"{TLS_FOLDER}/tls.key")
    return Dashboard(
        # A port alone: of the dashboard's listeners the profile `hardened` moves the plain one alone, and operator 2.3
        # strips a `bind` that differs from the one it saw first, which closes the dashboard.
        listeners=DashboardListeners(https=SecureDashboard(bind=site.broker.dashboard_port, ssl_options=tls)),
        # Where Keycloak signs people in, no user with a password stands beside it (docs/adr/0026).
        default_password="" if site.broker.signs_in_people else None,
        sso=SignOn(oidc=_sign_on(site, settings)) if site.broker.signs_in_people else None,
    )


def _sign_on(site: Site, settings: Settings) -> OpenIdConnect:
    return OpenIdConnect(
        issuer=names.issuer_url(settings.keycloak_url, site),
        clientid=site.identity.dashboard.client_id,
        secret=f"file://{LOGIN_FOLDER}/{CLIENT_SECRET}",
        dashboard_addr=dashboard_login.home(site),
        ssl=client_tls(names.TRUST_IDENTITY if settings.keycloak_ca else None),
    )
