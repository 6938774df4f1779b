"""Several workers share what devices say: each message once, each device in order, also while their number changes."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.one_kafka import OneKafka
from tests.support.publisher import Publisher
from tests.support.worker_bench import Bench, bench, doubled, heard, in_order, readings

DEVICES = [f"pump-{number}" for number in range(12)]
EACH = 50


@pytest.fixture
def alone(kafka_alone: OneKafka, tmp_path: Path) -> Iterator[Bench]:
    """A broker and Kafka topics of the test's own."""
    with bench(tmp_path, kafka_alone) as made:
        yield made


def test_two_workers_share_and_keep_each_devices_order(alone: Bench) -> None:
    with alone.worker("worker-0") as first, alone.worker("worker-1") as second, ExitStack() as stack:
        devices = _devices(alone, stack)
        for round_ in range(4):
            _say(devices, round_)
        alone.awaited(4 * EACH * len(DEVICES))
        written = [worker.figure("worker_written_total", topic="raw") for worker in (first, second)]
    assert sum(written) == 4 * EACH * len(DEVICES)
    # Each device has one of the two by chance: that one had none of twelve happens once in 2,000 runs.
    assert min(written) > 0
    assert heard(alone) == {name: list(range(4 * EACH)) for name in DEVICES}


def test_a_worker_that_comes_takes_no_device_from_another(alone: Bench) -> None:
    with alone.worker("worker-0") as first, ExitStack() as stack:
        devices = _devices(alone, stack)
        _say(devices, 0)
        with alone.worker("worker-1") as second:
            _say(devices, 1)
            alone.awaited(2 * EACH * len(DEVICES))
            assert first.figure("worker_written_total", topic="raw") == 2 * EACH * len(DEVICES)
            assert second.figure("worker_written_total", topic="raw") == 0
    assert heard(alone) == {name: list(range(2 * EACH)) for name in DEVICES}


def test_a_worker_that_goes_for_good_leaves_its_messages_to_the_others(alone: Bench) -> None:
    short = {"session_expiry_seconds": 2}
    with alone.worker("worker-0") as first, ExitStack() as stack:
        with alone.worker("worker-1", mqtt=short) as second:
            devices = _devices(alone, stack)
            _say(devices, 0)
            alone.awaited(EACH * len(DEVICES))
            assert second.figure("worker_written_total", topic="raw") > 0
        # Its session is kept for a while: what is for it waits there, and goes to the others when it ends.
        _say(devices, 1)
        alone.awaited(2 * EACH * len(DEVICES))
        alone.broker.says("worker-1", Session=0)
        _say(devices, 2)
        alone.awaited(3 * EACH * len(DEVICES))
        assert first.figure("worker_session_lost_total") == 0
    found = heard(alone)
    assert {name: sorted(numbers) for name, numbers in found.items()} == {
        name: list(range(3 * EACH)) for name in DEVICES
    }
    # While a session that nobody serves ends, a device's messages may overtake each other; else they are in order.
    assert all(in_order([number for number in numbers if number < EACH]) for numbers in found.values())
    assert all(in_order([number for number in numbers if number >= 2 * EACH]) for numbers in found.values())


def test_a_worker_that_is_replaced_finds_its_session(alone: Bench) -> None:
    with alone.worker("worker-0"), ExitStack() as stack:
        with alone.worker("worker-1"):
            devices = _devices(alone, stack)
            _say(devices, 0)
            alone.awaited(EACH * len(DEVICES))
        _say(devices, 1)
        with alone.worker("worker-1") as again:
            alone.awaited(2 * EACH * len(DEVICES))
            assert again.figure("worker_session_lost_total") == 0
            _say(devices, 2)
            alone.awaited(3 * EACH * len(DEVICES))
    found = heard(alone)
    assert {name: doubled(numbers) for name, numbers in found.items()} == dict.fromkeys(DEVICES, 0)
    assert {name: len(numbers) for name, numbers in found.items()} == dict.fromkeys(DEVICES, 3 * EACH)


def _devices(alone: Bench, stack: ExitStack) -> dict[str, Publisher]:
    return {name: stack.enter_context(alone.broker.device(name)) for name in DEVICES}


def _say(devices: dict[str, Publisher], round_: int) -> None:
    for name, device in devices.items():
        device.publish(readings(name, range(round_ * EACH, (round_ + 1) * EACH)))
