"""Writes records to Kafka, in order for each topic, and says of each whether Kafka has it.

Kafka acknowledges with all replicas in sync, and takes each record once (idempotence). librdkafka waits for a Kafka
that is away as long as it takes. What Kafka refuses for itself is handed back; what it refuses for another reason
(rights, a topic that is missing) is held and tried again, with everything for that topic that comes after it.
"""

import bisect
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer

from images.worker import logs
from images.worker.connection import Files, producer_settings
from images.worker.settings import Settings

# Refusals that are the record's own.
_TOO_LARGE = frozenset(
    {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE, KafkaError.RECORD_LIST_TOO_LARGE}
)
_INVALID = frozenset({KafkaError.INVALID_RECORD, KafkaError.INVALID_TIMESTAMP})
_NO_REFUSAL = frozenset(
    {KafkaError._INVALID_DIFFERENT_RECORD, KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}
)
"""Why a record was not written that was well itself: another one of its batch, or a producer that was given up."""
TOO_LARGE, REFUSED = "too_large", "refused_by_kafka"
"""Reasons for which Kafka does not take a record as it is."""

_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 0.5, 15.0
_POLL_SECONDS = 0.5
_GIVE_UP_SECONDS = 10.0
_ASK_SECONDS = 5.0
# Format 2 of Kafka's batches: a batch's own bytes, and the most that a record has beside key, value and headers.
_BATCH_BYTES, _RECORD_BYTES = 61, 21
FRAME_BYTES = 256 * 2**10
"""Room for a record's key and headers, which hold a topic of MQTT and its levels."""


Headers = list[tuple[str, bytes]]


