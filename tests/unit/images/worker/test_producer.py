"""Records are written in the order of their topic, and what Kafka refuses is handed back or tried again."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from images.worker import producer
from images.worker.producer import Kafka, Record
from images.worker.settings import parse
from tests.support.mock_kafka import MockKafka

Document = Callable[..., dict[str, Any]]
Delivery = Callable[[KafkaError | None, object], None]


@dataclass
class Rdkafka:
    """Stands for librdkafka: it keeps what it is given, and reports what a test says of it."""

    settings: dict[str, Any]
    given: list[tuple[bytes, Delivery]] = field(default_factory=list)
    largest: int = 1000
    unknown: bool = False

    def produce(self, _topic: str, value: bytes, _key: bytes, *, on_delivery: Delivery, **_: object) -> None:
        if self.unknown:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))
        if len(value) > self.largest:
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
        self.given.append((value, on_delivery))

    def values(self) -> list[bytes]:
        return [value for value, _ in self.given]

    def report(self, *codes: int | None) -> None:
        """Report on as many records as there are codes, the oldest first; None says that Kafka has it."""
        for code in codes:
            _, reported = self.given.pop(0)
            reported(None if code is None else KafkaError(code), None)

    def poll(self, seconds: float) -> int:
        time.sleep(min(seconds, 0.01))
        return 0

    def list_topics(self, *_: object, **__: object) -> None:
        pass

    def purge(self) -> None:
        self.report(*[KafkaError._PURGE_QUEUE] * len(self.given))

    def flush(self, _: float) -> int:
        return 0


@dataclass
class Bench:
    """A producer over stand-ins of librdkafka, the last of which is the one in use."""

    libraries: list[Rdkafka]
    written: list[bytes] = field(default_factory=list)
    refused: list[tuple[bytes, str]] = field(default_factory=list)
    numbers: int = 0

    def start(self, document: dict[str, Any]) -> None:
        self.kafka = Kafka(
            parse(document, {}),
            wake=lambda: None,
            written=lambda record: self.written.append(record.value or b""),
            refused=lambda record, reason: self.refused.append((record.value or b"", reason)),
        )

    @property
    def library(self) -> Rdkafka:
        return self.libraries[-1]

    def send(self, *values: bytes) -> None:
        for value in values:
            self.numbers += 1
            self.kafka.send(Record("raw", b"k", value, [], self.numbers))

    def later(self) -> None:
        """Let the longest delay pass."""
        self.kafka.turn(time.monotonic() + 60)


@pytest.fixture
def bench(document: Document, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    libraries: list[Rdkafka] = []

    def connect(settings: dict[str, Any]) -> Rdkafka:
        libraries.append(Rdkafka(settings))
        return libraries[-1]

    monkeypatch.setattr(producer, "Producer", connect)
    made = Bench(libraries)
    made.start(document())
    yield made
    made.kafka.stop()


def test_kafka_acknowledges_with_all_replicas_and_takes_each_record_once(bench: Bench) -> None:
    settings = bench.library.settings

    assert (settings["acks"], settings["enable.idempotence"], settings["message.timeout.ms"]) == (
        "all",
        True,
        0,
    )
    # Kafka refuses a batch that is larger than a topic's largest record.
    assert settings["batch.size"] < 1_049_600 == settings["message.max.bytes"]


def test_a_batch_is_never_larger_than_the_smallest_topics_largest_record(
    bench: Bench, document: Document
) -> None:
    made = document()
    made["kafka"]["topics"]["metrics"]["largest_record"] = 65_536
    bench.kafka.stop()
    bench.start(made)

    assert bench.library.settings["batch.size"] == 57_344


def test_what_kafka_has_is_written(bench: Bench) -> None:
    bench.send(b"1", b"2")
    bench.library.report(None, None)
    bench.kafka.turn(time.monotonic())

    assert bench.written == [b"1", b"2"]


def test_what_is_no_fault_of_the_record_is_tried_again_in_order_and_later_ones_wait(bench: Bench) -> None:
    bench.send(b"1", b"2", b"3")
    bench.library.report(*[KafkaError.TOPIC_AUTHORIZATION_FAILED] * 3)
    bench.kafka.turn(time.monotonic())
    bench.send(b"4")
    assert bench.library.values() == []
    assert bench.kafka.held == 4
    assert 0 < (bench.kafka.due(time.monotonic()) or 0) <= 15

    bench.later()
    assert bench.library.values() == [b"1"]  # by itself: is the trouble over?
    bench.library.report(None)
    bench.later()
    assert bench.library.values() == [b"2", b"3", b"4"]
    assert (bench.written, bench.refused, bench.kafka.held) == ([b"1"], [], 0)
    assert bench.kafka.refusals == {"TOPIC_AUTHORIZATION_FAILED": 3}


def test_a_missing_topic_costs_no_more_than_the_wait_for_it(bench: Bench) -> None:
    bench.library.unknown = True
    bench.send(b"1", b"2", b"3")
    bench.kafka.turn(time.monotonic())
    assert (bench.kafka.held, bench.refused) == (3, [])
    bench.library.unknown = False
    bench.later()
    bench.library.report(None)
    bench.later()

    assert bench.library.values() == [b"2", b"3"]


def test_trouble_that_lasts_is_tried_less_and_less_often(bench: Bench) -> None:
    bench.send(b"1")
    delays = []
    for _ in range(8):
        bench.library.report(KafkaError.UNKNOWN_TOPIC_OR_PART)
        bench.kafka.turn(time.monotonic())
        delays.append(round(bench.kafka.due(time.monotonic()) or 0))
        bench.later()

    assert delays == sorted(delays)
    assert delays[-1] == 15


def test_a_refused_batch_is_sent_again_one_by_one_and_only_the_culprit_handed_back(bench: Bench) -> None:
    bench.send(b"1", b"bad", b"3")
    bench.library.report(*[KafkaError.INVALID_RECORD] * 3)
    bench.kafka.turn(time.monotonic())
    answers = {b"1": None, b"bad": KafkaError.INVALID_RECORD, b"3": None}
    for _ in range(3):
        bench.later()
        (value,) = bench.library.values()
        bench.library.report(answers[value])
    bench.later()

    assert bench.written == [b"1", b"3"]
    assert bench.refused == [(b"bad", "refused_by_kafka")]


def test_what_another_record_kept_back_is_only_sent_again(bench: Bench) -> None:
    bench.send(b"1", b"2")
    bench.library.report(KafkaError._INVALID_DIFFERENT_RECORD, KafkaError._INVALID_DIFFERENT_RECORD)
    bench.later()

    assert bench.library.values() == [b"1", b"2"]
    assert (bench.refused, bench.kafka.refusals) == ([], {})


def test_what_librdkafka_does_not_take_is_handed_back_at_once(bench: Bench) -> None:
    bench.send(b"x" * 2000, b"2")
    bench.kafka.turn(time.monotonic())

    assert bench.refused == [(b"x" * 2000, "too_large")]
    assert bench.library.values() == [b"2"]


def test_a_fatal_error_costs_no_record_and_no_order(bench: Bench) -> None:
    bench.send(b"1", b"2", b"3")
    bench.library.report(KafkaError._FATAL)
    bench.kafka.turn(time.monotonic())
    assert len(bench.libraries) == 2
    bench.later()
    while bench.kafka.held or bench.library.given:
        bench.library.report(*[None] * len(bench.library.given))
        bench.later()

    assert bench.written == [b"1", b"2", b"3"]


def test_a_record_held_for_its_topic_is_tried_again(bench: Bench) -> None:
    bench.kafka.hold(Record("raw", None, b"1", [], 1))
    assert bench.library.values() == []
    bench.later()

    assert bench.library.values() == [b"1"]


def test_a_new_password_is_used(bench: Bench, document: Document, tmp_path: Any) -> None:
    password = tmp_path / "password"
    password.write_text("one\n", encoding="utf-8")
    made = document(kafka={"user": "worker", "password_file": str(password)})
    bench.kafka.stop()
    bench.start(made)
    assert bench.library.settings["sasl.password"] == "one"
    bench.send(b"1")
    assert not bench.kafka.renew()

    password.write_text("two\n", encoding="utf-8")
    assert bench.kafka.renew()
    assert bench.library.settings["sasl.password"] == "two"
    bench.later()
    assert bench.library.values() == [b"1"]


def test_records_reach_kafka(document: Document, kafka: MockKafka) -> None:
    bench = Bench([])
    bench.start(document(kafka.prefix, kafka.bootstrap))
    bench.send(*(b"%d" % number for number in range(500)))
    until = time.monotonic() + 20
    while len(bench.written) < 500 and time.monotonic() < until:
        bench.kafka.turn(time.monotonic())
        time.sleep(0.01)
    bench.kafka.stop()

    assert kafka.values("raw") == bench.written == [b"%d" % number for number in range(500)]
    assert bench.kafka.answered_at is not None
