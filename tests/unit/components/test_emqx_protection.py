"""What one client may take of the broker follows from the nodes' size, where the site does not say it."""

from decimal import Decimal
from fractions import Fraction

import pytest

from components.recording import Composition
from components.settings import Settings
from model.emqx.protection import MESSAGE_IN_QUEUE, away, bounds, queue_memory, room_for_queues
from model.units import Bytes, Rate
from tests.support.told import told, told_with


def test_the_bounds_of_a_client_follow_the_nodes_size(eagle_ford: Composition) -> None:
    small = bounds(eagle_ford.site.broker)
    large = bounds(
        eagle_ford.site.broker.model_copy(update={"cores": Decimal(8), "memory": Bytes(32 * 2**30)})
    )
    assert large.client_messages.count == small.client_messages.count * 4
    assert large.queue > small.queue
    assert large.retained_messages == small.retained_messages * 8
    assert large.client_memory > small.client_memory


def test_a_bound_that_the_site_writes_is_taken(eagle_ford: Composition, settings: Settings) -> None:
    said = {"client_messages": Rate(7), "queue": 55, "retained_messages": 9, "client_memory": Bytes(2**26)}
    values = told_with(eagle_ford, settings, protection=said)
    assert values["listeners"]["ssl"]["default"]["messages_rate"] == "7/s"
    assert values["mqtt"]["max_mqueue_len"] == 55
    assert values["retainer"]["backend"]["max_retained_messages"] == 9
    assert values["force_shutdown"]["max_heap_size"] == "64MB"


def test_overload_protection_may_be_switched_off(eagle_ford: Composition, settings: Settings) -> None:
    assert told(eagle_ford, settings)["overload_protection"] == {"enable": True}
    values = told_with(eagle_ford, settings, protection={"overload": False})
    assert values["overload_protection"] == {"enable": False}


def test_a_reader_of_the_whole_site_may_stall_for_seconds_at_the_peak(composition: Composition) -> None:
    """Of 2,000 messages within two seconds a queue of 262 lost 1,114, on a running EMQX 5.8.9."""
    broker = composition.site.broker
    assert bounds(broker).queue >= 2 * broker.load.messages.count >= 2_000
    assert away(broker) >= 2
    assert away(broker, Fraction(1, 4)) == 4 * away(broker)


def test_full_queues_of_all_readers_fit_a_node(composition: Composition) -> None:
    broker = composition.site.broker
    queue = bounds(broker).queue
    assert queue_memory(broker, queue) <= room_for_queues(broker) < queue_memory(broker, queue + 1)


@pytest.mark.parametrize(("readers", "least", "most"), [(1, 500_000, 1_000_000), (1000, 1_000, 3_000)])
def test_a_queue_is_as_long_as_the_readers_leave_it(
    eagle_ford: Composition, readers: int, least: int, most: int
) -> None:
    load = eagle_ford.site.broker.load.model_copy(update={"readers": readers})
    broker = eagle_ford.site.broker.model_copy(update={"load": load})
    assert least <= bounds(broker).queue <= most


def test_readers_that_no_one_counted_are_all_people_and_ten(eagle_ford: Composition) -> None:
    load = eagle_ford.site.broker.load
    assert load.model_copy(update={"readers": None}).all_readers == load.people + 10


def test_a_reader_with_a_full_queue_is_not_ended_as_a_runaway(composition: Composition) -> None:
    found = bounds(composition.site.broker)
    assert found.client_memory.count >= found.queue * MESSAGE_IN_QUEUE * 2
    assert found.mailbox >= composition.site.broker.load.messages.count


def test_a_publisher_cannot_leave_more_behind_than_before(composition: Composition) -> None:
    """What a client of QoS 2 begins and does not end is no reader's queue."""
    assert bounds(composition.site.broker).awaited <= 10_000
