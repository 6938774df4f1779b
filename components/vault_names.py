"""What the site's things in Vault are called: engines, roles, policies, the login."""

from components import names
from components.workers import workers
from model import Site
from model.bridge_worker import BRIDGE

PROBE_ROLE = "probe"
"""Role of the readiness probe's client certificate."""
SERVER_ROLE = "server"
LOGINS = {SERVER_ROLE: "cert-manager", PROBE_ROLE: "cert-manager-probe"}
"""Roles of certificates that cert-manager asks for at every site, and the role with which it logs in for each."""


def logins(site: Site) -> dict[str, str]:
    """Return the roles of certificates that cert-manager asks for, and the role with which it logs in for each."""
    own = [kind.name for kind in workers(site)]
    # In each phase: Vault's administrator makes the login once, before the phase that needs it.
    own += [BRIDGE] if site.incumbent.bridge_worker else []
    return LOGINS | {name: f"cert-manager-{name}" for name in own}


def root_mount(site: Site) -> str:
    """Return the path of the root CA's engine."""
    return f"pki-{site.name}-root"


def issuing_mount(site: Site) -> str:
    """Return the path of the issuing CA's engine."""
    return f"pki-{site.name}-issuing"


def login_mount(site: Site) -> str:
    """Return the path at which service accounts of the site's cluster log in."""
    return f"kubernetes-{site.name}"


def machine_login_mount(site: Site) -> str:
    """Return the path at which machines outside of the cluster log in, each for its own certificate."""
    return f"approle-{site.name}"


def issuer_name(site: Site, role: str) -> str:
    """Return the name of the Issuer of certificates by one of Vault's roles."""
    if role == SERVER_ROLE:
        return site.platform.issuer.name
    return names.BROKER_PROBE if role == PROBE_ROLE else role


def login_audience(site: Site, role: str) -> str:
    """Return the audience that cert-manager gives to the tokens of the Issuer of a role."""
    return f"vault://{site.namespace}/{issuer_name(site, role)}"


def policy_name(site: Site, name: str) -> str:
    """Return a policy's full name."""
    return f"iot-{site.name}-{name}"
