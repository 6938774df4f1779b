"""Reads what lies in a Kafka topic: all of it, as nobody's consumer."""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from lab.waiting import wait_until

ANSWER_SECONDS = 10.0
_AT_ONCE = 500


@dataclass(frozen=True)
class Record:
    """A record as it lies in Kafka; headers are text, and no name comes twice."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Mapping[str, str]


@contextlib.contextmanager
def reader(settings: Mapping[str, str]) -> Iterator[Consumer]:
    """Give a consumer with librdkafka's settings of a client; it commits nothing."""
    own = {
        "group.id": "nobody",
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "fetch.wait.max.ms": 20,
    }
    consumer = Consumer({**settings, **own}, logger=quiet())
    try:
        yield consumer
    finally:
        consumer.close()


def ends(consumer: Consumer, topic: str) -> list[tuple[int, int]]:
    """Return the number of each partition, and how many records were ever written to it."""
    partitions = sorted(consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].partitions)
    return [(number, _end(consumer, TopicPartition(topic, number))) for number in partitions]


def _end(consumer: Consumer, partition: TopicPartition) -> int:
    """Return a partition's end; a Kafka that has just started may not lead it yet."""
    found: list[int] = []

    def is_told() -> bool:
        try:
            found.append(consumer.get_watermark_offsets(partition, ANSWER_SECONDS)[1])
        except KafkaException:
            return False
        return True

    wait_until(is_told, 3 * ANSWER_SECONDS, f"the end of {partition.topic}")
    return found[0]


def records(consumer: Consumer, topic: str) -> Iterator[Record]:
    """Give every record of a topic, partition by partition in order; raises KafkaException."""
    for partition, end in ends(consumer, topic):
        if end:
            consumer.assign([TopicPartition(topic, partition, 0)])
            yield from _until(consumer, end)


def quiet() -> logging.Logger:
    """Return a logger that says nothing: a client that finds nobody says so again and again."""
    logger = logging.getLogger("tests.support.kafka")
    logger.disabled = True
    return logger


def _until(consumer: Consumer, end: int) -> Iterator[Record]:
    following = 0
    while following < end:
        # It waits until it has as many as it is asked for.
        found = consumer.consume(min(_AT_ONCE, end - following), ANSWER_SECONDS)
        assert found, f"Kafka gives {following} of {end} records"
        for message in found:
            if error := message.error():
                raise KafkaException(error)
            record = _record(message)
            following = record.offset + 1
            yield record


def _record(message: Message) -> Record:
    # A header's value is bytes, whatever the library's types say.
    headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    named = {name: (value or b"").decode() for name, value in headers}
    assert len(named) == len(headers), headers
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return Record(topic, partition, offset, message.key(), message.value() or b"", named)
