"""Refuses to deploy a site whose policies and logins are still in its own stack: `up` would delete every login."""

from components.deployed import Deployed
from components.vault_access import urn_in_site
from model import Site

OUTPUT = "vaultAccess"
"""The stack output that says whose the site's policies and logins are."""
OWNER = "bootstrap"
BOOTSTRAP_PROJECT = "iot-broker-bootstrap"


class LoginsNotMovedError(Exception):
    """The site's stack still holds what the bootstrap owns now."""

    def __init__(self, site: str, urn: str) -> None:
        super().__init__(
            f"{site}: the stack still holds the site's Vault policies and logins, which belong to the bootstrap now; "
            "this would delete them, and no certificate would be renewed\n"
            "    move them first, as Vault's administrator, in the folder bootstrap/ (docs/bootstrap.md):\n"
            f"    pulumi stack init {site}\n"
            f"    pulumi state move --yes --source organization/iot-broker/{site} "
            f"--dest organization/{BOOTSTRAP_PROJECT}/{site} '{urn}'\n"
            f"    pulumi up -s {site}"
        )
        self.site = site
        self.urn = urn


def check(site: Site, deployed: Deployed) -> None:
    """Look that no login would be deleted; raises LoginsNotMovedError and UnreadableOutputsError.

    The state itself is looked at only for a stack that was deployed last by a kit of before the move.
    """
    if not deployed.outputs or deployed.outputs.get(OUTPUT) == OWNER:
        return
    urn = urn_in_site(site.name)
    if urn in deployed.resources:
        raise LoginsNotMovedError(site.name, urn)
