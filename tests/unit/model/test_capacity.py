"""What the broker carries is reckoned with the nodes lost that may be, and grows with what it is made of."""

from decimal import Decimal
from pathlib import Path

import pytest

from model import load_site
from model.broker import Broker, Load, ZoneListener
from model.capacity import accepted, connections, cores_at, headroom, messages, nodes_left
from model.units import Bytes, Rate

STACKS = Path(__file__).parents[3] / "stacks"


@pytest.fixture(scope="module")
def broker() -> Broker:
    """Three nodes of two cores and 4 GiB, and listeners for 20,000 and 500."""
    return load_site(STACKS, "eagle-ford").broker.model_copy(
        update={"load": Load(connections=8000, messages=Rate(6000))}
    )


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
