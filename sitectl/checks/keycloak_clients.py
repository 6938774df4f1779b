"""Looks whether the two of Keycloak's own clients that the provider cannot own are as Keycloak made them.

`broker` and `realm-management` are bearer-only with the standard flow on. The provider refuses to state such a client
(its `ValidateOpenidClient`), so no refresh sees what a hand made of them; this look does (docs/adr/0058).
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from model import Site
from sitectl.checks import Finding
from sitectl.checks.web import Web

AREA = "keycloak"
WHAT = "Keycloak's own clients"
CLIENTS = ("broker", "realm-management")
AS_MADE: Mapping[str, Any] = {
    "enabled": True,
    # Who is bearer-only gets no token, whatever its flows say.
    "bearerOnly": True,
    "publicClient": False,
    "implicitFlowEnabled": False,
    "directAccessGrantsEnabled": False,
    "serviceAccountsEnabled": False,
    "authorizationServicesEnabled": False,
    "redirectUris": [],
    "webOrigins": [],
    "rootUrl": "",
    "baseUrl": "",
    "adminUrl": "",
    "protocolMappers": [],
    "authenticationFlowBindingOverrides": {},
}
"""What they must be, in Keycloak's names: nothing that lets them sign in, send people elsewhere or shape a token."""


def finding(web: Web, site: Site) -> Finding:
    """Look at both in the site's realm, which is there; `web` carries a login's token. Raises `Unreachable`."""
    wrong: list[str] = []
    for name in CLIENTS:
        answer = web.get(f"/admin/realms/{quote(site.name)}/clients?clientId={name}")
        if answer.status != 200:
            remedy = f"grant the login `view-clients` of {site.name}-realm (docs/rights.md)"
            return Finding(AREA, WHAT, f"may not be looked at (HTTP {answer.status})", remedy)
        wrong += [f"{name} is not there"] if not answer.body else _edits(name, answer.body[0])
    if wrong:
        remedy = "put each back in Keycloak's console: no provider can, and the kit does not own them (docs/access.md)"
        return Finding(AREA, WHAT, "; ".join(wrong), remedy)
    return Finding(AREA, WHAT, f"{' and '.join(CLIENTS)} are as Keycloak made them")


def _edits(name: str, client: Mapping[str, Any]) -> Iterator[str]:
    """Yield each setting that is another one; what Keycloak leaves out is off or empty."""
    for key, wanted in AS_MADE.items():
        found = client.get(key)
        if (found or type(wanted)()) != wanted:
            yield f"{name} has {key} {found!r}, not {wanted!r}"
