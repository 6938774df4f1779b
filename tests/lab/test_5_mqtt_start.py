"""Who comes in while a broker starts, before it looks at tokens: whoever likes, and they may do nothing.

A real EMQX opens its listeners some seconds before its authentication is loaded; the lab's broker does so here.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.broker_probe import PROGRAM
from components.opa_policies import policy_files
from lab.certificates import Authority
from model import load_site
from tests.support.broker_bench import Bench, Broker, bench
from tests.support.mqtt import Certificate, Refused
from tests.support.variants import STACKS
from tests.support.wire import CLOSED

SITE = load_site(STACKS, "eagle-ford")
GATEWAY = f"runge-satellite.gateways.{SITE.domain}"
ITS_TOPIC = f"{SITE.name}/separator-runge/pressure"
STRANGER = (GATEWAY, "anything")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(SITE, tmp_path_factory.mktemp("bench")) as made:
        yield made


def by_name_alone() -> dict[str, str]:
    """The policy as it was: a listed gateway without a certificate is known by its name, anybody else is a person."""
    policies = policy_files()
    text = policies["decision.rego"]
    for demand in (
        "	input.realm == site.realm\n	input.holder in identities.holders\n",
        "	input.holder == identities.gateway\n",
        "	input.holder == identities.person\n",
    ):
        assert demand in text
        text = text.replace(demand, "	not site.gateways[input.username]\n" if "person" in demand else "")
    return {**policies, "decision.rego": text}


def test_a_stranger_comes_in_before_tokens_are_looked_at_and_may_do_nothing(
    table: Bench, tmp_path: Path
) -> None:
    loaded = tmp_path / "authentication-is-loaded"
    with table.broker(loaded_by=loaded) as broker:
        for doing in ("publish", "subscribe"):
            with broker.wire() as stranger:
                assert stranger.connect(login=STRANGER) == "CONNACK 00"
                what = stranger.publish if doing == "publish" else stranger.subscribe
                what(ITS_TOPIC, awaited=False)
                assert stranger.words() == ["DISCONNECT 87", CLOSED]
        # Nor does the session that came in gain anything later.
        with broker.wire() as stranger, broker.wire() as late:
            assert stranger.connect(login=STRANGER) == "CONNACK 00"
            loaded.touch()
            assert late.connect("late", login=STRANGER) == "CONNACK 87"
            stranger.publish(ITS_TOPIC, awaited=False)
            assert stranger.words() == ["DISCONNECT 87", CLOSED]
        with broker.wire() as gateway:
            token = table.realm.token(GATEWAY, "gateway")
            assert gateway.connect(login=(GATEWAY, token)) == "CONNACK 00"
            assert gateway.publish(ITS_TOPIC).startswith("PUBACK")
            assert gateway.subscribe(f"{SITE.name}/separator-runge/#") == "SUBACK 01"


def test_without_the_demand_a_stranger_reads_and_publishes_as_the_gateway(tmp_path: Path) -> None:
    """The control: what was seen at a real node with the policy as it was."""
    with (
        bench(SITE, tmp_path, by_name_alone()) as careless,
        careless.broker(loaded_by=tmp_path / "never") as broker,
        broker.wire() as stranger,
    ):
        assert stranger.connect(login=STRANGER) == "CONNACK 00"
        assert stranger.subscribe(f"{SITE.name}/separator-runge/#") == "SUBACK 01"
        assert stranger.publish(ITS_TOPIC, b"false").startswith("PUBACK")
        assert stranger.messages(b"false") == [(ITS_TOPIC, b"false")]


def test_a_browser_that_comes_in_early_reads_nothing(table: Bench, tmp_path: Path) -> None:
    with (
        table.broker(loaded_by=tmp_path / "never") as broker,
        broker.session("browser", login=("operator-1", "anything")) as stranger,
    ):
        stranger.client.subscribe(f"{SITE.name}/#")
        assert stranger.end() == "Not authorized"


def test_a_person_who_is_named_like_a_gateway_does_not_take_over_its_session(table: Bench) -> None:
    with table.broker() as broker, broker.wire() as gateway:
        mine, theirs = table.realm.token(GATEWAY, "gateway"), table.realm.token(GATEWAY, "person")
        assert gateway.connect("edge", login=(GATEWAY, mine)) == "CONNACK 00"
        with broker.wire() as person:
            assert person.connect("edge", login=(GATEWAY, theirs)) == "CONNACK 87"
        with pytest.raises(Refused, match="Not authorized"), broker.session("edge", login=(GATEWAY, theirs)):
            pass
        assert gateway.publish(ITS_TOPIC).startswith("PUBACK")


def test_without_the_question_before_the_login_it_would(table: Bench) -> None:
    """The control: name, signature and audience are right, and the client id is made of the name."""
    with table.broker(without="Login") as broker, broker.wire() as gateway, broker.wire() as person:
        mine, theirs = table.realm.token(GATEWAY, "gateway"), table.realm.token(GATEWAY, "person")
        assert gateway.connect("edge", login=(GATEWAY, mine)) == "CONNACK 00"
        assert person.connect("edge", login=(GATEWAY, theirs)) == "CONNACK 00"
        assert gateway.words() == ["DISCONNECT 8e", CLOSED]
        # Even so it is a person: it publishes nothing.
        person.publish(ITS_TOPIC, awaited=False)
        assert person.words() == ["DISCONNECT 87", CLOSED]


def test_a_person_and_a_device_with_a_certificate_are_as_they_were(table: Bench) -> None:
    pump = f"pump-1.devices.{SITE.domain}"
    with (
        table.broker() as broker,
        broker.session("browser", login=("operator-1", table.realm.token("operator-1"))) as person,
        broker.session("pump", table.certificate("device", "pump-1")) as device,
    ):
        assert person.subscribe(f"{SITE.name}/#") == "Granted QoS 1"
        assert device.publish(f"{SITE.name}/{pump}/flow", "4.2") == "Success"
        assert person.next() == (f"{SITE.name}/{pump}/flow", "4.2")


def probed(table: Bench, broker: Broker, folder: Path, within: float) -> tuple[int, list[str]]:
    """Run the readiness probe at a broker; return its exit code and what it says."""
    foreign = Authority(folder / "foreign", "Somebody else")
    foreign.ensure()
    strange = foreign.client("stranger", "stranger")
    mounted = {
        "identity": table.certificate("service", "probe"),
        "stranger": Certificate(strange.certificate, strange.key),
    }
    for name, pair in mounted.items():
        (folder / name).mkdir()
        shutil.copy(pair.chain, folder / name / "tls.crt")
        shutil.copy(pair.key, folder / name / "tls.key")
    asked = {
        "address": f"127.0.0.1:{broker.ports['ssl-default']}",
        "token-address": f"127.0.0.1:{broker.ports['wss-default']}",
        "server-name": SITE.mqtt_host,
        "authorities": table.authority.certificate,
        "identity": folder / "identity",
        "stranger": folder / "stranger",
        "may-read": f"{SITE.name}/readiness",
        "may-not-write": f"ot/{SITE.name}/readiness",
        "within": within,
        "pause": 0.2,
    }
    line = [sys.executable, str(PROGRAM), *(f"--{name}={value}" for name, value in asked.items())]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_the_readiness_probe_waits_for_a_broker_that_starts(table: Bench, tmp_path: Path) -> None:
    with table.broker(loaded_by=tmp_path / "never") as broker:
        code, said = probed(table, broker, tmp_path, 1)
    assert code == 1
    missing = "a client with a wrong token is let in, and may do nothing"
    assert said[0].startswith(f"waiting: {missing}")
    assert said[-1].startswith(f"not ready within 1 s: {missing}")


def test_the_readiness_probe_finds_a_broker_that_has_started_ready(table: Bench, tmp_path: Path) -> None:
    with table.broker() as broker:
        code, said = probed(table, broker, tmp_path, 10)
    assert code == 0, said


def test_the_readiness_probe_does_not_wait_where_a_stranger_reads(tmp_path: Path) -> None:
    """The policy as it was lets whoever comes while the broker starts read the site."""
    with (
        bench(SITE, tmp_path, by_name_alone()) as careless,
        careless.broker(loaded_by=tmp_path / "never") as broker,
    ):
        code, said = probed(careless, broker, tmp_path, 10)
    assert code == 1
    assert said == ["unsafe: the broker lets in a client with a wrong token, and lets it read"]
