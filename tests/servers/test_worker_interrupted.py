"""The worker and the broker interrupted: killed, stopped, cut off, given another certificate."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.files import write
from tests.support.one_kafka import OneKafka
from tests.support.publisher import Publisher
from tests.support.worker_bench import Bench, bench, doubled, heard, in_order, readings

WINDOW = 100
TOLD = {"window": WINDOW}


@pytest.fixture
def alone(kafka_alone: OneKafka, tmp_path: Path) -> Iterator[Bench]:
    """A broker and Kafka topics of the test's own."""
    with bench(tmp_path, kafka_alone) as made:
        yield made


def test_a_worker_that_is_killed_before_kafka_answers_doubles_what_was_unacknowledged_and_loses_nothing(
    alone: Bench,
) -> None:
    count = 500
    with alone.broker.device("pump-1") as device:
        with alone.worker(mqtt=TOLD) as worker:
            device.publish(readings("pump-1", range(10)))
            alone.awaited(10)
            alone.kafka.proxy.hold(answers_alone=True)
            try:
                device.publish(readings("pump-1", range(10, count)))
                # Kafka has some of it, and the worker does not know.
                alone.awaited(10 + 1)
                alone.broker.says("worker-0", InFlight=WINDOW)
                worker.kill()
            finally:
                alone.kafka.proxy.release()
        with alone.worker(mqtt=TOLD):
            alone.awaited(count)
            alone.broker.says("worker-0", InFlight=0, Queued=0)
    found = heard(alone)["pump-1"]
    assert set(found) == set(range(count))
    assert in_order(found)
    # The control is the least: it was killed between receipt and answer.
    assert 1 <= doubled(found) <= WINDOW
    assert {number for number in found if found.count(number) > 1} <= set(range(10, 10 + WINDOW))


def test_a_worker_that_is_stopped_loses_and_doubles_nothing(alone: Bench) -> None:
    stops, each = 3, 500
    with alone.broker.device("pump-1") as device, alone.worker(mqtt=TOLD) as worker:
        for stop in range(stops):
            device.begin(readings("pump-1", range(stop * each, (stop + 1) * each)))
            alone.awaited(stop * each + 1)
            worker.stop()
            worker.start()
        device.settled()
        alone.awaited(stops * each)
    assert heard(alone) == {"pump-1": list(range(stops * each))}


def test_a_worker_that_is_stopped_while_kafka_is_away_loses_nothing(alone: Bench) -> None:
    count = 300
    with alone.broker.device("pump-1") as device, alone.worker(mqtt=TOLD) as worker:
        device.publish(readings("pump-1", range(10)))
        alone.awaited(10)
        alone.kafka.proxy.cut()
        try:
            device.publish(readings("pump-1", range(10, count)))
            alone.broker.says("worker-0", InFlight=WINDOW)
            worker.stop()
        finally:
            alone.kafka.proxy.open()
        worker.start()
        alone.awaited(count)
    assert heard(alone) == {"pump-1": list(range(count))}


def test_a_network_to_the_broker_that_flaps_doubles_at_most_what_was_unacknowledged(alone: Bench) -> None:
    flaps, each = 4, 300
    with alone.broker.device("pump-1") as device, alone.worker(mqtt=TOLD) as worker:
        for flap in range(flaps):
            device.begin(readings("pump-1", range(flap * each, (flap + 1) * each)))
            alone.awaited(flap * each + 1)
            alone.broker.proxy.flap()
            worker.awaited("worker_connections_total", flap + 2)
        device.settled()
        alone.awaited(flaps * each)
        alone.broker.says("worker-0", InFlight=0, Queued=0)
        assert worker.figure("worker_session_lost_total") == 0
    found = heard(alone)["pump-1"]
    assert set(found) == set(range(flaps * each))
    assert in_order(found)
    assert doubled(found) <= flaps * WINDOW


def test_another_certificate_is_taken_without_a_loss(alone: Bench) -> None:
    with alone.broker.device("pump-1") as device, alone.worker(mqtt=TOLD) as worker:
        with streaming(device) as sent:
            alone.awaited(1)
            # As cert-manager has it signed: another key, the same name.
            pair = alone.broker.authority.client("renewed", "worker-0")
            write(worker.key, pair.key.read_text())
            write(worker.certificate, pair.certificate.read_text())
            worker.awaited("worker_connections_total", 2)
            worker.awaited("worker_connected", 1)
        device.settled()
        alone.awaited(len(sent))
        assert worker.figure("worker_session_lost_total") == 0
    assert heard(alone) == {"pump-1": sent}


def test_a_certificate_without_its_key_is_waited_over(alone: Bench) -> None:
    with alone.broker.device("pump-1") as device, alone.worker(mqtt=TOLD) as worker:
        with streaming(device) as sent:
            alone.awaited(1)
            pair = alone.broker.authority.client("renewed", "worker-0")
            write(worker.certificate, pair.certificate.read_text())
            # The control: the worker has seen it, and cannot use it.
            worker.says("mqtt_certificate_unusable")
            assert worker.figure("worker_connections_total") == worker.figure("worker_connected") == 1
            write(worker.key, pair.key.read_text())
            worker.awaited("worker_connections_total", 2)
        device.settled()
        alone.awaited(len(sent))
    assert heard(alone) == {"pump-1": sent}


def test_a_killed_broker_loses_at_most_what_waited_in_its_sessions(alone: Bench) -> None:
    with alone.worker(mqtt=TOLD) as worker:
        with alone.broker.device("pump-1") as device:
            device.publish(readings("pump-1", range(500)))
            alone.awaited(500)
            alone.kafka.proxy.hold()
            try:
                device.publish(readings("pump-1", range(500, 1000)))
                alone.broker.says("worker-0", InFlight=WINDOW, Queued=500 - WINDOW)
                alone.broker.kill()
            finally:
                alone.kafka.proxy.release()
        alone.broker.start()
        worker.awaited("worker_session_lost_total", 1)
        worker.awaited("worker_subscriptions_granted", worker.figure("worker_subscriptions_wanted"))
        with alone.broker.device("pump-1") as device:
            device.publish(readings("pump-1", range(1000, 1500)))
            # What the worker had taken when the broker died is in Kafka all the same.
            alone.awaited(500 + WINDOW + 500)
    assert heard(alone) == {"pump-1": [*range(500 + WINDOW), *range(1000, 1500)]}


@contextmanager
def streaming(device: Publisher) -> Iterator[list[int]]:
    """Publish one message after the other, until the end; gives the numbers of what was published."""
    sent: list[int] = []
    stopped, failed = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            while not stopped.wait(0.002):
                device.begin(readings("pump-1", range(len(sent), len(sent) + 1)))
                sent.append(len(sent))
        except BaseException as error:
            failed.append(error)
            raise

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield sent
    finally:
        stopped.set()
        thread.join()
    assert not failed
