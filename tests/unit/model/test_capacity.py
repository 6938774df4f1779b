"""What the broker carries is reckoned with the nodes lost that may be, and grows with what it is made of."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as any_

from model import load_site
from model.broker import Broker
from model.capacity import (
    DoorLimits,
    accepted,
    connections,
    cores_at,
    door_limits,
    headroom,
    messages,
    nodes_left,
)
from model.derived import derived
from model.listeners import ZoneListener
from model.protection import Load
from model.units import Bytes, Duration, Percentage, Rate

STACKS = Path(__file__).parents[3] / "stacks"
SAMPLE = load_site(STACKS, "north-cormorant").broker


@pytest.fixture(scope="module")
def broker() -> Broker:
    """Three nodes of two cores and 4 GiB, and listeners for 20,000 and 500."""
    broker = load_site(STACKS, "eagle-ford").broker
    doors = broker.listeners.model_copy(
        update={
            "mqtts": broker.listeners.mqtts.model_copy(update={"max_connections": 20_000}),
            "wss": broker.listeners.wss.model_copy(update={"max_connections": 500}),
        }
    )
    load = Load(connections=8000, messages=Rate(6000))
    return broker.model_copy(update={"load": load, "listeners": doors})


def test_one_node_may_be_lost(broker: Broker) -> None:
    assert nodes_left(broker) == 2
    assert messages(broker).carried == 2 * 2 * 10_000
    assert connections(broker).carried == 2 * (4 * 2**30 // (128 * 1024))
    assert {kind: figure.carried for kind, figure in accepted(broker).items()} == {
        "devices": 2 * 20_000,
        "people": 2 * 500,
        "gateways": 2 * 50,
    }


def test_each_kind_of_client_is_counted_at_its_own_doors(broker: Broker) -> None:
    door = broker.listeners.mqtts
    listeners = broker.listeners.model_copy(
        update={"gateway": door, "zones": (ZoneListener(name="field", **door.model_dump()),)}
    )
    load = Load(connections=1000, people=300, gateways=50, messages=Rate(1))
    figures = accepted(broker.model_copy(update={"listeners": listeners, "load": load}))
    assert {kind: (figure.peak, figure.carried) for kind, figure in figures.items()} == {
        "devices": (650, 2 * 40_000),
        "people": (300, 2 * 500),
        "gateways": (50, 2 * 20_000),
    }


def test_a_single_node_has_none_to_lose(broker: Broker) -> None:
    assert nodes_left(broker.model_copy(update={"replicas": 1})) == 1


def without_gateways(broker: Broker) -> Broker:
    return broker.model_copy(update={"listeners": broker.listeners.model_copy(update={"gateway": None})})


def test_what_a_listener_lets_in_follows_from_who_is_planned_to_come() -> None:
    broker = without_gateways(load_site(STACKS, "eagle-ford").broker)
    load = Load(connections=9000, people=1000, messages=Rate(1))
    protection = broker.protection.model_copy(
        update={"reserve": Percentage(Decimal(50)), "reconnect_within": Duration(20)}
    )
    limits = door_limits(broker.model_copy(update={"load": load, "protection": protection}))
    # Of 8,000 devices and 1,000 people half are on each of the two nodes that are left.
    assert limits == {"mqtts": DoorLimits(6000, Rate(200)), "wss": DoorLimits(750, Rate(25))}


def test_a_listener_without_planned_clients_still_opens() -> None:
    broker = without_gateways(load_site(STACKS, "eagle-ford").broker)
    load = Load(connections=10, people=0, messages=Rate(1))
    limits = door_limits(broker.model_copy(update={"load": load}))
    assert limits == {"mqtts": DoorLimits(100, Rate(10)), "wss": DoorLimits(100, Rate(10))}


def test_what_the_site_says_of_a_listener_is_taken(broker: Broker) -> None:
    assert door_limits(broker)["mqtts"].max_connections == 20_000


def test_as_many_are_lost_as_maintenance_may_take(broker: Broker) -> None:
    four = broker.model_copy(update={"replicas": 4, "max_unavailable": 3})
    assert nodes_left(four) == 1
    assert messages(four).carried == 2 * 10_000


def test_half_cores_count(broker: Broker) -> None:
    assert messages(broker.model_copy(update={"cores": Decimal("0.5")})).carried == 10_000


@pytest.mark.parametrize(("peak", "enough"), [(40_000, True), (40_001, False)])
def test_the_peak_fits_or_not(broker: Broker, peak: int, enough: bool) -> None:
    load = Load(connections=1, messages=Rate(peak))
    assert messages(broker.model_copy(update={"load": load})).enough is enough


def test_it_is_time_to_add_before_all_is_used(broker: Broker) -> None:
    assert all(figure.add_at < figure.carried for figure in headroom(broker))
    assert messages(broker).add_at == 28_000


@pytest.mark.parametrize("growth", [Decimal(1), Decimal(5), Decimal(20)])
def test_the_cores_for_a_grown_peak_carry_it_before_it_is_time_to_add(
    broker: Broker, growth: Decimal
) -> None:
    load = Load(connections=1, messages=Rate(int(6000 * growth)))
    grown = broker.model_copy(update={"cores": cores_at(broker, growth), "load": load})
    assert messages(grown).peak <= messages(grown).add_at
    less = grown.model_copy(update={"cores": grown.cores - Decimal("0.5")})
    assert messages(less).peak > messages(less).add_at


def test_more_memory_holds_more_connections(broker: Broker) -> None:
    more = broker.model_copy(update={"memory": Bytes(broker.memory.count * 2)})
    assert connections(more).carried == connections(broker).carried * 2


@given(
    connections=any_.integers(1, 2_000_000),
    messages=any_.integers(1, 2_000_000),
    replicas=any_.integers(2, 12),
    lost=any_.integers(1, 3),
)
def test_a_size_that_is_derived_carries_the_peak_before_it_is_time_to_add(
    connections: int, messages: int, replicas: int, lost: int
) -> None:
    broker = sized({"replicas": replicas, "max_unavailable": lost}, connections, messages)
    figures = headroom(broker)[:2]
    assert [figure.what for figure in figures] == ["messages", "connections"]
    assert all(figure.peak <= figure.add_at for figure in figures)


def test_a_size_that_is_derived_is_no_smaller_than_what_emqx_needs_itself() -> None:
    broker = sized({}, connections=1, messages=1)
    assert (broker.cores, broker.memory) == (Decimal(2), Bytes(4 * 2**30))


def sized(changes: dict[str, int], connections: int, messages: int) -> Broker:
    """A broker that says neither cores nor memory."""
    said = {name: getattr(SAMPLE, name) for name in Broker.model_fields if name not in {"cores", "memory"}}
    load = Load(connections=connections, messages=Rate(messages))
    return Broker(**said | changes | {"load": load})


def test_a_sample_site_leaves_its_size_to_its_load() -> None:
    site = load_site(STACKS, "north-cormorant")
    found = derived(site)
    assert (found["broker.cores"], found["broker.memory"]) == (Decimal(2), Bytes(4 * 2**30))
    assert "broker.cores" not in derived(load_site(STACKS, "eagle-ford"))
