"""A Kafka within the test's own process: librdkafka's mock cluster, which speaks Kafka's protocol on a real port."""

from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition


@dataclass
class MockKafka:
    """One broker, which lives as long as `holder`."""

    holder: Producer
    bootstrap: str
    prefix: str
    """What the names of the test's own topics begin with."""

    def records(self, topic: str) -> list[Any]:
        """Return all records of a topic."""
        reader = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": "test", "enable.partition.eof": True}
        )
        name = f"{self.prefix}.{topic}"
        partitions = reader.list_topics(name, timeout=10).topics[name].partitions
        reader.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in partitions])
        found, ended = [], 0
        while ended < len(partitions):
            message = reader.poll(10)
            assert message is not None
            if message.error():
                ended += 1
            else:
                found.append(message)
        reader.close()
        return found

    def values(self, topic: str) -> list[bytes]:
        """Return the values of a topic's records, partition by partition."""
        return [record.value() for record in self.records(topic)]
