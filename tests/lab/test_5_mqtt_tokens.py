"""What people and gateways may with tokens of Keycloak at the site's real door, and which tokens it refuses."""

import base64

import pytest

from components import names
from model import Site
from tests.support import servers
from tests.support.front import Front
from tests.support.mqtt import Refused
from tests.support.shell import Shell


def test_a_person_with_a_token_reads_the_site(front: Front, site: Site, token: str) -> None:
    pump = f"pump-10.{names.client_domain(site, 'device')}"
    with (
        front.person("operator-1", token) as person,
        front.device(front.enrolled("device", "pump-10")) as device,
    ):
        assert person.subscribe(f"{site.name}/#") == "Granted QoS 1"
        assert device.publish(f"{site.name}/{pump}/flow", "4.2") == "Success"
        assert person.next() == (f"{site.name}/{pump}/flow", "4.2")


@pytest.mark.parametrize(
    "topic", ["{site}/operator-1/flow", "{site}/pump/command/stop", "spBv1.0/STATE/karnes"]
)
def test_a_person_with_a_token_writes_nothing(front: Front, site: Site, token: str, topic: str) -> None:
    with front.person("operator-1", token) as person:
        assert person.publish(topic.format(site=site.name), "4.2") == "Not authorized"
        assert person.end() == "Not authorized"


def test_a_persons_token_takes_away_every_right_to_write(token: str) -> None:
    said = servers.claims(token)
    assert (said["aud"], said["acl"]) == (
        "mqtt",
        [{"permission": "deny", "action": "publish", "topic": "#"}],
    )


def test_a_token_says_of_which_realm_it_is_and_whom_it_is_for(
    token: str, gateway_token: str, site: Site
) -> None:
    """What the policy server hears of it, once the broker has verified it."""
    assert servers.claims(token)["client_attrs"] == {"realm": site.name, "holder": "person"}
    assert servers.claims(gateway_token)["client_attrs"] == {"realm": site.name, "holder": "gateway"}


def test_a_realm_user_who_is_named_like_the_gateway_does_not_come_in(
    deployed: Shell, front: Front, site: Site, gateway_token: str
) -> None:
    name = names.client_name(site, "gateway", "runge-satellite")
    with servers.signed_in(deployed, site, name) as access, front.gateway(name, gateway_token) as gateway:
        assert servers.claims(access)["preferred_username"] == name
        for come in (front.gateway, front.person):
            with pytest.raises(Refused, match="Not authorized"), come(name, access):
                pass
        # Its session is its own still.
        assert gateway.publish(f"{site.name}/separator-runge/pressure", "12.5") == "Success"


def test_an_edge_node_of_tahu_hears_what_is_its_own(front: Front, site: Site, gateway_token: str) -> None:
    name = names.client_name(site, "gateway", "runge-satellite")
    with front.gateway(name, gateway_token) as gateway:
        for own in (
            f"spBv1.0/{site.name}/NCMD/{name}/#",
            f"spBv1.0/{site.name}/NDEATH/{name}",
            "spBv1.0/karnes",
        ):
            assert gateway.subscribe(own) == "Granted QoS 1"


def test_a_person_without_a_role_that_reads_is_not_let_in(deployed: Shell, front: Front, site: Site) -> None:
    with servers.signed_in(deployed, site, "auditor-1", "auditors") as access:
        assert "aud" not in servers.claims(access)
        with pytest.raises(Refused, match="Not authorized"), front.person("auditor-1", access):
            pass


@pytest.fixture
def gateway_token(deployed: Shell, site: Site) -> str:
    """The token of the gateway that the site lists, by the secret that the stack hands on."""
    login = names.gateway_login("runge-satellite")
    secret = deployed.get("secret", login, site.namespace)["data"]["client-secret"]
    keycloak = servers.Client(deployed.environment["KEYCLOAK_URL"], str(deployed.authority))
    form = {
        "grant_type": "client_credentials",
        "client_id": login,
        "client_secret": base64.b64decode(secret).decode(),
    }
    answer = keycloak.ask("POST", f"/realms/{site.name}/protocol/openid-connect/token", form=form)
    assert answer.status == 200, answer.text
    return str(answer.json["access_token"])


