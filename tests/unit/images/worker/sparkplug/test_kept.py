"""Births are read from their topic to its end, and then on; what goes wrong there is reported and got over."""

import queue
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from images.worker.sparkplug.births import Births
from images.worker.sparkplug.kept import CONFIGURATION, Follower, NotRead
from lab.waiting import wait_until
from tests.support.sparkplug import node_birth

TOPIC = "site.births"


@dataclass(frozen=True)
class Said:
    """A message or an event, as the client library gives it."""

    of: int = 0
    failure: KafkaError | None = None
    named: bytes | None = None
    payload: bytes | None = None
    at: int = 1
    told: list[tuple[str, bytes | None]] | None = None

    def error(self) -> KafkaError | None:
        return self.failure

    def partition(self) -> int:
        return self.of

    def key(self) -> bytes | None:
        return self.named

    def value(self) -> bytes | None:
        return self.payload

    def timestamp(self) -> tuple[int, int]:
        return 1, self.at

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self.told


def end(partition: int) -> Said:
    return Said(partition, KafkaError(KafkaError._PARTITION_EOF))


def failure(code: int) -> Said:
    return Said(failure=KafkaError(code))


def birth(node: str, at: int = 1) -> Said:
    return Said(named=node.encode(), payload=node_birth(0), at=at)


@dataclass
class Fake:
    """A consumer that gives what it is told to; an exception is raised."""

    partitions: Iterable[int] = (0,)
    error: KafkaError | None = None
    said: "queue.Queue[Said | Exception]" = field(default_factory=queue.Queue)
    assigned: list[TopicPartition] = field(default_factory=list)
    closed: bool = False

    def tell(self, *messages: Said | Exception) -> "Fake":
        for message in messages:
            self.said.put(message)
        return self

    def list_topics(self, topic: str, timeout: float) -> Any:
        assert timeout
        partitions = dict.fromkeys(self.partitions)
        return SimpleNamespace(topics={topic: SimpleNamespace(error=self.error, partitions=partitions)})

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned = partitions

    def poll(self, timeout: float) -> Said | None:
        try:
            message = self.said.get(timeout=timeout / 10)
        except queue.Empty:
            return None
        if isinstance(message, Exception):
            raise message
        return message

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def births() -> Births:
    return Births(2**20)


def test_every_partition_is_read_from_its_beginning_to_its_end(births: Births) -> None:
    fake = Fake(partitions=(0, 1, 2))
    fake.tell(birth("a"), end(0), end(2), birth("b"), birth("c"), end(1), birth("later"))
    Follower(fake, TOPIC, births).read(10)
    assert [(one.topic, one.partition, one.offset) for one in fake.assigned] == [
        (TOPIC, number, OFFSET_BEGINNING) for number in (0, 1, 2)
    ]
    assert births.counts().births == 3
    assert fake.said.qsize() == 1, "what comes behind the end is no longer waited for"


def test_a_topic_that_is_not_read_in_time_is_an_error_that_says_why(births: Births) -> None:
    fake = Fake().tell(birth("a"), failure(KafkaError._ALL_BROKERS_DOWN))
    with pytest.raises(
        NotRead, match=r"site\.births is not read to its end after 0\.2 s .*_ALL_BROKERS_DOWN"
    ):
        Follower(fake, TOPIC, births).read(0.2)


def test_a_topic_that_is_not_there_is_an_error(births: Births) -> None:
    fake = Fake(error=KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    with pytest.raises(NotRead, match="UNKNOWN_TOPIC"):
        Follower(fake, TOPIC, births).read(1)


def test_a_kafka_that_does_not_answer_is_an_error(births: Births, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object, **__: object) -> Any:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    fake = Fake()
    monkeypatch.setattr(fake, "list_topics", refuses)
    with pytest.raises(NotRead, match="_TRANSPORT"):
        Follower(fake, TOPIC, births).read(1)


def test_an_error_that_passes_does_not_end_reading(births: Births) -> None:
    fake = Fake().tell(failure(KafkaError._ALL_BROKERS_DOWN), birth("a"), end(0))
    Follower(fake, TOPIC, births).read(10)
    assert births.counts().births == 1


def test_it_needs_no_right_to_a_group(births: Births) -> None:
    told: list[str] = []
    fake = Fake().tell(failure(KafkaError.GROUP_AUTHORIZATION_FAILED), birth("a"), end(0))
    Follower(fake, TOPIC, births, told.append).read(10)
    assert births.counts().births == 1
    assert not told


def test_what_others_write_is_followed_until_it_is_closed(births: Births) -> None:
    fake = Fake().tell(end(0))
    follower = Follower(fake, TOPIC, births)
    follower.read(10)
    follower.follow()
    fake.tell(birth("a"), end(0), birth("b"))
    wait_until(lambda: births.counts().births == 2, 10, "both births")
    assert follower.follows
    follower.close()
    assert fake.closed
    assert not follower.follows


def test_a_failure_is_reported_once_and_following_goes_on(births: Births) -> None:
    told: list[str] = []
    fake = Fake().tell(end(0))
    follower = Follower(fake, TOPIC, births, told.append)
    follower.read(10)
    follower.follow()
    try:
        down = failure(KafkaError._ALL_BROKERS_DOWN)
        fake.tell(down, down, birth("a"), down, KafkaException(KafkaError(KafkaError._FATAL)))
        wait_until(lambda: len(told) == 3, 10, "each reason once, and the first again after it worked")
    finally:
        follower.close()
    assert births.counts().births == 1
    assert "_ALL_BROKERS_DOWN" in told[0]
    assert told[1] == told[0]
    assert "_FATAL" in told[2]


def test_key_value_time_and_headers_are_taken_as_they_are(births: Births) -> None:
    session: list[tuple[str, bytes | None]] = [("bdseq", b"0"), ("empty", None)]
    fake = Fake().tell(birth("a", at=5), Said(named=b"a", at=4, told=session), end(0))
    Follower(fake, TOPIC, births).read(10)
    assert births.counts().births == 1, "a tombstone from before"
    fake = Fake().tell(Said(named=b"a", at=6, told=session), end(0))
    Follower(fake, TOPIC, births).read(10)
    assert births.counts().births == 0


@pytest.mark.parametrize("key", [None, b"", b"\xff"])
def test_a_record_without_a_readable_key_is_passed_over(births: Births, key: bytes | None) -> None:
    fake = Fake().tell(Said(named=key, payload=node_birth(0)), end(0))
    Follower(fake, TOPIC, births).read(10)
    assert births.counts().births == 0


def test_a_consumer_is_configured_to_tell_the_end_and_to_commit_nothing() -> None:
    assert CONFIGURATION["enable.partition.eof"] is True
    assert CONFIGURATION["enable.auto.commit"] is False
