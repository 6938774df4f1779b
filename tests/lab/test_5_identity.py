"""How people sign in at the site's realm: second factor, passwords, mail, the public client, and what nobody gets."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.keycloak_flows import BROWSER_FLOW, NO_PASSWORD_GRANT
from lab.certificates import Authority
from lab.estate import Estate
from model import Site
from sitectl.checks.keycloak_clients import CLIENTS, WHAT
from tests.support import servers
from tests.support.browser import Browser, Login, StoppedError
from tests.support.front import Front
from tests.support.mail import MailServer, mail_server
from tests.support.realm import by_hand, made
from tests.support.shell import Shell

PROGRAM = "http://127.0.0.1:49152/callback"
"""Where a program on somebody's own machine waits; its port is any."""
MAIL_LOGIN = ("iot", "Mails-from-the-fièld 7")


def login(deployed: Shell, site: Site, redirect: str = PROGRAM, scope: str = "openid") -> Login:
    """A login at the public client."""
    return Login(servers.endpoint(deployed, site.name), site.identity.people.client_id, redirect, scope=scope)


def test_an_administrator_enrols_a_second_factor_and_shows_it_at_every_login(
    deployed: Shell, site: Site, people: list[str]
) -> None:
    ana = made(deployed, site, people, "ana", "site-engineers")
    browser = Browser(str(deployed.authority))
    _, asked = browser.sign_in(login(deployed, site).address, ana, PROGRAM)
    assert asked == ["password", "enrol"]
    # The session's cookie spares the password, and nothing else.
    _, asked = browser.sign_in(login(deployed, site).address, ana, PROGRAM)
    assert asked == ["code"]
    _, asked = Browser(str(deployed.authority)).sign_in(login(deployed, site).address, ana, PROGRAM)
    assert asked == ["password", "code"]


def test_a_hand_edit_of_a_client_that_no_refresh_sees_is_found(deployed: Shell, site: Site) -> None:
    name, kept = CLIENTS
    admin = servers.keycloak(deployed)
    (closed,) = admin.get(f"/{site.name}/clients?clientId={kept}")
    refused = admin.ask("PUT", f"/{site.name}/clients/{closed['id']}", closed | {"bearerOnly": False})
    assert refused.status == 403, "Keycloak lets no administrator change this one"
    (client,) = admin.get(f"/{site.name}/clients?clientId={name}")
    place = f"/{site.name}/clients/{client['id']}"
    turned = client | {
        "bearerOnly": False,
        "publicClient": True,
        "redirectUris": ["https://turned.example/*"],
    }
    assert found_in_preflight(deployed, site)["passed"] is True
    try:
        assert admin.ask("PUT", place, turned).status == 204
        found = found_in_preflight(deployed, site)
        assert found["passed"] is False
        for words in ("bearerOnly False", "publicClient True", "redirectUris ['https://turned.example/*']"):
            assert f"{name} has {words}" in found["detail"]
    finally:
        assert admin.ask("PUT", place, client).status == 204
    assert found_in_preflight(deployed, site)["passed"] is True


def found_in_preflight(deployed: Shell, site: Site) -> dict[str, Any]:
    """Return what preflight says of Keycloak's own clients."""
    said = json.loads(deployed.run("sitectl", "preflight", site.name, "--json", check=False).out)
    (found,) = (entry for entry in said["findings"] if entry["what"] == WHAT)
    return dict(found)


def test_without_the_sites_flow_an_administrator_would_come_in_by_a_password_alone(
    deployed: Shell, site: Site, people: list[str]
) -> None:
    ben = made(deployed, site, people, "ben", "site-engineers")
    with by_hand(deployed, site, {"browserFlow": "browser"}):
        _, asked = Browser(str(deployed.authority)).sign_in(login(deployed, site).address, ben, PROGRAM)
    assert asked == ["password"]


def test_who_changes_nothing_signs_in_by_the_password_and_without_a_verified_address(
    deployed: Shell, site: Site, people: list[str]
) -> None:
    cleo = made(deployed, site, people, "cleo", "operators")
    _, asked = Browser(str(deployed.authority)).sign_in(login(deployed, site).address, cleo, PROGRAM)
    assert asked == ["password"]


def test_a_realm_that_verifies_without_a_mail_server_would_lock_them_out(
    deployed: Shell, site: Site, people: list[str]
) -> None:
    dara = made(deployed, site, people, "dara", "operators")
    with (
        by_hand(deployed, site, {"verifyEmail": True}),
        pytest.raises(StoppedError) as stopped,
    ):
        Browser(str(deployed.authority)).sign_in(login(deployed, site).address, dara, PROGRAM)
    assert stopped.value.page.status == 500


@pytest.mark.parametrize("client", ["admin-cli", "account", "mqtt-people"])
def test_no_client_gets_a_token_for_a_password(
    deployed: Shell, site: Site, people: list[str], client: str
) -> None:
    eli = made(deployed, site, people, "eli", "operators", verified=True)
    form = {"grant_type": "password", "client_id": client, "username": eli.name, "password": eli.password}

    def answer() -> servers.Reply:
        endpoint = servers.Client(servers.endpoint(deployed, site.name), str(deployed.authority))
        return endpoint.ask("POST", "/token", form=form)

    assert answer().status >= 400
    if client == "admin-cli":
        with by_hand(deployed, site, {"directGrantFlow": "direct grant"}):
            assert "access_token" in answer().json


