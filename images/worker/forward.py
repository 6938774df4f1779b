"""From a message to its records: routed, decoded, bounded, and a dead letter where Kafka would refuse it."""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from images.worker import logs, topics
from images.worker.acknowledgements import Message
from images.worker.producer import TOO_LARGE, Headers, Record, encoded_size, spare
from images.worker.publish import Publish
from images.worker.settings import Settings
from images.worker.sparkplug.results import Decoded, KeptBirth, Rebirth, Unreadable
from images.worker.topics import BIRTHS_AND_DEATHS, DEAD_LETTER, EVENTS, Routed

QOS_0_AT_ONCE = 5_000
"""Messages of QoS 0 that are held beside the window, for the broker sends them without being asked."""
FIRST_BYTES = 64 * 2**10
"""What is kept of a message that fits no topic; its header `sha256` is of all of it."""
BIRTHS = "births"
"""The compacted topic of births."""
NOT_UTF8 = "topic_not_utf8"
ODD_PACKET = "odd_packet"
WORKER_ERROR = "worker_error"


class Decoder(Protocol):
    """What makes JSON of Sparkplug B: `images.worker.sparkplug.Decoder`."""

    def decode(self, levels: Sequence[str], payload: bytes, *, again: bool = False) -> Decoded | Unreadable:
        """Return the record's value, or the reason for which there is none."""


@dataclass
class Counts:
    """What went where, for the figures."""

    written: dict[str, int] = field(default_factory=dict)
    dead_letters: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)
    refused: int = 0


