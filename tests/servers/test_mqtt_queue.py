"""What a session holds: the bound, the order, what is sent again, and that nobody waits for a client that is slow."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.child import ChildFailedError
from tests.support.broker_alone import Alone, Counter, alone, there
from tests.support.tcp_proxy import proxy

BOUND, WINDOW = 100, 20
ZONE_BOUND = 40
# A message that does not fit into what the network itself holds, and many of them.
LARGE, MANY = 20_000, 2_000


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    mqtt = {"max_mqueue_len": BOUND, "max_inflight": WINDOW}
    zones = {
        "worker": {
            "max_mqueue_len": ZONE_BOUND,
            "max_inflight": 5,
            "mqueue_store_qos0": False,
            "session_expiry_interval": "1s",
        },
        "wide": {"max_mqueue_len": "infinity", "max_inflight": 65535},
    }
    with alone(tmp_path_factory.mktemp("queue"), mqtt, zones) as running:
        yield running


@pytest.fixture
def device(broker: Alone) -> Iterator[Counter]:
    with there(made := broker.counter("pump", clean=True, expiry=0)):
        yield made


def away(broker: Alone, client_id: str, topic: str, qos: int = 2, **options: object) -> Counter:
    """Return a client that has subscribed, and is away."""
    reader = broker.counter(client_id, **options)
    reader.begin()
    reader.subscribe(topic, qos)
    reader.leave()
    return reader


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("over", [0, 1, 37])
def test_the_newest_wait_up_to_the_bound_and_the_oldest_are_counted(
    broker: Alone, device: Counter, qos: int, over: int
) -> None:
    name = f"bound-{qos}-{over}"
    reader = away(broker, name, name)
    device.say(name, range(BOUND + over), qos)
    broker.says(name, Queued=BOUND, Dropped=over)
    with there(reader):
        assert reader.has(BOUND) == list(range(over, BOUND + over))
        broker.says(name, Queued=0, InFlight=0)
    assert len(reader.came) == BOUND
    assert {(message.qos, message.dup) for message in reader.came} == {(qos, False)}


@pytest.mark.parametrize("qos", [1, 2])
def test_what_does_not_fit_into_the_window_waits_and_the_oldest_of_it_goes(
    broker: Alone, device: Counter, qos: int
) -> None:
    name = f"window-{qos}"
    with there(reader := broker.counter(name, window=8, holds=True)):
        reader.subscribe(name)
        device.say(name, range(8 + BOUND + 3), qos)
        broker.says(name, InFlight=8, Queued=BOUND, Dropped=3)
        acknowledged = 0
        while acknowledged < 8 + BOUND:
            fresh = reader.came[acknowledged:]
            assert len(fresh) <= 8
            reader.acknowledge(*fresh)
            acknowledged += len(fresh)
            reader.has(min(acknowledged + 1, 8 + BOUND))
        assert reader.numbers() == [*range(8), *range(11, 8 + BOUND + 3)]
        broker.says(name, InFlight=0, Queued=0, Dropped=3)


def test_the_brokers_own_window_holds_where_the_client_has_none(broker: Alone, device: Counter) -> None:
    with there(reader := broker.counter("own-window", holds=True)):
        reader.subscribe("own-window")
        device.say("own-window", range(WINDOW + 5))
        broker.says("own-window", InFlight=WINDOW, Queued=5)


def test_what_is_unacknowledged_comes_again_first_with_its_numbers_and_in_order(
    broker: Alone, device: Counter
) -> None:
    name = "again"
    reader = broker.counter(name, holds=True, window=10)
    with there(reader):
        reader.subscribe(name)
        device.say(name, range(10))
        reader.has(10)
        # Out of turn: the others keep their order.
        reader.acknowledge(reader.came[3])
        broker.says(name, InFlight=9)
        numbers = [message.mid for place, message in enumerate(reader.came) if place != 3]
    broker.says(name, Connected=False)
    device.say(name, range(10, 15))
    again = broker.counter(name, holds=True, window=10)
    with there(again):
        assert again.resumed == [True]
        # All but one that waits for the window.
        assert again.has(10) == [0, 1, 2, *range(4, 10), 10]
        assert [message.mid for message in again.came[:9]] == numbers
        assert [message.dup for message in again.came] == [True] * 9 + [False]
        assert again.came[9].mid not in numbers
        again.acknowledge(*again.came)
        assert again.has(14)[10:] == [11, 12, 13, 14]
        again.acknowledge(*again.came[10:])
        broker.says(name, InFlight=0, Queued=0)


def test_a_smaller_window_than_before_holds_for_what_comes_again(broker: Alone, device: Counter) -> None:
    with there(reader := broker.counter("shrinks", holds=True, window=10)):
        reader.subscribe("shrinks")
        device.say("shrinks", range(12))
        reader.has(10)
    with there(again := broker.counter("shrinks", holds=True, window=3)):
        for count in range(3, 13):
            assert again.has(count)[:count] == list(range(count))
            assert len(again.came) == count
            again.acknowledge(again.came[count - 3])


def test_a_zone_has_bounds_of_its_own(broker: Alone, device: Counter) -> None:
    reader = away(broker, "zoned", "zoned", listener="worker")
    other = away(broker, "unzoned", "zoned")
    device.say("zoned", range(5), qos=0)
    device.say("zoned", range(5, BOUND), qos=1)
    broker.says("zoned", Queued=ZONE_BOUND, Dropped=BOUND - 5 - ZONE_BOUND, DroppedQoS0=5)
    broker.says("unzoned", Queued=BOUND, Dropped=0, DroppedQoS0=0)
    reader.holds = True
    with there(again := broker.counter("zoned", listener="worker", holds=True), other):
        assert again.has(5) == list(range(BOUND - ZONE_BOUND, BOUND - ZONE_BOUND + 5))
        broker.says("zoned", InFlight=5, Queued=ZONE_BOUND - 5)
        assert other.has(BOUND) == list(range(BOUND))


@pytest.mark.parametrize(
    ("listener", "version", "expiry", "kept"),
    [("default", 5, 1, False), ("default", 5, 3600, True), ("worker", 4, 0, False), ("default", 4, 0, True)],
)
def test_a_session_is_kept_for_as_long_as_was_asked_for(
    broker: Alone, device: Counter, listener: str, version: int, expiry: int, kept: bool
) -> None:
    """MQTT 3.1.1 cannot ask: the zone says how long."""
    name = f"kept-{listener}-{version}-{expiry}"
    reader = away(broker, name, name, listener=listener, version=version, expiry=expiry)
    device.say(name, range(3))
    if kept:
        time.sleep(2.0)  # longer than the others are kept
    broker.says(name, Session=kept)
    again = broker.counter(name, listener=listener, version=version, expiry=expiry)
    with there(again):
        assert again.resumed == [kept]
        again.subscribe(name)
        device.say(name, range(3, 4))
        assert again.has(4 if kept else 1) == list(range(0 if kept else 3, 4))
    assert reader.came == []


def test_a_clean_start_forgets_what_waited(broker: Alone, device: Counter) -> None:
    away(broker, "clean", "clean")
    device.say("clean", range(3))
    with there(again := broker.counter("clean", clean=True)):
        assert again.resumed == [False]
        again.subscribe("clean")
        device.say("clean", range(3, 5))
        assert again.has(2) == [3, 4]
    broker.says("clean", Ended=3)


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_client_that_does_not_read_loses_nothing_inside_the_bound_and_holds_up_nobody(
    broker: Alone, device: Counter, qos: int
) -> None:
    """All of it is in the window, as far as there is a window: what the network does not take waits in the broker."""
    name = f"slow-{qos}"
    quick = broker.counter(f"quick-{qos}", listener="wide")
    with proxy(broker.ports["wide"]) as network:
        slow = broker.counter(name, listener="wide", port=network.port)
        with there(slow, quick):
            for reader in (slow, quick):
                reader.subscribe(name)
            network.hold()
            device.say(name, range(MANY), qos, size=LARGE)
            assert quick.has(MANY) == list(range(MANY))
            # What the network itself holds it may have.
            assert len(slow.came) < MANY
            network.release()
            assert slow.has(MANY) == list(range(MANY))
            assert broker.figures(name)["Dropped"] == broker.figures(name)["DroppedQoS0"] == 0


def test_a_client_that_does_not_read_can_come_again_and_has_everything(
    broker: Alone, device: Counter
) -> None:
    """The broker writes to a connection that takes nothing, and that nobody closes."""
    with proxy(broker.ports["wide"]) as network:
        held = broker.counter("frozen", listener="wide", port=network.port)
        held.begin()
        held.subscribe("frozen")
        network.hold()
        device.say("frozen", range(MANY), size=LARGE)
        before = len(held.came)
        with there(again := broker.counter("frozen", listener="wide")):
            assert again.resumed == [True]
            assert before < MANY
            numbers = again.has(MANY - before)
            assert numbers == sorted(numbers)
            assert set(range(MANY)) <= {*numbers, *held.numbers()}
        network.release()
        held.client.disconnect()
        held.client.loop_stop()


def test_flags_properties_and_identifiers_pass(broker: Alone, device: Counter) -> None:
    with there(reader := broker.counter("options")):
        device.say("options/kept", range(1), retain=True)
        reader.subscribe("options/#", as_published=True, handling=2, number=7)
        device.say("options/kept", range(1, 2), retain=True)
        reader.has(1)
        assert [(message.retain, int(message.payload)) for message in reader.came] == [(True, 1)]
        assert getattr(reader.came[0].properties, "SubscriptionIdentifier", None) == [7]
        # Once more, with what is retained; and as MQTT has it, without the flag of what is published now.
        reader.subscribe("options/#", handling=0)
        device.say("options/kept", range(2, 3), retain=True)
        reader.has(3)
        assert [(message.retain, int(message.payload)) for message in reader.came[1:]] == [
            (True, 1),
            (False, 2),
        ]
        reader.subscribe("options/#", handling=1)
        device.say("options/kept", range(3, 4), retain=True)
        assert reader.has(4)[3:] == [3]


def test_unsubscribed_is_unsubscribed(broker: Alone, device: Counter) -> None:
    with there(reader := broker.counter("leaves")):
        reader.subscribe("leaves/#")
        reader.subscribe("stays")
        reader.unsubscribe("leaves/#")
        device.say("leaves/now", range(1))
        device.say("stays", range(1, 2))
        assert reader.has(1) == [1]


def test_bounds_that_emqx_has_hold_where_nothing_is_said(tmp_path: Path) -> None:
    with alone(tmp_path) as plain, there(device := plain.counter("pump", clean=True, expiry=0)):
        away(plain, "reader", "topic")
        device.say("topic", range(1_001))
        plain.says("reader", Queued=1_000, Dropped=1)


@pytest.mark.parametrize(
    ("key", "value"),
    [("shared_subscription_strategy", "any"), ("shared_subscription_initial_sticky_pick", "sticky")],
)
def test_what_the_broker_does_not_know_it_refuses(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ChildFailedError, match="nobody knows"), alone(tmp_path, {key: value}):
        pass