def test_no_session_outlives_the_realms_by_an_offline_token(
    deployed: Shell, site: Site, people: list[str]
) -> None:
    finn = made(deployed, site, people, "finn", "operators")
    browser = Browser(str(deployed.authority))
    page = browser.ask("GET", login(deployed, site, scope="openid offline_access").address)
    assert page.location is not None
    assert "error=invalid_scope" in page.location
    admin = servers.keycloak(deployed)
    (user,) = admin.get(f"/{site.name}/users?exact=true&username={finn.name}")
    roles = admin.get(f"/{site.name}/users/{user['id']}/role-mappings/realm/composite")
    names = {role["name"] for role in roles}
    assert names == {f"default-roles-{site.name}", "broker-viewer"}


@pytest.mark.parametrize(
    ("password", "taken"),
    [
        ("aaaaaaaaaaaaaa", False),
        ("ababababababab", False),
        ("abcabcabcabcabc", False),
        ("abcdeabcdeabcde", False),
        ("Short-one-1", False),
        ("gale-is-my-name-7", False),
        ("wells and pumps", True),
        (servers.PASSWORD, True),
    ],
)
def test_a_password_has_enough_different_characters(
    deployed: Shell, site: Site, people: list[str], password: str, taken: bool
) -> None:
    made(deployed, site, people, "gale", "operators")
    admin = servers.keycloak(deployed)
    (user,) = admin.get(f"/{site.name}/users?exact=true&username=gale")
    chosen = {"type": "password", "value": password, "temporary": False}
    path = f"/{site.name}/users/{user['id']}/reset-password"
    # The last ones are not taken again: this one is the present password.
    expected = 400 if password == servers.PASSWORD or not taken else 204
    assert admin.ask("PUT", path, chosen).status == expected
    if not taken and len(password) >= site.identity.passwords.length and "gale" not in password:
        # What the realm asked for before takes it.
        former = "length(14) and notUsername(undefined) and notEmail(undefined)"
        with by_hand(deployed, site, {"passwordPolicy": former}):
            assert admin.ask("PUT", path, chosen).status == 204


def test_people_get_a_token_for_the_websocket_listener_by_a_public_client(
    deployed: Shell, site: Site, front: Front, people: list[str]
) -> None:
    hana = made(deployed, site, people, "hana", "operators")
    found = servers.sign_in_as(deployed, site.name, site.identity.people.client_id, None, PROGRAM, hana)
    claims = servers.claims(found["access_token"])
    assert (claims["aud"], claims["preferred_username"]) == ("mqtt", "hana")
    # A token that renews itself has no place in a program without a secret.
    assert "refresh_token" not in found
    with front.person("hana", found["access_token"]) as session:
        assert session.subscribe(f"{site.name}/#") == "Granted QoS 1"


def test_the_public_client_asks_for_pkce_and_returns_to_its_own_addresses_alone(
    deployed: Shell, site: Site
) -> None:
    browser = Browser(str(deployed.authority))
    bare = re.sub(r"&code_challenge[^&]*", "", login(deployed, site).address)
    page = browser.ask("GET", bare)
    assert "Missing+parameter" in (page.location or "")
    for elsewhere in ("https://hmi.field.example/callback", "http://127.0.0.1:49152/other"):
        page = browser.ask("GET", login(deployed, site, redirect=elsewhere).address)
        assert (page.status, page.location) == (400, None)


@pytest.fixture
def mail(deployed: Shell, site: Site, estate: Estate, stacks: Path) -> Iterator[MailServer]:
    """A mail server over TLS that the site's file names; its password is in Keycloak's own vault alone."""
    pair = Authority(estate.state / "tls", "").server("mail")
    secret = estate.state / "keycloak" / "vault" / f"{site.name}_smtp"
    secret.write_text(MAIL_LOGIN[1])
    file = stacks / "sites" / f"{site.name}.yaml"
    kept = file.read_text()
    with mail_server(pair, MAIL_LOGIN) as running:
        block = (
            "  mail:\n    host: localhost\n"
            f"    port: {running.port}\n    encryption: starttls\n    sender: iot@field.example\n"
            f"    login: {{user: {MAIL_LOGIN[0]}, secret: smtp}}\n"
        )
        file.write_text(kept.replace("identity:\n", f"identity:\n{block}", 1))
        try:
            deployed.up(site.name)
            yield running
        finally:
            file.write_text(kept)
            deployed.up(site.name)
            secret.unlink()


def test_a_site_with_a_mail_server_verifies_addresses_by_it(
    deployed: Shell, site: Site, people: list[str], mail: MailServer
) -> None:
    realm = servers.keycloak(deployed).get(f"/{site.name}")
    assert realm["verifyEmail"] is True
    assert realm["smtpServer"]["password"] == "${vault.smtp}"
    assert MAIL_LOGIN[1] not in deployed.pulumi("stack", "export", "--show-secrets", "--stack", site.name).out
    # The realm was written, without a look at it before: its flows are bound nevertheless.
    assert (realm["browserFlow"], realm["directGrantFlow"]) == (BROWSER_FLOW, NO_PASSWORD_GRANT)
    ines = made(deployed, site, people, "ines", "operators")
    browser = Browser(str(deployed.authority))
    with pytest.raises(StoppedError, match="verify your email address"):
        browser.sign_in(login(deployed, site).address, ines, PROGRAM)
    assert (mail.commands, mail.refused) == (["EHLO", "STARTTLS"], [])
    message = mail.next()
    assert message["From"] == f"{site.title} <iot@field.example>" or "iot@field.example" in message["From"]
    body = message.get_body(("plain",))
    assert body is not None
    link = re.search(r"https://\S+", body.get_content())
    assert link is not None
    page, asked = browser.sign_in(link[0], ines, PROGRAM)
    assert "code=" in (page.location or "")
    assert asked == []
    assert deployed.preview(site.name) == []
