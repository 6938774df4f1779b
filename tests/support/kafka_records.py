"""What lies in a topic of the lab's Kafka, read anew each time."""

from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from lab.estate import Estate
from tests.support import servers
from tests.support.shell import Shell

ANSWER_SECONDS = 20.0


@dataclass(frozen=True)
class Kept:
    """A record of a topic."""

    partition: int
    key: bytes
    value: bytes
    headers: dict[str, str]


def records_of(deployed: Shell, estate: Estate, topic: str) -> list[Kept]:
    """Return every record of a topic, partition by partition, in order."""
    administrator = estate.kafka_administrator()
    settings = servers.kafka(deployed, administrator.user, administrator.password_file.read_text())
    consumer = Consumer({**settings, "group.id": "reads-without-a-group", "enable.auto.commit": False})
    try:
        found = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic]
        return [record for partition in found.partitions for record in _partition(consumer, topic, partition)]
    finally:
        consumer.close()


def _partition(consumer: Consumer, topic: str, partition: int) -> list[Kept]:
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=ANSWER_SECONDS)
    # The oldest may have been deleted: not from 0.
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
    kept: list[Kept] = []
    while consumer.position([TopicPartition(topic, partition)])[0].offset < end:
        message = consumer.poll(ANSWER_SECONDS)
        if message is None:
            # Nothing is left but what was deleted or is a transaction's mark.
            break
        if message.error():
            raise KafkaException(message.error())
        headers = {str(name): _text(value) for name, value in dict(message.headers() or []).items()}
        kept.append(Kept(partition, _bytes(message.key()), _bytes(message.value()), headers))
    return kept


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _text(value: object) -> str:
    return _bytes(value).decode()
