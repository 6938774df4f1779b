"""Real MQTT sessions at the site's door: certificates out of Vault, tokens of Keycloak, decisions of the policy server.

The door is the lab's broker, told by the site's own EMQX configuration whom to ask and what for.
"""

import base64
import datetime
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from components import names
from lab.certificates import Authority, KeyPair
from lab.mqtt import Door, running
from lab.progress import Silent
from lab.tools import ensure
from lab.waiting import wait_until
from model import Site
from model.contracts import EdgeFlow, OtMirror, read_contracts
from model.contracts.keeping import may
from tests.support import servers
from tests.support.front import Front, opened
from tests.support.incumbent import Incumbent
from tests.support.mqtt import Certificate, Refused
from tests.support.shell import Shell
from tests.support.variants import STACKS


@pytest.fixture(scope="module")
def token(deployed: Shell, site: Site) -> Iterator[str]:
    """The access token of a person who signed in, `operator-1`."""
    with servers.signed_in(deployed, site, "operator-1") as access:
        yield access


def test_a_device_publishes_under_its_own_name_and_a_service_reads_it(front: Front, site: Site) -> None:
    pump = f"pump-2.{names.client_domain(site, 'device')}"
    with (
        front.device(front.enrolled("service", "historian"), "historian") as historian,
        front.device(front.enrolled("device", "pump-2")) as device,
    ):
        assert historian.subscribe(f"{site.name}/#") == "Granted QoS 1"
        assert device.publish(f"{site.name}/{pump}/flow", "4.2") == "Success"
        assert historian.next() == (f"{site.name}/{pump}/flow", "4.2")


def test_a_device_takes_its_own_commands(front: Front, site: Site) -> None:
    pump = f"pump-3.{names.client_domain(site, 'device')}"
    with front.device(front.enrolled("device", "pump-3")) as device:
        assert device.subscribe(f"{site.name}/{pump}/command/#") == "Granted QoS 1"


def test_an_edge_gateway_speaks_sparkplug(front: Front, site: Site) -> None:
    node = f"gw-1.{names.client_domain(site, 'gateway')}"
    with front.device(front.enrolled("gateway", "gw-1"), "gw-1") as gateway:
        assert gateway.publish(f"spBv1.0/{site.name}/NBIRTH/{node}", "birth") == "Success"


def test_the_ot_mirror_publishes_under_ot(front: Front, site: Site) -> None:
    with front.device(front.enrolled("mirror", "plant"), "mirror") as mirror:
        assert mirror.publish(f"ot/{site.name}/separator/pressure", "41.5") == "Success"


@pytest.mark.parametrize(
    ("name", "client"), [("ot-mirror", "mirror"), ("edge-flow", "gateway"), ("edge-flow", "device")]
)
def test_a_neighbour_does_what_its_contract_says(name: str, client: str, front: Front, site: Site) -> None:
    """The other end of each contract, with its own certificate; a service reads what it sends."""
    contract = read_contracts(STACKS)[name].value
    assert isinstance(contract, OtMirror | EdgeFlow)
    own = f"end-1.{names.client_domain(site, client)}"
    done = set()
    with (
        front.device(front.enrolled("service", "reader"), f"reader-{client}") as reader,
        front.device(front.enrolled(client, "end-1"), f"end-{client}") as neighbour,
    ):
        for space in (f"{site.name}/#", f"spBv1.0/{site.name}/#", f"ot/{site.name}/#"):
            assert reader.subscribe(space) == "Granted QoS 1"
        for message in (found for found in contract.messages if may(site, client, found)):
            done.add(message.name)
            topic = message.example.topic.replace("{site}", site.name).replace("{name}", own)
            if message.direction == "subscribe":
                assert neighbour.subscribe(topic) == "Granted QoS 1", message.name
                continue
            sent = (message.example.text or "").encode() or base64.b64decode(message.example.base64 or "")
            # Always with an acknowledgement, which is how the broker says that it took the message.
            assert neighbour.publish(topic, sent) == "Success", message.name
            received = reader.received.get(timeout=10)
            assert (received.topic, received.payload) == (topic, sent)
    others = {message.name for message in contract.messages if not may(site, client, message)}
    assert done
    # What a gateway does not do a device does, and the other way round; the mirror does everything.
    assert (
        not others
        if client == "mirror"
        else all(
            may(site, {"gateway": "device", "device": "gateway"}[client], message)
            for message in contract.messages
            if message.name in others
        )
    )


