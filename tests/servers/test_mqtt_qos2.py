"""Quality of service 2 over connections that end at any time: every message once, by either side's packets."""

import contextlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.support.broker_alone import NAME, USER, Alone, Counter, alone, there
from tests.support.tcp_proxy import Proxy, proxy
from tests.support.wire import CLOSED, Wire, wire

AWAITED = 5
PUBREC, PUBREL, PUBCOMP = 0x50, 0x62, 0x70
MESSAGES, DEVICES, PAUSE = 1_500, 3, 0.005
FLAPS = 5
NOT_FOUND = "92"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    zones = {"narrow": {"max_awaiting_rel": AWAITED}}
    keys = {"max_mqueue_len": "infinity", "max_awaiting_rel": "infinity"}
    with alone(tmp_path_factory.mktemp("qos2"), keys, zones) as running:
        yield running


@pytest.fixture
def watch(broker: Alone, request: pytest.FixtureRequest) -> Iterator[Counter]:
    """Somebody who gets what is published under the name of the test."""
    with there(made := broker.counter(f"watch-{request.node.name}", clean=True, expiry=0)):
        made.subscribe(f"{request.node.name}/#")
        yield made


@contextlib.contextmanager
def connected(
    broker: Alone, client_id: str, *, clean: bool = False, listener: str = "default"
) -> Iterator[Wire]:
    with wire(broker.ports[listener], NAME, broker.trust, 5) as opened:
        assert (
            opened.connect(client_id, (USER, broker.password), keep_for=0 if clean else 3600) == "CONNACK 00"
        )
        yield opened


def publish(client: Wire, topic: str, number: int, payload: bytes, *, again: bool = False) -> str:
    """Publish with a packet number of one's own, and return the answer."""
    name = topic.encode()
    body = len(name).to_bytes(2, "big") + name + number.to_bytes(2, "big") + b"\x00" + payload
    client.send(0x3C if again else 0x34, body)
    return client.answer()


def release(client: Wire, number: int) -> str:
    client.send(PUBREL, number.to_bytes(2, "big"))
    return client.answer()


@dataclass(frozen=True)
class Got:
    """A packet of the broker's: PUBLISH or PUBREL."""

    released: bool
    number: int
    payload: bytes = b""
    again: bool = False


def subscribe(client: Wire, topic: str) -> None:
    name = topic.encode()
    client.send(0x82, b"\x00\x01\x00" + len(name).to_bytes(2, "big") + name + b"\x02")
    assert client.answer() == "SUBACK 02"


def got(client: Wire, count: int) -> list[Got]:
    """Return the next packets, with nothing answered."""
    found = []
    for _ in range(count):
        first, body = raw(client)
        if first >> 4 == 6:
            found.append(Got(True, int.from_bytes(body[:2], "big")))
            continue
        assert first >> 4 == 3
        end = 2 + int.from_bytes(body[:2], "big")
        properties = 1 + body[end + 2]
        number = int.from_bytes(body[end : end + 2], "big")
        found.append(Got(False, number, body[end + 2 + properties :], bool(first & 8)))
    return found


def raw(client: Wire) -> tuple[int, bytes]:
    (first,) = client._bytes(1)
    length = shift = 0
    while True:
        (digit,) = client._bytes(1)
        length |= (digit & 0x7F) << shift
        shift += 7
        if digit < 0x80:
            return first, client._bytes(length)


def answer(client: Wire, kind: int, *numbers: int) -> None:
    for number in numbers:
        client.send(kind, number.to_bytes(2, "big"))


def test_what_is_not_received_is_sent_again_and_what_is_received_is_released_again(broker: Alone) -> None:
    with there(device := broker.counter("pump-a", clean=True, expiry=0)):
        with connected(broker, "half") as client:
            subscribe(client, "half")
            device.say("half", range(5), 2)
            first = got(client, 5)
            answer(client, PUBREC, first[1].number, first[3].number)
            assert got(client, 2) == [Got(True, first[1].number), Got(True, first[3].number)]
            answer(client, PUBCOMP, first[3].number)
            broker.says("half", InFlight=4)
        broker.says("half", Connected=False)
        device.say("half", range(5, 7), 2)
        for _ in range(2):  # it is the same however often the connection ends
            with connected(broker, "half") as client:
                second = got(client, 6)
        assert second[:4] == [
            Got(False, first[0].number, b"0", True),
            Got(True, first[1].number),
            Got(False, first[2].number, b"2", True),
            Got(False, first[4].number, b"4", True),
        ]
        assert [one.payload for one in second[4:]] == [b"5", b"6"]
        assert not {one.number for one in second[4:]} & {one.number for one in first}
        with connected(broker, "half") as client:
            got(client, 6)
            answer(client, PUBCOMP, first[1].number)
            answer(client, PUBREC, *(one.number for one in second if not one.released))
            assert len({one.number for one in got(client, 5) if one.released}) == 5
            answer(client, PUBCOMP, *(one.number for one in second if not one.released))
            broker.says("half", InFlight=0)
        with connected(broker, "half") as client:
            device.say("half", range(7, 8), 2)
            assert [one.payload for one in got(client, 1)] == [b"7"]