class Forwarder:
    """Makes records of messages, and knows which messages are not yet in Kafka. Used by one thread."""

    def __init__(
        self,
        settings: Settings,
        send: Callable[[Record], None],
        done: Callable[[Message], None],
        *,
        hold: Callable[[Record], None],
        decoder: Decoder | None = None,
        command: Callable[[Rebirth], None] = lambda _: None,
    ) -> None:
        self._settings, self._send, self._done, self._decoder = settings, send, done, decoder
        self._hold, self._command = hold, command
        self._spare = spare(settings.kafka.topics)
        self._site = settings.site.encode()
        self._numbers = 0
        self._under_way: dict[int, Message] = {}
        self._bytes = 0
        self.counts = Counts()

    def has_room(self) -> bool:
        """Say whether another message may be taken: the window and QoS 0, and bytes, are bounded."""
        most = self._settings.mqtt.window + QOS_0_AT_ONCE
        return len(self._under_way) < most and self._bytes < self._settings.kafka.buffer_bytes

    @property
    def under_way(self) -> int:
        """Messages that Kafka does not have yet."""
        return len(self._under_way)

    def oldest_seconds(self) -> float:
        """Return the age of the oldest message that Kafka does not have, in seconds; 0 without one."""
        oldest = min((message.at for message in list(self._under_way.values())), default=None)
        return 0.0 if oldest is None else time.monotonic() - oldest

    def forward(self, message: Message) -> None:
        """Send a message's records."""
        records = self._records(message.publish)
        message.records = len(records)
        if not records:
            self._done(message)
            return
        self._under_way[message.number] = message
        self._bytes += message.size
        for record in records:
            record.source = message
            self._send(record)

    def written(self, record: Record) -> None:
        """Note that Kafka has a record: with its last one, the message is done."""
        message = record.source
        assert isinstance(message, Message)  # noqa: S101 - `forward` set it
        self.counts.written[record.topic] = self.counts.written.get(record.topic, 0) + 1
        message.records -= 1
        if message.records == 0:
            self._bytes -= message.size
            del self._under_way[message.number]
            self._done(message)

    def refused(self, record: Record, reason: str) -> None:
        """Send what Kafka refused for itself as a dead letter, and what that topic refuses in short."""
        self.counts.refused += 1
        logs.say_seldom("record_refused", reason, topic=record.topic, bytes=len(record.value or b""))
        if not record.value and any(name == "sha256" for name, _ in record.headers):
            # There is nothing left to leave out.
            record.alone = False
            self._hold(record)
            return
        self._send(self._dead_letter(record, reason, short=record.topic == self._spare))

    def _records(self, publish: Publish) -> list[Record]:
        received = logs.now()
        try:
            return self._known_records(publish, received)
        except Exception as error:  # noqa: BLE001 - no message stops the worker, whatever is wrong with it or with us
            logs.say_seldom("message_failed", type(error).__name__, message=str(error)[:200])
            topic = publish.topic.decode(errors="backslashreplace")
            headers = self._headers(publish, topic, Routed(DEAD_LETTER), received)
            return [self._record(DEAD_LETTER, None, publish.payload, headers, WORKER_ERROR)]

    def _known_records(self, publish: Publish, received: str) -> list[Record]:
        try:
            topic = publish.topic.decode()
        except UnicodeDecodeError:
            topic, routed = (
                publish.topic.decode(errors="backslashreplace"),
                Routed(DEAD_LETTER, reason=NOT_UTF8),
            )
        else:
            known = bool(topic) and publish.whole
            routed = (
                topics.route(topic, publish.payload, self._settings.topics, received)
                if known
                else Routed(DEAD_LETTER, reason=ODD_PACKET)
            )
        if routed.topic is None:
            self._count(self.counts.ignored, routed.reason or "")
            return []
        headers = self._headers(publish, topic, routed, received)
        value = publish.payload if routed.value is None else routed.value
        if routed.topic != topics.SPARKPLUG:
            return [self._record(routed.topic, routed.key, value, headers, routed.reason)]
        return self._sparkplug(publish, routed, topic, headers, received)

    def _sparkplug(
        self, publish: Publish, routed: Routed, topic: str, headers: Headers, received: str
    ) -> list[Record]:
        key, reason, value = routed.key, None, publish.payload
        births: tuple[KeptBirth, ...] = ()
        if self._decoder is not None:
            decoded = self._decoder.decode(routed.levels, publish.payload, again=publish.again)
            births = decoded.births
            if isinstance(decoded, Decoded):
                value = decoded.json
            else:
                reason = decoded.reason
            if decoded.rebirth is not None:
                self._command(decoded.rebirth)
        name = topics.SPARKPLUG if reason is None else DEAD_LETTER
        records = [self._record(name, key, value, headers, reason)]
        if routed.levels[2] in BIRTHS_AND_DEATHS:
            event = topics.birth_event(routed.levels, topic, received)
            records.append(self._record(EVENTS, key, event, headers, None))
        return records + [self._birth(birth) for birth in births]

    def _birth(self, birth: KeptBirth) -> Record:
        self._numbers += 1
        headers, key = [*birth.headers], birth.key.encode()
        return Record(BIRTHS, key, birth.value, headers, self._numbers, timestamp=birth.received)

    def _headers(self, publish: Publish, topic: str, routed: Routed, received: str) -> Headers:
        headers = [
            ("topic", topic.encode()),
            ("qos", b"%d" % publish.qos),
            ("retain", b"true" if publish.retain else b"false"),
            ("received", received.encode()),
            ("site", self._site),
        ]
        assets, device = self._settings.assets, routed.device
        asset = assets.get(device or "") or assets.get(routed.key or "") or assets.get(routed.space or "")
        if asset:
            headers.append(("asset", asset.encode()))
        if device:
            # Who published, which the policy guarantees: the device, and for Sparkplug its edge node.
            client = ((routed.key if routed.levels else None) or device).encode()
            headers += [("device", device.encode()), ("client", client), ("name", client)]
        # Kafka takes an empty header, readers of the records need not.
        return [header for header in headers if header[1]]

    def _record(
        self, topic: str, key: str | None, value: bytes, headers: Headers, reason: str | None
    ) -> Record:
        self._numbers += 1
        if topic == DEAD_LETTER:
            topic = self._spare
        if reason is not None:
            self._count(self.counts.dead_letters, reason)
            headers = [*headers, ("reason", reason.encode())]
        record = Record(topic, None if key is None else key.encode(), value, headers, self._numbers)
        return self._fitting(record)

    def _fitting(self, record: Record) -> Record:
        """Return a record that its topic takes: itself, a dead letter, or one in short."""
        size, kafka = encoded_size(record), self._settings.kafka.topics
        if size <= kafka[record.topic].largest_record:
            return record
        return self._dead_letter(record, TOO_LARGE, short=size > kafka[self._spare].largest_record)

    def _dead_letter(self, record: Record, reason: str, *, short: bool) -> Record:
        """Return the dead letter of a record; in short it has the first bytes, the length and a SHA-256."""
        headers = [header for header in record.headers if header[0] not in ("reason", "length", "sha256")]
        earlier = dict(record.headers)
        self._count(self.counts.dead_letters, reason)
        value = record.value or b""
        added = [("reason", reason.encode())]
        if "sha256" in earlier:
            # In short already, and refused: without any of it.
            value, added = b"", [*added, ("length", earlier["length"]), ("sha256", earlier["sha256"])]
        elif short:
            digest = hashlib.sha256(value).hexdigest()
            added += [("length", b"%d" % len(value)), ("sha256", digest.encode())]
            largest = self._settings.kafka.topics[self._spare].largest_record
            value = value[: min(FIRST_BYTES, largest // 4)]
            headers = _bounded(headers, largest // 2)
        key = record.key if record.key is None or len(record.key) < 1024 else record.key[:1024]
        return Record(self._spare, key, value, [*headers, *added], record.number, source=record.source)

    @staticmethod
    def _count(counts: dict[str, int], name: str) -> None:
        counts[name] = counts.get(name, 0) + 1


def _bounded(headers: Iterable[tuple[str, bytes]], most: int) -> Headers:
    """Return headers of which none is longer than its part of `most` bytes."""
    found = list(headers)
    part = most // max(len(found), 1)
    return [(name, value[:part]) for name, value in found]
