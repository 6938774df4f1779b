"""The lab's broker answers as a real EMQX 5.8.9 did, packet by packet, in each case where it once did not.

The answers were seen at a running node with this kit's configuration. Where EMQX is too kind the site's policy is not.
"""

from collections.abc import Iterator

import pytest

from model import Site, load_site
from tests.support.broker_bench import Bench, Broker, bench
from tests.support.mqtt import Certificate
from tests.support.variants import STACKS
from tests.support.wire import CLOSED

SITE = load_site(STACKS, "eagle-ford")
PUMP = f"pump-1.devices.{SITE.domain}"
GATEWAY = f"runge-satellite.gateways.{SITE.domain}"
OWN = f"{SITE.name}/{PUMP}/flow"
COMMANDS = f"{SITE.name}/{PUMP}/command/#"
VERSIONS = pytest.mark.parametrize("version", [4, 5])
NOT_AUTHORIZED, INVALID_FILTER, INVALID_TOPIC, TOO_LARGE = "87", "8f", "90", "95"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(SITE, tmp_path_factory.mktemp("bench")) as made:
        yield made


@pytest.fixture(scope="module")
def broker(table: Bench) -> Iterator[Broker]:
    with table.broker() as running:
        yield running


@pytest.fixture(scope="module")
def patient(table: Bench) -> Iterator[Broker]:
    """The same broker where a refusal does not end the session."""
    with table.broker(keeping_sessions(SITE)) as running:
        yield running


def keeping_sessions(site: Site) -> Site:
    protection = site.broker.protection.model_copy(update={"deny_action": "ignore"})
    return site.model_copy(update={"broker": site.broker.model_copy(update={"protection": protection})})


@pytest.fixture(scope="module")
def pump(table: Bench) -> Certificate:
    return table.certificate("device", "pump-1")


@pytest.fixture(scope="module")
def historian(table: Bench) -> Certificate:
    return table.certificate("service", "historian")


def ended(version: int, reason: str) -> list[str]:
    """How a session ends: MQTT 5 has a packet for it, 3.1.1 has none."""
    return [f"DISCONNECT {reason}", CLOSED] if version == 5 else [CLOSED]


@VERSIONS
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_denied_publish_is_not_acknowledged(
    broker: Broker, pump: Certificate, version: int, qos: int
) -> None:
    with broker.wire(version, pump) as client:
        assert client.connect() == "CONNACK 00"
        client.publish(f"{SITE.name}/another/flow", qos=qos, awaited=False)
        assert client.words() == ended(version, NOT_AUTHORIZED)


@VERSIONS
def test_a_subscription_with_one_denied_filter_grants_none(
    broker: Broker, pump: Certificate, version: int
) -> None:
    with broker.wire(version, pump) as client:
        assert client.connect() == "CONNACK 00"
        client.subscribe(COMMANDS, f"{SITE.name}/#", awaited=False)
        assert client.words() == ended(version, NOT_AUTHORIZED)


@VERSIONS
def test_an_allowed_subscription_and_publish_are_acknowledged(
    broker: Broker, pump: Certificate, version: int
) -> None:
    with broker.wire(version, pump) as client:
        assert client.connect() == "CONNACK 00"
        assert client.subscribe(COMMANDS) == "SUBACK 01"
        assert client.publish(OWN) in {"PUBACK", "PUBACK 00"}


@VERSIONS
@pytest.mark.parametrize(
    "topic", [f"{SITE.name}/another/flow", f"ot/{SITE.name}/separator", f"{SITE.name}/#"]
)
def test_a_will_goes_where_its_client_may_publish_and_nowhere_else(
    broker: Broker, table: Bench, pump: Certificate, historian: Certificate, version: int, topic: str
) -> None:
    other = table.certificate("device", "pump-2")
    its_own = f"{SITE.name}/pump-2.devices.{SITE.domain}/flow"
    with broker.wire(5, historian) as reader:
        assert reader.connect() == "CONNACK 00"
        assert reader.subscribe(f"{SITE.name}/#", f"ot/{SITE.name}/#") == "SUBACK 01 01"
        # The foreign one has had its turn when the two that come after it have.
        for certificate, where, what in (
            (pump, topic, "foreign"),
            (pump, OWN, "own"),
            (other, its_own, "last"),
        ):
            with broker.wire(version, certificate) as client:
                assert client.connect(will=(where, what)) == "CONNACK 00"
            if where != topic:
                assert reader.messages(what.encode()) == [(where, what.encode())]


@VERSIONS
def test_a_message_that_is_too_large_ends_the_session(
    broker: Broker, pump: Certificate, version: int
) -> None:
    with broker.wire(version, pump) as client:
        assert client.connect() == "CONNACK 00"
        assert client.publish(OWN, b"x" * 1_000_000).startswith("PUBACK")
        client.publish(OWN, b"x" * 1_100_000, awaited=False)
        assert client.words() == ended(version, TOO_LARGE)


def test_what_is_to_be_held_back_is_acknowledged_and_goes_nowhere(
    broker: Broker, pump: Certificate, historian: Certificate
) -> None:
    with broker.wire(5, historian) as reader, broker.wire(5, pump) as client:
        assert reader.connect() == client.connect() == "CONNACK 00"
        assert reader.subscribe(f"{SITE.name}/#") == "SUBACK 01"
        assert client.publish(f"$delayed/1/{OWN}").startswith("PUBACK")
        assert client.publish(OWN, b"now").startswith("PUBACK")
        assert reader.messages(b"now") == [(OWN, b"now")]


@pytest.mark.parametrize("topic", [f"$delayed/1/{SITE.name}/another/flow", "$delayed/1", "$SYS/x"])
def test_what_is_held_back_or_the_brokers_own_gives_no_right(
    broker: Broker, pump: Certificate, topic: str
) -> None:
    with broker.wire(5, pump) as client:
        assert client.connect() == "CONNACK 00"
        assert client.publish(topic) == "DISCONNECT 87"


