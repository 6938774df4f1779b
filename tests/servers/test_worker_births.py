"""Births in a real Kafka: a worker reads the compacted topic by the right to that topic alone, and follows it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from images.worker.sparkplug import Decoder, Follower, KeptBirth
from images.worker.sparkplug.kept import CONFIGURATION
from lab.waiting import wait_until
from tests.support.one_kafka import OneKafka, one_kafka
from tests.support.sparkplug import death, metric, node_birth, payload

TOPIC = "site.births"
READER = "reader"
PATIENCE = 120
NAMES = (metric(name="level", alias=1, datatype="Int8"),)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneKafka]:
    with one_kafka(tmp_path_factory.mktemp("kafka")) as running:
        running.make_topics({TOPIC: {"cleanup.policy": "compact"}})
        yield running


@pytest.fixture(scope="module")
def password(kafka: OneKafka) -> str:
    """The password of a user that may read the topic and has no right to any group."""
    made = kafka.make_user(READER, [TOPIC])
    whom, anywhere = f"User:{READER}", "*"
    pattern, allow = ResourcePatternType.LITERAL, AclPermissionType.ALLOW
    rights = [AclBinding(ResourceType.TOPIC, TOPIC, pattern, whom, anywhere, AclOperation.READ, allow)]
    admin = kafka.admin()
    for future in admin.create_acls(rights).values():
        future.result(PATIENCE)
    return made


def write(kafka: OneKafka, *births: KeptBirth) -> None:
    """Write births as the worker does."""
    producer, failed = Producer(kafka.settings()), []

    def delivered(error: KafkaError | None, _: Message) -> None:
        failed.extend([error] if error else [])

    for birth in births:
        stamp: int = birth.received
        headers: dict[str, str | bytes | None] = dict(birth.headers)
        producer.produce(
            TOPIC, birth.value, birth.key, timestamp=stamp, headers=headers, on_delivery=delivered
        )
    assert producer.flush(PATIENCE) == 0
    assert not failed


def heard(*messages: tuple[str, str, bytes], at: float = 1_700_000_000.0) -> list[KeptBirth]:
    """What a worker keeps of these messages."""
    decoder = Decoder(largest=2**20, clock=lambda: at)
    found = [
        decoder.decode(["spBv1.0", "g", kind, *where.split("/")], given) for kind, where, given in messages
    ]
    return [birth for one in found for birth in one.births]


@contextmanager
def following(kafka: OneKafka, password: str, decoder: Decoder) -> Iterator[Follower]:
    told: list[str] = []
    consumer = Consumer({**kafka.settings(READER, password), **CONFIGURATION})
    with closing(Follower(consumer, TOPIC, decoder.births, told.append)) as follower:
        follower.read(PATIENCE)
        assert not told
        follower.follow()
        yield follower


def test_a_worker_that_starts_later_knows_what_lives_and_hears_what_comes(
    kafka: OneKafka, password: str
) -> None:
    devices = [("DBIRTH", f"n/d{number}", payload(*NAMES, seq=number + 1)) for number in range(9)]
    write(kafka, *heard(("NBIRTH", "n", node_birth(0, *NAMES)), *devices))
    write(kafka, *heard(("NBIRTH", "gone", node_birth(3)), ("NDEATH", "gone", death(3))))
    decoder = Decoder(largest=2**20)
    with following(kafka, password, decoder) as follower:
        assert decoder.counts().births == 10
        write(kafka, *heard(("NBIRTH", "m", node_birth(0, *NAMES))))
        wait_until(lambda: decoder.counts().births == 11, PATIENCE, "the birth that another worker heard")
        write(
            kafka,
            *heard(("NBIRTH", "n", node_birth(0, *NAMES)), ("NDEATH", "n", death(0)), at=1_750_000_000.0),
        )
        wait_until(lambda: decoder.counts().births == 1, PATIENCE, "the death that another worker heard")
        assert follower.follows


def test_it_goes_on_when_kafka_was_away(kafka: OneKafka, password: str) -> None:
    decoder = Decoder(largest=2**20)
    with following(kafka, password, decoder) as follower:
        before = decoder.counts().births
        kafka.kill()
        kafka.start()
        write(kafka, *heard(("NBIRTH", "later", node_birth(0, *NAMES))))
        wait_until(lambda: decoder.counts().births == before + 1, PATIENCE, "the birth from after it")
        assert follower.follows
