"""The Sparkplug decoder with the births that Kafka keeps: read to their end before the first message is taken."""

import threading
import time
from collections.abc import Iterable
from dataclasses import asdict

from confluent_kafka import Consumer, KafkaError
from prometheus_client.core import Metric

from images.worker import logs
from images.worker.connection import kafka_login
from images.worker.figures import Health, counter, gauge
from images.worker.producer import FRAME_BYTES
from images.worker.settings import Settings
from images.worker.sparkplug import Decoder, Follower, NotRead
from images.worker.sparkplug.kept import CONFIGURATION

_READ_SECONDS = 20.0
_AGAIN_SECONDS = 2.0
_WORDS = {
    "sequence_gaps": "Messages whose sequence number did not follow.",
    "lost_births": "Nodes and devices that spoke without a known birth.",
    "nameless": "Metrics that no known birth names.",
    "rebirths": "Rebirths asked for.",
    "given_up": "Nodes forgotten because memory was full.",
}


class Births:
    """A decoder that knows what other workers heard."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        largest = settings.kafka.topics["sparkplug"].largest_record
        self.decoder = Decoder(
            largest=max(largest - FRAME_BYTES, largest // 2), host_id=settings.sparkplug.host_id
        )
        self._follower: Follower | None = None

    def read(self, stopped: threading.Event, health: Health) -> None:
        """Read what Kafka keeps, and go on reading; try until it works, or the worker is stopped."""
        topic = self._settings.kafka.topics["births"].name
        while not stopped.is_set():
            health.turned_at = time.monotonic()
            consumer = Consumer(self._consumer_settings())
            follower = Follower(consumer, topic, self.decoder.births, _failed)
            try:
                follower.read(_READ_SECONDS)
            except NotRead as failure:
                _failed(str(failure))
                follower.close()
                stopped.wait(_AGAIN_SECONDS)
                continue
            follower.follow()
            self._follower = follower
            logs.say("births_read", births=self.decoder.counts().births)
            return

    def close(self) -> None:
        """End reading."""
        if self._follower is not None:
            self._follower.close()

    def figures(self) -> Iterable[Metric]:
        """Give the decoder's figures."""
        counts = asdict(self.decoder.counts())
        for name, words in _WORDS.items():
            yield counter(f"sparkplug_{name}", words, counts[name])
        yield gauge("sparkplug_births", "Nodes and devices whose birth is known.", counts["births"])
        yield gauge("sparkplug_births_bytes", "Memory of the births that are known.", counts["bytes"])

    def _consumer_settings(self) -> dict[str, object]:
        return {**kafka_login(self._settings), **CONFIGURATION, "error_cb": _erred}


def _failed(reason: str) -> None:
    logs.say_seldom("births_not_read", "births", message=reason)


def _erred(error: KafkaError) -> None:
    logs.say_seldom("kafka_error", error.name(), message=error.str())