def test_a_queue_is_a_shared_subscription(broker: Broker, pump: Certificate, historian: Certificate) -> None:
    with broker.wire(5, historian) as reader, broker.wire(5, pump) as client:
        assert reader.connect() == client.connect() == "CONNACK 00"
        assert reader.subscribe(f"$queue/{SITE.name}/#") == "SUBACK 01"
        assert client.publish(OWN, b"queued").startswith("PUBACK")
        assert reader.messages(b"queued") == [(OWN, b"queued")]
    with broker.wire(5, pump) as client:
        assert client.connect() == "CONNACK 00"
        assert client.subscribe(f"$queue/{SITE.name}/#") == "DISCONNECT 87"


@VERSIONS
@pytest.mark.parametrize(
    "pattern",
    [f"$share/g/$share/h/{SITE.name}/#", f"$share/g/$queue/{SITE.name}/#", "$share/g/", f"{SITE.name}/#/x"],
)
def test_what_is_no_filter_ends_the_session(
    broker: Broker, historian: Certificate, version: int, pattern: str
) -> None:
    with broker.wire(version, historian) as client:
        assert client.connect() == "CONNACK 00"
        client.subscribe(pattern, awaited=False)
        assert client.words() == ended(version, INVALID_FILTER)


@VERSIONS
@pytest.mark.parametrize("topic", [b"\xff\xfe", OWN.encode() + b"\x00", OWN.encode() + b"/+"])
def test_what_is_no_topic_ends_the_session(
    broker: Broker, pump: Certificate, version: int, topic: bytes
) -> None:
    with broker.wire(version, pump) as client:
        assert client.connect() == "CONNACK 00"
        client.publish(topic, awaited=False)
        assert client.words() == ended(version, INVALID_TOPIC)


@pytest.mark.parametrize(
    ("said", "reasons"),
    [
        # Nothing that the broker has an opinion on: not authorized. What it has looked at and refuses: bad password.
        ({}, {4: "05", 5: "87"}),
        ({"password": "no token"}, {4: "05", 5: "87"}),
        ({"signature": "AAAA"}, {4: "05", 5: "87"}),
        ({"exp": 1}, {4: "04", 5: "86"}),
        ({"aud": "elsewhere"}, {4: "04", 5: "86"}),
        ({"aud": ["mqtt"]}, {4: "04", 5: "86"}),
        ({"aud": None}, {4: "04", 5: "86"}),
        ({"preferred_username": "operator-2"}, {4: "04", 5: "86"}),
    ],
)
@VERSIONS
def test_a_token_is_refused_with_the_reason_that_emqx_gives(
    broker: Broker, table: Bench, said: dict[str, str], reasons: dict[int, str], version: int
) -> None:
    changes = {name: value for name, value in said.items() if name not in {"password", "signature"}}
    password = said.get("password", table.realm.token("operator-1", **changes) if said else "")
    if "signature" in said:
        password = password[: -len(said["signature"])] + said["signature"]
    with broker.wire(version) as client:
        assert (
            client.connect(login=("operator-1", password) if said else None) == f"CONNACK {reasons[version]}"
        )


def test_a_token_that_never_ends_is_refused_by_the_policy_alone(table: Bench, broker: Broker) -> None:
    """EMQX takes it; the control is a broker that does not ask the policy server first."""
    endless = ("operator-1", table.realm.token("operator-1", exp=None))
    with broker.wire() as client:
        assert client.connect(login=endless) == "CONNACK 87"
    with table.broker(without="Login") as kind, kind.wire() as client:
        assert client.connect(login=endless) == "CONNACK 00"


@pytest.mark.parametrize("years", [2, 70])
def test_a_token_that_ends_in_years_is_refused(broker: Broker, table: Bench, years: int) -> None:
    late = 1_800_000_000 + years * 31_536_000
    with broker.wire() as client:
        assert client.connect(login=("operator-1", table.realm.token("operator-1", exp=late))) == "CONNACK 87"


@pytest.mark.parametrize(
    ("version", "qos", "answer"),
    [
        (5, 0, "PINGRESP"),
        (5, 1, "PUBACK 87"),
        (5, 2, "PUBREC 87"),
        (4, 0, "PINGRESP"),
        (4, 1, "PUBACK"),
        (4, 2, "PUBREC"),
    ],
)
def test_where_sessions_are_kept_a_denied_publish_is_refused_or_lost(
    patient: Broker, pump: Certificate, historian: Certificate, version: int, qos: int, answer: str
) -> None:
    """MQTT 3.1.1 has no word for it: the message is acknowledged, and nobody gets it."""
    with patient.wire(5, historian) as reader, patient.wire(version, pump) as client:
        assert reader.connect() == client.connect() == "CONNACK 00"
        assert reader.subscribe(f"{SITE.name}/#") == "SUBACK 01"
        assert client.publish(f"{SITE.name}/another/flow", qos=qos) == answer
        assert client.publish(OWN, b"own").startswith("PUBACK")
        assert reader.messages(b"own") == [(OWN, b"own")]


@pytest.mark.parametrize(("version", "refused"), [(4, "80"), (5, "87")])
def test_where_sessions_are_kept_a_denied_filter_is_refused_by_itself(
    patient: Broker, pump: Certificate, version: int, refused: str
) -> None:
    with patient.wire(version, pump) as client:
        assert client.connect() == "CONNACK 00"
        assert client.subscribe(COMMANDS, f"{SITE.name}/#", "spBv1.0/#") == f"SUBACK 01 {refused} {refused}"
        assert client.publish(OWN).startswith("PUBACK")
