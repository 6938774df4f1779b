"""Preflight's look at Keycloak: it answers, the login works, and it may make (or change) the site's realm."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from model import Site
from sitectl.checks import Finding, Unreachable, keycloak_clients
from sitectl.checks.web import Web

AREA = "keycloak"
OK, WRONG_REQUEST, REFUSED, NOT_FOUND = 200, 400, 403, 404
NO_REALM: tuple[()] = ()
"""What is sent in the place of a realm: a JSON list, which Keycloak can read into none."""
MANAGED = "the realm exists and may be managed"
CREDENTIALS = "set KEYCLOAK_CLIENT_ID and KEYCLOAK_CLIENT_SECRET, or KEYCLOAK_USER and KEYCLOAK_PASSWORD"
MACHINES_OWN = ("/etc/ssl/certs", "/etc/pki/tls/certs")
MACHINES_BUNDLES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))
"""Where Go looks for the machine's authorities, on the systems that the kit runs on."""


def check(site: Site, address: str, authorities: str | None) -> list[Finding]:
    """Look at the Keycloak at `address` with the environment's credentials; `authorities` is PEM text of its CAs."""
    web = Web(address, authorities)
    realm = _realm()
    what = f"{web.address} answers"
    try:
        answer = web.get(f"/realms/{realm}/.well-known/openid-configuration")
        if answer.status != 200:
            remedy = "check iot-broker:keycloakUrl (with its path, if it has one) and KEYCLOAK_REALM"
            return [Finding(AREA, what, f"HTTP {answer.status} for realm {realm}", remedy)]
        trust = [] if authorities is None else [_plugins_trust(web.address, realm)]
        return [Finding(AREA, what, f"realm {realm}"), *trust, *_login(web, realm, site)]
    except Unreachable as failure:
        remedy = (
            "check iot-broker:keycloakUrl in the stack's settings, the network, and iot-broker:keycloakCaFile"
        )
        return [Finding(AREA, what, failure.reason, remedy)]


def _plugins_trust(address: str, realm: str) -> Finding:
    """Look with the authorities that Pulumi's plugin believes: those of the environment, not those of the settings."""
    what = "Pulumi's plugin trusts it"
    try:
        Web(address, environments_authorities(os.environ)).get(f"/realms/{realm}")
    except Unreachable as failure:
        remedy = (
            "name the folder of iot-broker:keycloakCaFile before the machine's own: "
            f"`export SSL_CERT_DIR=$PWD/stacks/ca:{MACHINES_OWN[0]}`"
        )
        return Finding(AREA, what, failure.reason, remedy)
    return Finding(AREA, what, "by the environment's authorities")


def environments_authorities(environment: Mapping[str, str]) -> str | None:
    """Return the PEM text of the authorities that a Go program believes, None when the environment names none.

    It is the machine's bundle, or SSL_CERT_FILE, and each file of the folders of SSL_CERT_DIR, or of the machine's.
    """
    if not (environment.get("SSL_CERT_FILE") or environment.get("SSL_CERT_DIR")):
        return None
    files = [Path(environment["SSL_CERT_FILE"])] if environment.get("SSL_CERT_FILE") else [*MACHINES_BUNDLES]
    folders = environment["SSL_CERT_DIR"].split(":") if environment.get("SSL_CERT_DIR") else MACHINES_OWN
    files += [file for folder in folders if Path(folder).is_dir() for file in sorted(Path(folder).iterdir())]
    texts = []
    for file in files:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = file.read_text(encoding="ascii")
            texts += [text] if "-----BEGIN CERTIFICATE-----" in text else []
    return "".join(texts)


def _login(web: Web, realm: str, site: Site) -> list[Finding]:
    fields = credentials()
    if fields is None:
        return [Finding(AREA, "login", "no credentials in the environment", CREDENTIALS)]
    answer = web.post_form(f"/realms/{realm}/protocol/openid-connect/token", fields)
    if answer.status != 200:
        reason = (answer.body or {}).get("error_description") or f"HTTP {answer.status}"
        return [Finding(AREA, "login", str(reason), "correct the KEYCLOAK_… variables")]
    known = Web(web.address, web.authorities, {"Authorization": f"Bearer {answer.body['access_token']}"})
    findings = [
        Finding(AREA, "login", f"as {fields.get('username') or fields['client_id']}"),
        rights_finding(known, site),
    ]
    if findings[-1].detail == MANAGED:
        findings.append(keycloak_clients.finding(known, site))
    return findings


def look_at_clients(site: Site, address: str, authorities: str | None) -> Finding:
    """Look at the clients that no refresh sees, with the environment's credentials."""
    web, realm, what = Web(address, authorities), _realm(), keycloak_clients.WHAT
    fields = credentials()
    if fields is None:
        return Finding(AREA, what, "are not known without credentials in the environment", CREDENTIALS)
    try:
        answer = web.post_form(f"/realms/{realm}/protocol/openid-connect/token", fields)
        if answer.status != 200:
            return Finding(
                AREA, what, "are not known: the login is refused", "correct the KEYCLOAK_… variables"
            )
        known = Web(web.address, web.authorities, {"Authorization": f"Bearer {answer.body['access_token']}"})
        return keycloak_clients.finding(known, site)
    except Unreachable as failure:
        return Finding(AREA, what, f"are not known: {failure}", "see that Keycloak can be reached from here")


def _realm() -> str:
    return os.environ.get("KEYCLOAK_REALM", "master")


def credentials() -> dict[str, str] | None:
    """Return the form of the environment's login, as Pulumi's plugin takes it; None where there is none."""
    client = os.environ.get("KEYCLOAK_CLIENT_ID", "admin-cli")
    if os.environ.get("KEYCLOAK_CLIENT_SECRET"):
        secret = os.environ["KEYCLOAK_CLIENT_SECRET"]
        return {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    user, password = os.environ.get("KEYCLOAK_USER"), os.environ.get("KEYCLOAK_PASSWORD")
    if user and password:
        return {"grant_type": "password", "client_id": client, "username": user, "password": password}
    return None


def rights_finding(web: Web, site: Site) -> Finding:
    """Look whether the login may manage the site's realm, or make it; `web` carries its token."""
    what = f"rights on realm {site.name}"
    answer = web.get(f"/admin/realms/{site.name}")
    if answer.status == OK:
        return Finding(AREA, what, MANAGED)
    if answer.status == NOT_FOUND:
        return _may_make_realms(web)
    remedy = f"grant the login realm-management's `manage-realm` in {site.name}, or master's `admin`"
    return Finding(AREA, what, f"HTTP {answer.status}", remedy)


def _may_make_realms(web: Web) -> Finding:
    """Ask Keycloak to make a realm of what is none: it looks at the rights first, and can make nothing of this.

    A token need not say which roles its login has: one of `admin-cli` says none, whatever the login may do.
    """
    what = "rights to make a realm"
    answer = web.post_json("/admin/realms", NO_REALM)
    if answer.status == WRONG_REQUEST:
        return Finding(AREA, what, "the realm does not exist yet and may be made")
    if answer.status == REFUSED:
        return Finding(AREA, what, "lacks `create-realm`", "grant the login master's `create-realm` role")
    remedy = "look into Keycloak's log: it neither refuses the login nor what is no realm"
    return Finding(AREA, what, f"not known: Keycloak answers HTTP {answer.status}", remedy)
