"""A will is published as any other message: at once, or when its delay is over and its client has not come again."""

import time
from collections.abc import Iterator

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.support.broker_alone import Alone, Counter, alone, there
from tests.support.tcp_proxy import proxy

DELAY = 1


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    with alone(tmp_path_factory.mktemp("wills")) as running:
        yield running


@pytest.fixture
def watch(broker: Alone, request: pytest.FixtureRequest) -> Iterator[Counter]:
    with there(made := broker.counter(f"watch-{request.node.name}", clean=True, expiry=0)):
        made.subscribe(f"$share/group/{request.node.name}")
        yield made


def mortal(broker: Alone, topic: str, port: int, delay: int) -> Counter:
    device = broker.counter(f"mortal-{topic}", port=port)
    properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call] # as paho has it
    properties.WillDelayInterval = delay
    device.client.will_set(topic, "13", 1, retain=True, properties=properties)
    return device


@pytest.mark.parametrize("delay", [0, DELAY])
def test_a_will_is_published_and_retained(
    broker: Alone, watch: Counter, request: pytest.FixtureRequest, delay: int
) -> None:
    topic = request.node.name
    with proxy(broker.ports["default"]) as network:
        device = mortal(broker, topic, network.port, delay).begin()
        network.cut()
        cut = time.monotonic()
        assert watch.has(1) == [13]
        assert time.monotonic() - cut > delay * 0.9
        device.client.disconnect()
        device.client.loop_stop()
    with there(late := broker.counter("late", clean=True)):
        late.subscribe(topic, handling=0)
        assert late.has(1) == [13]


def test_who_comes_again_in_time_has_no_will(
    broker: Alone, watch: Counter, request: pytest.FixtureRequest
) -> None:
    with (
        proxy(broker.ports["default"]) as network,
        there(device := mortal(broker, request.node.name, network.port, DELAY)),
    ):
        network.flap()
        broker.says(device.client_id, Connected=False)
        broker.says(device.client_id, Connected=True)
        time.sleep(2 * DELAY)  # nothing tells of a will that does not come
        device.say(request.node.name, range(1))
        assert watch.has(1) == [0]