@pytest.fixture(scope="module")
def probe(
    front: Front, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[int, str]]:
    """Run the readiness probe as its Job does, with the certificates that cert-manager would have asked for."""
    folder = tmp_path_factory.mktemp("probe")
    (job,) = front.shell.all("job", site.namespace)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    own, _ = front.issued("probe", names.probe_name(site), "1h")
    foreign = Authority(folder, "Somebody else")
    foreign.ensure()
    strange = foreign.client("stranger", names.probe_name(site))
    mounted = {"identity": (own.chain, own.key), "stranger": (strange.certificate, strange.key)}
    for name, (chain, key) in mounted.items():
        (folder / name).mkdir()
        (folder / name / "tls.crt").write_bytes(chain.read_bytes())
        (folder / name / "tls.key").write_bytes(key.read_bytes())
    (folder / "trust").mkdir()
    (folder / "trust" / names.TRUST_SITE).write_bytes(front.trust.read_bytes())
    (folder / "program").mkdir()
    program = front.shell.get("configmap", names.BROKER_PROBE, site.namespace)["data"]
    for name, text in program.items():
        (folder / "program" / name).write_text(text)
    _, script, *arguments = [part.replace("/probe/", f"{folder}/") for part in container["command"]]

    def run(**changed: str) -> tuple[int, str]:
        told = dict(argument.removeprefix("--").split("=", 1) for argument in arguments)
        told |= {
            "address": f"127.0.0.1:{front.ports['mqtts']}",
            "token-address": f"127.0.0.1:{front.ports['wss']}",
            "server-name": site.mqtt_host,
            "pause": "0.2",
        }
        told |= {
            name.replace("_", "-"): value.replace("{folder}", str(folder)) for name, value in changed.items()
        }
        line = [sys.executable, script, *(f"--{name}={value}" for name, value in told.items())]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout.strip().splitlines()[-1]

    return run


def test_the_readiness_probe_finds_the_door_ready(probe: Callable[..., tuple[int, str]]) -> None:
    code, said = probe()
    assert code == 0, said
    assert "the site's own identity comes in and reads, and nobody else does" in said


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"identity": "{folder}/stranger"}, "the test identity is not let in"),
        ({"may_read": "another-site/readiness"}, "the test identity may not read another-site/readiness"),
        ({"server_name": "mqtt.elsewhere.example"}, "the broker's own certificate is not believed"),
        ({"address": "127.0.0.1:1"}, "nobody answers at 127.0.0.1:1"),
        ({"token_address": "127.0.0.1:1"}, "nobody answers at 127.0.0.1:1"),
    ],
)
def test_the_readiness_probe_names_what_is_missing(
    changed: dict[str, str], missing: str, probe: Callable[..., tuple[int, str]]
) -> None:
    code, said = probe(within="1", **changed)
    assert code == 1
    assert said.startswith(f"not ready within 1 s: {missing}")


