"""Reads the compacted topic of births: to its end before a worker starts, then on, because others write it too."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from images.worker.sparkplug.births import Births
from images.worker.sparkplug.results import KeptBirth

CONFIGURATION: Final[Mapping[str, str | bool]] = {
    # The client library wants a name; partitions are assigned here, and nothing is committed.
    "group.id": "births",
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    # Tells the end of a partition: its last records may be compacted away, so that no offset would.
    "enable.partition.eof": True,
}
"""What a consumer for `Follower` is configured with, beside the servers and the login."""
_POLL_SECONDS: Final = 0.5
_REST_SECONDS: Final = 1.0


class NotRead(Exception):
    """The topic of births could not be read to its end; the message says why."""


class Consumer(Protocol):
    """What is used of `confluent_kafka.Consumer`."""

    def list_topics(self, topic: str, timeout: float) -> Any:
        """Return the cluster's metadata of the topic."""

    def assign(self, partitions: list[TopicPartition]) -> None:
        """Read these partitions from these offsets."""

    def poll(self, timeout: float) -> Any:
        """Return the next message or event, None if there is none within the seconds."""

    def close(self) -> None:
        """Leave."""


class Follower:
    """Keeps `births` as the topic has them; `report` is given a sentence when reading fails, once for each reason."""

    def __init__(
        self, consumer: Consumer, topic: str, births: Births, report: Callable[[str], None] = lambda _: None
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._births = births
        self._report = report
        self._reported = ""
        self._open: set[int] = set()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def read(self, seconds: float) -> None:
        """Read every partition to its end; raises NotRead if that takes longer than these seconds."""
        deadline = time.monotonic() + seconds
        self._open = self._partitions(seconds)
        self._consumer.assign(
            [TopicPartition(self._topic, one, OFFSET_BEGINNING) for one in sorted(self._open)]
        )
        while self._open:
            if time.monotonic() > deadline:
                raise NotRead(
                    f"{self._topic} is not read to its end after {seconds:g} s {self._reported}".rstrip()
                )
            self._next()

    def follow(self) -> None:
        """Go on reading, in a thread of its own, until `close`."""
        self._thread = threading.Thread(target=self._run, name="births", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End reading, and leave the consumer."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._consumer.close()

    @property
    def follows(self) -> bool:
        """Whether the thread reads on."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._next()
            except (KafkaException, RuntimeError) as error:
                self._fails(str(error))
                self._ended.wait(_REST_SECONDS)

    def _partitions(self, seconds: float) -> set[int]:
        try:
            topic = self._consumer.list_topics(self._topic, timeout=seconds).topics[self._topic]
        except KafkaException as error:
            raise NotRead(f"{self._topic} cannot be asked for: {error}") from error
        if topic.error is not None:
            raise NotRead(f"{self._topic} cannot be read: {topic.error}")
        return set(topic.partitions)

    def _next(self) -> None:
        """Take the next message or event in; errors of a connection or a login are the client library's to get over."""
        message = self._consumer.poll(_POLL_SECONDS)
        if message is None:
            return
        error = message.error()
        if error is None:
            self._reported = ""
            if (record := _record(message)) is not None:
                self._births.load([record])
        elif error.code() == KafkaError._PARTITION_EOF:
            self._open.discard(message.partition())
        elif error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
            # The client library asks after its group, which it needs no right to: nothing is read by it.
            self._fails(str(error))

    def _fails(self, reason: str) -> None:
        if reason != self._reported:
            self._reported = reason
            self._report(f"births cannot be read from {self._topic}: {reason}")


def _record(message: Any) -> KeptBirth | None:
    """Return a message of the topic as a kept birth; None where its key is no text, which no worker writes."""
    try:
        key = (message.key() or b"").decode()
    except UnicodeDecodeError:
        return None
    headers = tuple((name, value) for name, value in message.headers() or () if isinstance(value, bytes))
    return KeptBirth(key, message.value(), message.timestamp()[1], headers) if key else None
