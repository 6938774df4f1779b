"""What one client may take of the broker follows from the nodes' size, where the site does not say it."""

from decimal import Decimal

from components.recording import Composition
from components.settings import Settings
from model.emqx.protection import bounds
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
