"""What the broker carries is reckoned with one node lost, and grows with what it is made of."""

from decimal import Decimal
from pathlib import Path

import pytest

from model import load_site
from model.broker import Broker, Load
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
    assert accepted(broker).carried == 2 * 20_500


def test_a_single_node_has_none_to_lose(broker: Broker) -> None:
    assert nodes_left(broker.model_copy(update={"replicas": 1})) == 1


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
