"""The worker while Kafka is away, slow, or refuses: nothing is lost within the bound, and nobody else waits."""

import hashlib
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation

from tests.support.one_kafka import OneKafka
from tests.support.worker_bench import PATIENCE, PLACES, Bench, bench, doubled, heard, in_order, readings

WINDOW = 100
TOLD = {"window": WINDOW}
COUNT = 2000


@pytest.fixture
def alone(kafka_alone: OneKafka, tmp_path: Path) -> Iterator[Bench]:
    """A broker and Kafka topics of the test's own."""
    with bench(tmp_path, kafka_alone) as made:
        yield made


def test_what_is_said_while_kafka_is_away_comes_when_it_is_back(alone: Bench) -> None:
    with alone.worker(mqtt=TOLD), alone.broker.device("pump-1") as device:
        device.publish(readings("pump-1", range(10)))
        alone.awaited(10)
        alone.kafka.proxy.cut()
        try:
            device.publish(readings("pump-1", range(10, COUNT)))
            # The control: Kafka is away, and all of it waits at the broker.
            alone.broker.says("worker-0", InFlight=WINDOW, Queued=COUNT - 10 - WINDOW)
        finally:
            alone.kafka.proxy.open()
        alone.awaited(COUNT)
    assert heard(alone) == {"pump-1": list(range(COUNT))}
    assert alone.broker.figures("worker-0")["Dropped"] == 0


def test_a_kafka_that_is_killed_loses_nothing(alone: Bench) -> None:
    with alone.worker(mqtt=TOLD), alone.broker.device("pump-1") as device:
        device.begin(readings("pump-1", range(COUNT)))
        alone.awaited(1)
        alone.kafka.kill()
        try:
            device.publish(readings("pump-1", range(COUNT, 2 * COUNT)))
        finally:
            alone.kafka.start()
        alone.awaited(2 * COUNT)
    found = heard(alone)["pump-1"]
    assert set(found) == set(range(2 * COUNT))
    assert in_order(found)
    assert doubled(found) <= WINDOW


def test_beyond_the_bound_the_oldest_go_and_are_counted(kafka_alone: OneKafka, tmp_path: Path) -> None:
    kept = 500
    with (
        bench(tmp_path, kafka_alone, {"max_mqueue_len": kept}) as alone,
        alone.worker(mqtt=TOLD),
        alone.broker.device("pump-1") as device,
    ):
        kafka_alone.proxy.cut()
        try:
            device.publish(readings("pump-1", range(COUNT)))
            dropped = COUNT - WINDOW - kept
            alone.broker.says("worker-0", InFlight=WINDOW, Queued=kept, Dropped=dropped)
        finally:
            kafka_alone.proxy.open()
        alone.awaited(WINDOW + kept)
        device.publish(readings("pump-1", range(COUNT, COUNT + 10)))
        alone.awaited(WINDOW + kept + 10)
        found = heard(alone)["pump-1"]
    assert found == [*range(WINDOW), *range(COUNT - kept, COUNT + 10)]


def test_a_slow_kafka_slows_no_device(alone: Bench) -> None:
    with alone.worker(mqtt=TOLD), alone.broker.device("pump-1") as device, alone.broker.device("two") as two:
        device.publish(readings("pump-1", range(300)))
        alone.awaited(300)
        usual = statistics.median(device.times())
        alone.kafka.proxy.hold()
        try:
            two.publish(readings("pump-2", range(300)))
            # The control: none of it is in Kafka.
            assert alone.count("raw") == 300
        finally:
            alone.kafka.proxy.release()
        alone.awaited(600)
    assert statistics.median(two.times()) < 5 * usual + 0.05


def test_a_network_to_kafka_that_flaps_loses_and_doubles_nothing(alone: Bench) -> None:
    flaps, each = 8, 400
    with alone.worker(mqtt=TOLD), alone.broker.device("pump-1") as device:
        for flap in range(flaps):
            device.begin(readings("pump-1", range(flap * each, (flap + 1) * each)))
            alone.awaited(flap * each + 1)
            alone.kafka.proxy.flap()
        device.settled()
        alone.awaited(flaps * each)
    assert heard(alone) == {"pump-1": list(range(flaps * each))}


def test_what_kafka_refuses_for_itself_is_a_dead_letter_and_stops_nothing(
    kafka_alone: OneKafka, tmp_path: Path
) -> None:
    with (
        bench(tmp_path, kafka_alone, limits={"raw": 20_000}) as alone,
        alone.worker() as worker,
        alone.broker.device("pump-1") as device,
    ):
        device.publish(readings("pump-1", range(10)))
        # The worker is told a larger bound than Kafka has.
        (large,) = readings("pump-1", range(10, 11), size=50_000)
        device.publish([large, *readings("pump-1", range(11, 20))])
        alone.awaited(19, "raw")
        alone.awaited(1, "dead-letter")
        assert worker.figure("worker_dead_letters_total", reason="too_large") == 1
        (letter,) = alone.records("dead-letter")
        assert letter.value == large.payload
        assert (letter.key, letter.headers["reason"], letter.headers["topic"]) == (
            b"pump-1",
            "too_large",
            large.topic,
        )
        assert heard(alone)["pump-1"] == [number for number in range(20) if number != 10]


def test_what_fits_no_topic_is_a_dead_letter_in_short(alone: Bench) -> None:
    topics = {place: {"name": alone.topic(place), "largest_record": 10_000} for place in PLACES}
    (large,) = readings("pump-1", range(1), size=50_000)
    with alone.worker(kafka={"topics": topics}), alone.broker.device("pump-1") as device:
        device.publish([large, *readings("pump-1", range(1, 5))])
        alone.awaited(4, "raw")
        alone.awaited(1, "dead-letter")
    (letter,) = alone.records("dead-letter")
    assert large.payload.startswith(letter.value)
    assert letter.value
    assert letter.headers["length"] == str(len(large.payload))
    assert letter.headers["sha256"] == hashlib.sha256(large.payload).hexdigest()
    assert heard(alone) == {"pump-1": [1, 2, 3, 4]}


def test_rights_that_are_missing_hold_a_topic_until_they_are_there(alone: Bench) -> None:
    alone.kafka.deny(alone.user, alone.topic("raw"), AclOperation.WRITE)
    with alone.worker() as worker, alone.broker.device("pump-1") as device:
        device.publish(readings("pump-1", range(50)))
        worker.awaited("worker_kafka_refusals_total", 1)
        assert alone.count("raw") == 0
        alone.kafka.allow(alone.user, alone.topic("raw"), AclOperation.WRITE)
        alone.awaited(50, seconds=PATIENCE)
    assert heard(alone) == {"pump-1": list(range(50))}
    assert alone.count("dead-letter") == 0
