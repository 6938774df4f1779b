"""What Eclipse Tahu's edge nodes and hosts do in a session, over real ones: each sequence goes through to its end.

The filters are those of Tahu's examples in C, Python, JavaScript and Java; all of them speak MQTT 3.1.1.
"""

from collections.abc import Iterator

import pytest

from model import Site, load_site
from tests.support.broker_bench import Bench, Broker, bench
from tests.support.mqtt import Certificate
from tests.support.variants import STACKS
from tests.support.wire import CLOSED, Wire

SITE = load_site(STACKS, "eagle-ford")
EDGE = f"pad12-gw.gateways.{SITE.domain}"
SPACE = f"spBv1.0/{SITE.name}"
# In the order in which each subscribes; every tuple is one SUBSCRIBE.
EDGES = {
    "c": ((f"{SPACE}/NCMD/{EDGE}/#",), (f"{SPACE}/DCMD/{EDGE}/#",)),
    "python": ((f"{SPACE}/NCMD/{EDGE}/#",), (f"{SPACE}/DCMD/{EDGE}/#",)),
    "javascript": ((f"{SPACE}/NCMD/{EDGE}/#",), (f"{SPACE}/DCMD/{EDGE}/#",), ("spBv1.0/STATE/karnes",)),
    "java": (
        ("spBv1.0/STATE/karnes", f"{SPACE}/NDEATH/{EDGE}"),
        (f"{SPACE}/NCMD/{EDGE}/#", f"{SPACE}/DCMD/{EDGE}/#"),
        ("spBv1.0/karnes",),
    ),
    "java, Sparkplug 2.2": (("STATE/karnes",), (f"{SPACE}/NCMD/{EDGE}/#", f"{SPACE}/NDEATH/{EDGE}")),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(SITE, tmp_path_factory.mktemp("bench")) as made:
        yield made


@pytest.fixture(scope="module")
def broker(table: Bench) -> Iterator[Broker]:
    with table.broker() as running:
        yield running


def speaking(*versions: str) -> Site:
    """The site, whose host says by these versions of Sparkplug that it is there."""
    (host,) = SITE.policy.hosts
    hosts = (host.model_copy(update={"sparkplug": versions}),)
    return SITE.model_copy(update={"policy": SITE.policy.model_copy(update={"hosts": hosts})})


def edge(table: Bench) -> Certificate:
    return table.certificate("gateway", "pad12-gw")


def host(table: Bench) -> Certificate:
    return table.certificate("service", "scada-karnes")


def is_there(client: Wire, state: str) -> None:
    """Come as a host does: will, own state heard, said that it is there, all of Sparkplug heard."""
    assert client.connect("host", will=(state, "offline")) == "CONNACK 00"
    assert client.subscribe(state) == "SUBACK 01"
    assert client.publish(state, b"online").startswith("PUBACK")
    assert client.messages(b"online") == [(state, b"online")]
    assert client.subscribe("spBv1.0/#") == "SUBACK 01"


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("kind", EDGES)
def test_an_edge_node_of_tahu_goes_through_its_sequence(
    table: Bench, broker: Broker, kind: str, version: int
) -> None:
    with broker.wire(version, host(table)) as primary:
        is_there(primary, "spBv1.0/STATE/karnes")
        with broker.wire(version, edge(table)) as node:
            assert node.connect(EDGE, will=(f"{SPACE}/NDEATH/{EDGE}", "death")) == "CONNACK 00"
            for filters in EDGES[kind]:
                assert node.subscribe(*filters) == " ".join(["SUBACK", *("01" for _ in filters)])
            for what in ("NBIRTH", "NDATA"):
                assert node.publish(f"{SPACE}/{what}/{EDGE}", what.encode()).startswith("PUBACK")
            for what in ("DBIRTH", "DDATA"):
                assert node.publish(f"{SPACE}/{what}/{EDGE}/pump", what.encode()).startswith("PUBACK")
            seen = [payload for _, payload in primary.messages(b"DDATA")]
            assert seen == [b"NBIRTH", b"NDATA", b"DBIRTH", b"DDATA"]
            # The host asks it to be born again, which is what `NCMD/<edge node>/#` is for.
            assert primary.publish(f"{SPACE}/NCMD/{EDGE}", b"rebirth").startswith("PUBACK")
            assert (f"{SPACE}/NCMD/{EDGE}", b"rebirth") in node.messages(b"rebirth")
        # Its connection fails: its death is the broker's to tell.
        assert primary.messages(b"death")[-1] == (f"{SPACE}/NDEATH/{EDGE}", b"death")


def test_with_the_permissions_as_they_were_an_edge_node_is_cut_off(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The control."""
    before = (f"{SPACE}/NCMD/{{name}}", f"{SPACE}/DCMD/{{name}}/#", "spBv1.0/STATE/#")
    rules = tuple(
        rule.model_copy(update={"topics": before}) if rule.name == "gateways-take-commands" else rule
        for rule in SITE.policy.rules
    )
    site = SITE.model_copy(update={"policy": SITE.policy.model_copy(update={"rules": rules})})
    with bench(site, tmp_path_factory.mktemp("before")) as strict, strict.broker() as broker:
        for filters in ((f"{SPACE}/NCMD/{EDGE}/#",), (f"{SPACE}/NDEATH/{EDGE}",), ("spBv1.0/karnes",)):
            with broker.wire(4, edge(strict)) as node:
                assert node.connect() == "CONNACK 00"
                assert node.subscribe(*filters) == CLOSED


@pytest.mark.parametrize(
    ("versions", "states"),
    [
        (("v3.0",), {"spBv1.0/STATE/karnes"}),
        (("v2.2",), {"STATE/karnes"}),
        (("v2.2", "v3.0"), {"STATE/karnes", "spBv1.0/STATE/karnes"}),
    ],
)
def test_a_host_says_that_it_is_there_by_the_sparkplug_that_it_speaks(
    versions: tuple[str, ...], states: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with bench(speaking(*versions), tmp_path_factory.mktemp("host")) as made, made.broker() as broker:
        for state in ("STATE/karnes", "spBv1.0/STATE/karnes"):
            with broker.wire(4, edge(made)) as node, broker.wire(4, host(made)) as primary:
                assert node.connect() == "CONNACK 00"
                assert node.subscribe(state) == "SUBACK 01"
                if state in states:
                    is_there(primary, state)
                    assert node.messages(b"online") == [(state, b"online")]
                else:
                    assert primary.connect() == "CONNACK 00"
                    assert primary.publish(state, b"online") == CLOSED


@pytest.mark.parametrize("who", ["historian", "scada-elsewhere"])
def test_who_is_no_named_host_hears_no_state_and_not_all_of_sparkplug(
    table: Bench, broker: Broker, who: str
) -> None:
    for pattern in ("spBv1.0/STATE/karnes", "spBv1.0/#"):
        with broker.wire(4, table.certificate("service", who)) as other:
            assert other.connect() == "CONNACK 00"
            assert other.subscribe(pattern) == CLOSED


def test_where_sessions_are_kept_a_wrong_filter_costs_no_session(table: Bench) -> None:
    """What a site chooses whose edge nodes ask for what they may not, with `deny_action: ignore`."""
    protection = SITE.broker.protection.model_copy(update={"deny_action": "ignore"})
    patient = SITE.model_copy(update={"broker": SITE.broker.model_copy(update={"protection": protection})})
    with table.broker(patient) as broker, broker.wire(4, edge(table)) as node:
        assert node.connect() == "CONNACK 00"
        assert node.subscribe(f"{SPACE}/NCMD/{EDGE}/#", "spBv1.0/#", "STATE/#") == "SUBACK 01 80 80"
        assert node.publish(f"{SPACE}/NBIRTH/{EDGE}").startswith("PUBACK")
