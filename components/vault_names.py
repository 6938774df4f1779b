"""What the site's things in Vault are called: engines, roles, policies, the login."""

from model import Site

SERVER_ROLE = "server"
LOGIN_ROLE = "cert-manager"


def root_mount(site: Site) -> str:
    """Return the path of the root CA's engine."""
    return f"pki-{site.name}-root"


def issuing_mount(site: Site) -> str:
    """Return the path of the issuing CA's engine."""
    return f"pki-{site.name}-issuing"


def login_mount(site: Site) -> str:
    """Return the path at which service accounts of the site's cluster log in."""
    return f"kubernetes-{site.name}"


def login_audience(site: Site) -> str:
    """Return the audience that cert-manager gives to the tokens of the site's issuer."""
    return f"vault://{site.namespace}/{site.platform.issuer.name}"


def policy_name(site: Site, name: str) -> str:
    """Return a policy's full name."""
    return f"iot-{site.name}-{name}"