@dataclass(slots=True, eq=False)
class Record:
    """One record: `topic` by the site file's name, `number` its place in the order of its topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    number: int
    timestamp: int = 0
    """Milliseconds since 1970; 0 for the moment at which it is given to librdkafka."""
    source: object = None
    """What the record is of; the producer does not look at it."""
    alone: bool = False
    """Refused with others in one batch: sent again by itself, which shows whose fault it was."""


@dataclass(slots=True)
class Outlet:
    """One Kafka topic: what is with librdkafka, and what is held until it may be tried again."""

    name: str
    held: list[Record] = field(default_factory=list)
    sent: int = 0
    single: bool = False
    """One record is out by itself; the others wait for its answer."""
    troubled: bool = False
    due: float = 0.0
    delay: float = 0.0


Report = tuple[Record, KafkaError | None]


class Kafka:
    """The producer. It is used by one thread; two more wait for librdkafka, and wake it.

    `written(record)` is called for each that Kafka has, `refused(record, reason)` for each that it will never take as
    it is; both within `turn`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        wake: Callable[[], None],
        written: Callable[[Record], None],
        refused: Callable[[Record, str], None],
    ) -> None:
        self._settings, self._wake, self._written, self._refused = settings, wake, written, refused
        self._outlets = {name: Outlet(topic.name) for name, topic in settings.kafka.topics.items()}
        self._reports: deque[Report] = deque()
        self._fatal = False
        self._stopped = threading.Event()
        self._files = Files(settings.kafka.files)
        self.answered_at: float | None = None
        """When Kafka answered last, by the monotonic clock."""
        self.errors: dict[str, int] = {}
        self.refusals: dict[str, int] = {}
        self._producer = self._connect()
        self._reporter = threading.Thread(target=self._wait_for_reports, name="reports", daemon=True)
        for thread in (self._reporter, threading.Thread(target=self._ask, name="asks", daemon=True)):
            thread.start()

    def send(self, record: Record) -> None:
        """Take a record; it never blocks. What was taken before for the same topic goes first."""
        outlet = self._outlets[record.topic]
        if outlet.held or outlet.single:
            bisect.insort(outlet.held, record, key=_number)
        else:
            self._produce(outlet, record)

    def hold(self, record: Record) -> None:
        """Take a record that its topic refused, to try it again later: it is the topic that is wrong."""
        outlet = self._outlets[record.topic]
        self._delay(outlet, time.monotonic())
        bisect.insort(outlet.held, record, key=_number)

    def turn(self, now: float) -> None:
        """Do what Kafka's answers ask for, and try again what is due."""
        reports = self._reports
        while reports:
            record, error = reports.popleft()
            outlet = self._outlets[record.topic]
            outlet.sent -= 1
            if error is None:
                self.answered_at = now
                outlet.single, outlet.troubled, outlet.delay = False, False, 0.0
                self._written(record)
            else:
                self._failed(outlet, record, error, now)
        if self._fatal:
            self._begin_anew()
        for outlet in self._outlets.values():
            if outlet.held and now >= outlet.due:
                self._try_again(outlet)

    def due(self, now: float) -> float | None:
        """Return in how many seconds something held is tried again; None when nothing waits for a time."""
        times = [outlet.due - now for outlet in self._outlets.values() if outlet.held and not outlet.single]
        times = [seconds for seconds in times if seconds > 0]
        return min(times, default=None)

    @property
    def held(self) -> int:
        """Records that wait to be tried again."""
        return sum(len(outlet.held) for outlet in self._outlets.values())

    def renew(self) -> bool:
        """Connect with the files' new content, if there is one; say whether there was."""
        if not self._files.changed():
            return False
        # What is under way gets a little time with the old connection; the rest is written by the new one.
        self._producer.flush(_POLL_SECONDS)
        self._begin_anew()
        return True

    def stop(self) -> None:
        """End; what Kafka has not acknowledged is not waited for."""
        self._stopped.set()
        self._producer.purge()
        self._producer.flush(_POLL_SECONDS)
        # Who asks may still wait for an answer, and changes nothing.
        self._reporter.join(_GIVE_UP_SECONDS)

    def _produce(self, outlet: Outlet, record: Record) -> None:
        outlet.sent += 1
        try:
            self._producer.produce(
                outlet.name,
                record.value,
                record.key,
                headers=[*record.headers],
                timestamp=record.timestamp,
                on_delivery=partial(self._reported, record),
            )
        except BufferError:
            self._reports.append((record, KafkaError(KafkaError._QUEUE_FULL)))
            self._wake()
        except KafkaException as refusal:
            # Nothing else was in a batch with it.
            record.alone = refusal.args[0].code() in _TOO_LARGE | _INVALID
            self._reports.append((record, refusal.args[0]))
            self._wake()

    def _reported(self, record: Record, error: KafkaError | None, _message: object) -> None:
        self._reports.append((record, error))

    def _failed(self, outlet: Outlet, record: Record, error: KafkaError, now: float) -> None:
        code = error.code()
        reason = TOO_LARGE if code in _TOO_LARGE else REFUSED if code in _INVALID else None
        was_alone, outlet.single = record.alone, False
        if reason is not None and was_alone:
            self._refused(record, reason)
            return
        if reason is not None:
            record.alone = True
        elif code not in _NO_REFUSAL:
            name = error.name()
            self.refusals[name] = self.refusals.get(name, 0) + 1
            logs.say_seldom("kafka_refuses", name, topic=outlet.name, message=error.str())
            self._delay(outlet, now)
            self._fatal |= code == KafkaError._FATAL or error.fatal()
        bisect.insort(outlet.held, record, key=_number)

    @staticmethod
    def _delay(outlet: Outlet, now: float) -> None:
        outlet.troubled = True
        outlet.delay = min(max(outlet.delay * 2, _FIRST_DELAY_SECONDS), _LONGEST_DELAY_SECONDS)
        outlet.due = now + outlet.delay

    def _try_again(self, outlet: Outlet) -> None:
        """Give librdkafka what is held, in order; by itself what is suspect, and the first after a trouble."""
        while outlet.held and not outlet.single:
            if outlet.held[0].alone or outlet.troubled:
                if outlet.sent:
                    return
                outlet.single = True
            self._produce(outlet, outlet.held.pop(0))

    def _begin_anew(self) -> None:
        """Take back what Kafka has not acknowledged, and write it with a new producer."""
        logs.say("kafka_connection_renewed")
        old, self._fatal = self._producer, False
        old.purge()
        old.flush(_GIVE_UP_SECONDS)
        self._producer = self._connect()

    def _connect(self) -> Producer:
        self._files.changed()
        return Producer(producer_settings(self._settings, self._erred))

    def _erred(self, error: KafkaError) -> None:
        name = error.name()
        self.errors[name] = self.errors.get(name, 0) + 1
        logs.say_seldom("kafka_error", name, message=error.str())
        if error.code() == KafkaError._FATAL:
            self._fatal = True
            self._wake()

    def _wait_for_reports(self) -> None:
        while not self._stopped.is_set():
            if self._producer.poll(_POLL_SECONDS) and self._reports:
                self._wake()

    def _ask(self) -> None:
        """Ask Kafka for a topic now and then, so that it is known to answer also while nothing is written."""
        topic = next(iter(self._outlets.values())).name
        while not self._stopped.is_set():
            try:
                self._producer.list_topics(topic, timeout=_ASK_SECONDS)
                self.answered_at = time.monotonic()
            except KafkaException:
                pass  # Said by `_erred`, with its reason.
            self._stopped.wait(_ASK_SECONDS)


def _number(record: Record) -> int:
    return record.number


def encoded_size(record: Record) -> int:
    """Return at least the bytes that a record takes up in a batch of its own, uncompressed (Kafka's format 2)."""
    headers = sum(len(name) + len(value) + 10 for name, value in record.headers)
    return _BATCH_BYTES + _RECORD_BYTES + len(record.key or b"") + len(record.value or b"") + headers


def spare(topics: Mapping[str, object]) -> str:
    """Return the topic of what no other takes: the dead letters, else the only one of the OT mirror's worker."""
    return "dead-letter" if "dead-letter" in topics else "ot"