def test_a_number_is_known_until_it_is_released_whatever_becomes_of_the_connection(
    broker: Alone, watch: Counter, request: pytest.FixtureRequest
) -> None:
    topic = f"{request.node.name}/x"
    with connected(broker, "numbers") as client:
        assert publish(client, topic, 7, b"1") == "PUBREC"
    with connected(broker, "numbers") as client:
        assert publish(client, topic, 7, b"1", again=True) == "PUBREC"
        assert publish(client, topic, 7, b"2") == "PUBREC 91"
        assert publish(client, topic, 8, b"3") == "PUBREC"
        assert [release(client, 7), release(client, 7), release(client, 8)] == [
            "PUBCOMP",
            f"PUBCOMP {NOT_FOUND}",
            "PUBCOMP",
        ]
        assert publish(client, topic, 7, b"4") == "PUBREC"
    assert watch.has(3) == [1, 3, 4]


def test_a_clean_start_forgets_the_numbers(
    broker: Alone, watch: Counter, request: pytest.FixtureRequest
) -> None:
    topic = f"{request.node.name}/x"
    for payload in (b"1", b"2"):
        with connected(broker, "forgets", clean=True) as client:
            assert publish(client, topic, 7, payload) == "PUBREC"
    assert watch.has(2) == [1, 2]


def test_who_leaves_too_much_unreleased_is_disconnected(broker: Alone) -> None:
    with connected(broker, "unreleased", listener="narrow") as client:
        for number in range(1, AWAITED + 1):
            assert publish(client, "unreleased", number, b"1") == "PUBREC"
        assert publish(client, "unreleased", AWAITED + 1, b"1") == "DISCONNECT 93"
        assert client.answer() == CLOSED


@pytest.fixture
def load() -> Iterator[None]:
    """Three programs that leave the machine no rest."""
    loops = [
        subprocess.Popen(["nice", "-n", "5", sys.executable, "-c", "while True: pass"]) for _ in range(3)
    ]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


def flaps(networks: list[Proxy], stop: threading.Event) -> None:
    """Cut one connection after the other, in no order."""
    chance = random.Random(7)  # noqa: S311 - no secret
    while not stop.wait(chance.uniform(0.02, 0.15)):
        chance.choice(networks).flap()


@dataclass(frozen=True)
class Flapping:
    """Devices and readers, each behind a network of its own, while those of some of them are cut."""

    broker: Alone
    topic: str
    devices: list[Counter]
    readers: list[Counter]
    calm: Callable[[], None]
    """Leaves the networks alone, and sees that there was something to lose."""

    def publish(self, qos: int) -> None:
        for number in range(MESSAGES):
            for device in self.devices:
                device.client.publish(f"{self.topic}/{device.client_id}", str(number), qos)
            time.sleep(PAUSE)
        for device in self.devices:
            device.published(MESSAGES, 240)
        self.calm()

    def came(self, reader: Counter, device: Counter) -> list[int]:
        """Return the numbers of a device that a reader has, once it has everything."""
        reader.has(MESSAGES * len(self.devices), 60)
        self.broker.says(reader.client_id, Queued=0, InFlight=0)
        topic = f"{self.topic}/{device.client_id}"
        return [int(message.payload) for message in reader.came if message.topic == topic]


@contextlib.contextmanager
def flapping(broker: Alone, topic: str, *, devices_flap: bool) -> Iterator[Flapping]:
    with contextlib.ExitStack() as stack:
        networks = [stack.enter_context(proxy(broker.ports["default"])) for _ in range(DEVICES + 2)]
        clients = [
            broker.counter(f"{topic}-{number}", port=network.port) for number, network in enumerate(networks)
        ]
        stack.enter_context(there(*clients))
        clients[0].subscribe(f"{topic}/#")
        clients[1].subscribe(f"$share/group/{topic}/#")
        cut = networks if devices_flap else networks[:2]
        stop = threading.Event()
        cutter = threading.Thread(target=flaps, args=(cut, stop))

        def calm() -> None:
            stop.set()
            cutter.join()
            assert min(network.connections for network in cut) > FLAPS

        stack.callback(stop.set)
        cutter.start()
        yield Flapping(broker, topic, clients[2:], clients[:2], calm)


@pytest.mark.parametrize("qos", [1, 2])
@pytest.mark.usefixtures("load")
def test_readers_whose_connections_flap_have_everything_in_order(broker: Alone, qos: int) -> None:
    """Of quality 2 once; of quality 1 what comes again is what came before it was acknowledged."""
    with flapping(broker, f"readers-{qos}", devices_flap=False) as made:
        made.publish(qos)
        for reader in made.readers:
            for device in made.devices:
                came = made.came(reader, device)
                first = list(dict.fromkeys(came)) if qos == 1 else came
                assert first == list(range(MESSAGES)), f"{reader.client_id} of {device.client_id}"


@pytest.mark.parametrize("qos", [1, 2])
@pytest.mark.usefixtures("load")
def test_connections_of_both_sides_that_flap_lose_nothing(broker: Alone, qos: int) -> None:
    """A device sends again in an order of its own; what the broker had from it both readers have in the same."""
    with flapping(broker, f"both-{qos}", devices_flap=True) as made:
        made.publish(qos)
        for device in made.devices:
            plain, shared = (made.came(reader, device) for reader in made.readers)
            if qos == 2:
                assert sorted(plain) == list(range(MESSAGES)), device.client_id
                assert shared == plain
            else:
                assert {*plain} == {*shared} == {*range(MESSAGES)}, device.client_id