def test_a_gateway_with_a_token_speaks_for_itself_and_its_assets(
    front: Front, site: Site, gateway_token: str
) -> None:
    name = names.client_name(site, "gateway", "runge-satellite")
    said = servers.claims(gateway_token)
    assert (said["aud"], said["preferred_username"]) == ("mqtt", name)
    with front.gateway(name, gateway_token) as gateway:
        assert gateway.publish(f"spBv1.0/{site.name}/NBIRTH/{name}", "birth") == "Success"
        assert gateway.publish(f"{site.name}/separator-runge/pressure", "12.5") == "Success"
        assert gateway.subscribe(f"{site.name}/separator-runge/#") == "Granted QoS 1"
        assert gateway.subscribe(f"spBv1.0/{site.name}/NCMD/{name}") == "Granted QoS 1"


@pytest.mark.parametrize(
    "topic",
    [
        "{site}/pad-kenedy-12/pressure",
        "spBv1.0/{site}/NDATA/another",
        "spBv1.0/{site}/NCMD/{name}",
        "{site}/separator-runge/command/open",
        "ot/{site}/separator/pressure",
    ],
)
def test_a_gateway_with_a_token_is_refused_elsewhere(
    front: Front, site: Site, gateway_token: str, topic: str
) -> None:
    name = names.client_name(site, "gateway", "runge-satellite")
    with front.gateway(name, gateway_token) as gateway:
        assert gateway.publish(topic.format(site=site.name, name=name), "0") == "Not authorized"
        assert gateway.end() == "Not authorized"


def test_a_gateway_with_a_token_does_not_read_the_site(front: Front, site: Site, gateway_token: str) -> None:
    with front.gateway(names.client_name(site, "gateway", "runge-satellite"), gateway_token) as gateway:
        assert gateway.subscribe(f"{site.name}/#") == "Not authorized"


def test_a_token_under_another_name_is_refused(front: Front, token: str) -> None:
    with pytest.raises(Refused, match="Bad user name or password"), front.person("operator-2", token):
        pass


def test_a_token_whose_signature_is_not_the_realms_is_refused(front: Front, token: str) -> None:
    head, claims, signature = token.split(".")
    forged = ".".join([head, claims, signature[:-8] + signature[-8:].swapcase()])
    with pytest.raises(Refused, match="Not authorized"), front.person("operator-1", forged):
        pass


def test_a_token_for_another_audience_is_refused(front: Front, deployed: Shell, site: Site) -> None:
    admin = servers.keycloak(deployed)
    # A service account of a client without the scope that brings the broker's audience.
    client = {
        "clientId": "elsewhere",
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "publicClient": False,
        "defaultClientScopes": ["basic", "profile"],
        "optionalClientScopes": [],
    }
    made = admin.ask("POST", f"/{site.name}/clients", client)
    assert made.status == 201, made.text
    identity = made.headers["Location"].rsplit("/", maxsplit=1)[-1]
    try:
        secret = admin.get(f"/{site.name}/clients/{identity}/client-secret")["value"]
        keycloak = servers.Client(deployed.environment["KEYCLOAK_URL"], str(deployed.authority))
        form = {"grant_type": "client_credentials", "client_id": "elsewhere", "client_secret": secret}
        answer = keycloak.ask("POST", f"/realms/{site.name}/protocol/openid-connect/token", form=form)
        assert answer.status == 200, answer.text
        access = answer.json["access_token"]
        assert servers.claims(access).get("aud") != "mqtt"
        name = "service-account-elsewhere"
        with pytest.raises(Refused, match="Not authorized"), front.person(name, access):
            pass
    finally:
        assert admin.ask("DELETE", f"/{site.name}/clients/{identity}").status == 204