def test_the_readiness_probe_comes_with_a_right_token_where_it_has_one(
    probe: Callable[..., tuple[int, str]], token: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(token)
    code, said = probe(token_user="operator-1", token_file=str(file))
    assert code == 0, said
    code, said = probe(token_user="operator-2", token_file=str(file), within="1")
    assert code == 1
    assert said.startswith("not ready within 1 s: the token of operator-2 is not taken")


def test_the_readiness_probe_does_not_wait_where_a_wrong_token_comes_in(
    probe: Callable[..., tuple[int, str]], front: Front
) -> None:
    pair, _ = front.issued("server", front.site.mqtt_host, "1h")
    open_door = Door(KeyPair(pair.chain, pair.key), authenticates=False, web_socket=True)
    program = ensure({"mqtt"}, Silent())["mqtt"] / "mqtt"
    folder = Path(tempfile.mkdtemp(dir=front.folder))
    with running(program, folder, {"wss": open_door}, {}) as ports:
        code, said = probe(token_address=f"127.0.0.1:{ports['wss']}")
    assert code == 1
    assert said == "unsafe: the broker lets in a client with a wrong token"


def test_the_readiness_probe_does_not_wait_where_a_stranger_comes_in(
    probe: Callable[..., tuple[int, str]],
) -> None:
    code, said = probe(stranger="{folder}/identity")
    assert code == 1
    assert said == "unsafe: the broker lets in a certificate of an authority that is not the site's"


def test_without_a_certificate_nobody_comes_in(front: Front) -> None:
    with pytest.raises(Refused), front.device(None):
        pass


def test_an_expired_certificate_is_refused(front: Front) -> None:
    certificate = front.enrolled("device", "pump-old", ttl="2s")
    with front.device(certificate):
        pass
    wait_until(lambda: has_expired(certificate), 30, "the certificate expires")
    with pytest.raises(Refused), front.device(certificate):
        pass


def has_expired(certificate: Certificate) -> bool:
    from cryptography import x509

    end = x509.load_pem_x509_certificate(certificate.chain.read_bytes()).not_valid_after_utc
    return datetime.datetime.now(datetime.UTC) > end + datetime.timedelta(seconds=1)


def test_a_revoked_certificate_is_refused(front: Front, site: Site) -> None:
    assert site.broker.revocation == "crl"
    with pytest.raises(Refused), front.device(front.revoke("device", "pump-lost")):
        pass


@pytest.mark.parametrize("revocation", ["none", "ocsp"])
def test_a_revoked_certificate_comes_in_where_the_site_does_not_ask(
    front: Front, site: Site, revocation: str
) -> None:
    """The control: it is the site's own choice that refuses it; stapling is about the broker's certificate."""
    certificate = front.revoke("device", f"pump-lost-{revocation}")
    broker = site.broker.model_copy(update={"revocation": revocation})
    with opened(front, site.model_copy(update={"broker": broker})) as ports:
        careless = replace(front, ports=ports)
        with careless.device(certificate) as device:
            own = f"pump-lost-{revocation}.{names.client_domain(site, 'device')}"
            assert device.publish(f"{site.name}/{own}/flow", "4.2") == "Success"


def test_a_certificate_of_another_authority_is_refused(front: Front, site: Site, tmp_path: Path) -> None:
    foreign = Authority(tmp_path, "Somebody else")
    foreign.ensure()
    pair = foreign.client("pump", f"pump-2.{names.client_domain(site, 'device')}")
    with pytest.raises(Refused), front.device(Certificate(pair.certificate, pair.key)):
        pass


@pytest.mark.parametrize(
    "topic",
    ["{site}/pump-9.devices.{domain}/flow", "{site}", "elsewhere/{own}/flow", "spBv1.0/{site}/NDATA/{own}"],
)
def test_a_device_that_publishes_elsewhere_is_denied_and_cut_off(
    front: Front, site: Site, topic: str
) -> None:
    own = f"pump-4.{names.client_domain(site, 'device')}"
    filled = topic.format(site=site.name, domain=site.domain, own=own)
    with front.device(front.enrolled("device", "pump-4")) as device:
        assert device.publish(filled, "4.2") == "Not authorized"
        assert device.end() == "Not authorized"


@pytest.mark.parametrize("kind", ["device", "gateway", "service"])
def test_nobody_but_the_mirror_publishes_under_ot(front: Front, site: Site, kind: str) -> None:
    with front.device(front.enrolled(kind, "intruder"), f"intruder-{kind}") as client:
        assert client.publish(f"ot/{site.name}/separator/pressure", "0") == "Not authorized"
        assert client.end() == "Not authorized"


def test_the_mirror_reads_nothing(front: Front, site: Site) -> None:
    with front.device(front.enrolled("mirror", "plant"), "mirror") as mirror:
        assert mirror.subscribe(f"{site.name}/#") == "Not authorized"
        assert mirror.end() == "Not authorized"


def test_a_device_that_calls_itself_another_is_still_itself(front: Front, site: Site) -> None:
    domain = names.client_domain(site, "device")
    other = f"pump-6.{domain}"
    certificate = front.enrolled("device", "pump-5")
    with front.device(certificate, login=(other, "anything")) as device:
        assert device.publish(f"{site.name}/pump-5.{domain}/flow", "4.2") == "Success"
        assert device.publish(f"{site.name}/{other}/flow", "4.2") == "Not authorized"


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


def test_a_person_without_a_role_that_reads_is_not_let_in(deployed: Shell, front: Front, site: Site) -> None:
    with servers.signed_in(deployed, site, "auditor-1", "auditors") as access:
        assert "aud" not in servers.claims(access)
        with pytest.raises(Refused, match="Bad user name or password"), front.person("auditor-1", access):
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


def test_the_host_that_the_site_names_speaks_to_gateways(front: Front, site: Site) -> None:
    node = f"gw-2.{names.client_domain(site, 'gateway')}"
    with (
        front.device(front.enrolled("gateway", "gw-2")) as gateway,
        front.device(front.enrolled("service", "scada-karnes")) as host,
    ):
        for space in ("spBv1.0/STATE/#", f"spBv1.0/{site.name}/NCMD/{node}"):
            assert gateway.subscribe(space) == "Granted QoS 1"
        assert host.publish("spBv1.0/STATE/karnes", "online") == "Success"
        assert host.publish(f"spBv1.0/{site.name}/NCMD/{node}", "rebirth") == "Success"
        assert gateway.next() == ("spBv1.0/STATE/karnes", "online")
        assert gateway.next() == (f"spBv1.0/{site.name}/NCMD/{node}", "rebirth")
        # More than the site's file says, even of the host.
        assert host.publish(f"spBv1.0/{site.name}/DCMD/{node}/pump", "stop") == "Not authorized"


@pytest.mark.parametrize(
    "topic", ["spBv1.0/STATE/karnes", "spBv1.0/{site}/NCMD/gw-2", "{site}/pump-2/command/stop"]
)
@pytest.mark.parametrize("kind", ["service", "gateway", "device"])
def test_nobody_else_speaks_to_devices(front: Front, site: Site, kind: str, topic: str) -> None:
    with front.device(front.enrolled(kind, "not-the-host")) as client:
        assert client.publish(topic.format(site=site.name), "0") == "Not authorized"


def test_a_device_does_not_take_over_the_session_of_another(front: Front, site: Site) -> None:
    own = f"pump-11.{names.client_domain(site, 'device')}"
    with (
        front.device(front.enrolled("device", "pump-11"), own) as device,
        front.device(front.enrolled("device", "pump-12"), own) as other,
    ):
        assert other.subscribe(f"{site.name}/pump-12.{names.client_domain(site, 'device')}/command/#") == (
            "Granted QoS 1"
        )
        assert device.publish(f"{site.name}/{own}/flow", "4.2") == "Success"
        assert device.ended.empty()


def test_a_device_is_itself_by_whatever_client_id_it_comes(front: Front, site: Site) -> None:
    own = f"pump-13.{names.client_domain(site, 'device')}"
    certificate = front.enrolled("device", "pump-13")
    with front.device(certificate, "one") as first, front.device(certificate, "incumbent_in_1") as second:
        # One certificate has one session: the second is the first, come again.
        assert first.end() == "Session taken over"
        assert second.publish(f"{site.name}/{own}/flow", "4.2") == "Success"


def test_a_person_does_not_take_over_the_session_of_a_device(front: Front, site: Site, token: str) -> None:
    own = f"pump-14.{names.client_domain(site, 'device')}"
    with (
        front.device(front.enrolled("device", "pump-14")) as device,
        front.person("operator-1", token, own) as person,
    ):
        assert person.subscribe(f"{site.name}/#") == "Granted QoS 1"
        assert device.publish(f"{site.name}/{own}/flow", "4.2") == "Success"


def test_a_token_under_another_name_is_refused(front: Front, token: str) -> None:
    with pytest.raises(Refused, match="Bad user name or password"), front.person("operator-2", token):
        pass


def test_a_token_whose_signature_is_not_the_realms_is_refused(front: Front, token: str) -> None:
    head, claims, signature = token.split(".")
    forged = ".".join([head, claims, signature[:-8] + signature[-8:].swapcase()])
    with pytest.raises(Refused, match="Bad user name or password"), front.person("operator-1", forged):
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
        with pytest.raises(Refused, match="Bad user name or password"), front.person(name, access):
            pass
    finally:
        assert admin.ask("DELETE", f"/{site.name}/clients/{identity}").status == 204


def test_the_incumbent_shares_a_subscription_so_that_each_message_comes_once(incumbent: Incumbent) -> None:
    with incumbent.client("one") as one, incumbent.client("two") as two, incumbent.client("device") as device:
        for member in (one, two):
            assert member.subscribe("$share/eagle-ford-bridge/Field/#", qos=2) == "Granted QoS 2"
        for number in range(20):
            assert device.publish(f"Field/pump-{number}/flow", str(number)) == "Success"
        wait_until(lambda: one.received.qsize() + two.received.qsize() >= 20, 10, "all messages come")
        came = sorted(int(member.next()[1]) for member in (one, two) for _ in range(member.received.qsize()))
        assert came == list(range(20))


def test_the_incumbent_refuses_a_wrong_password(incumbent: Incumbent) -> None:
    with pytest.raises(Refused, match="Bad user name or password"), incumbent.client("x", password="wrong"):
        pass
