"""The worker as a whole: a session at the broker, a producer, and between them what each message becomes."""

import time
from collections.abc import Iterable

from prometheus_client.core import Metric

from images.worker import logs, topics
from images.worker.acknowledgements import Message
from images.worker.connection import LOOK_SECONDS
from images.worker.figures import Health, counter, gauge
from images.worker.forward import Decoder, Forwarder
from images.worker.producer import Kafka, Record
from images.worker.settings import Settings
from images.worker.sparkplug.results import Rebirth
from images.worker.subscription import Subscription

LONGEST_TURN_SECONDS = 1.0
"""How long the loop waits when nothing happens."""
KAFKA_SILENT_SECONDS = 30.0
"""Silence of Kafka after which the worker is not ready."""


class Worker:
    """Takes messages, writes them, acknowledges them; `turn` is called until `stop`. Used by one thread."""

    def __init__(self, settings: Settings, decoder: Decoder | None = None) -> None:
        self._settings = settings
        filters = settings.mqtt.filters or topics.filters(settings.topics)
        self._subscription = Subscription(settings.mqtt, filters, self._forward, self._has_room)
        self._kafka = Kafka(
            settings, wake=self._subscription.wake, written=self._written, refused=self._refused
        )
        self._forwarder = Forwarder(
            settings,
            self._kafka.send,
            self._done,
            hold=self._kafka.hold,
            decoder=decoder,
            command=self._command,
        )
        self._looked = time.monotonic()
        self.health = Health(self._ready)

    def turn(self) -> None:
        """Do what there is to do, or wait for it for a second at most."""
        now = time.monotonic()
        self.health.turned_at = now
        due = self._kafka.due(now)
        self._subscription.turn(LONGEST_TURN_SECONDS if due is None else min(due, LONGEST_TURN_SECONDS))
        self._kafka.turn(time.monotonic())
        self._subscription.acknowledge()

    def look(self) -> bool:
        """Look at the files every few seconds, and say whether it was time to.

        The worker connects anew where its certificate, an authority or Kafka's password has changed.
        """
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return False
        self._looked = time.monotonic()
        self._subscription.renew()
        self._kafka.renew()
        return True

    def wake(self) -> None:
        """End a wait, from any thread or a signal's handler."""
        self._subscription.wake()

    def stop(self, seconds: float) -> bool:
        """Take nothing more, wait for Kafka, acknowledge and leave; say whether Kafka has everything."""
        self._subscription.stopping = True
        until = time.monotonic() + seconds
        while self._forwarder.under_way and time.monotonic() < until:
            self._subscription.turn(0.05)
            self._kafka.turn(time.monotonic())
            self._subscription.acknowledge()
        self._subscription.stop()
        self._kafka.stop()
        logs.say("stopped", unwritten=self._forwarder.under_way)
        return not self._forwarder.under_way

    def figures(self) -> Iterable[Metric]:
        """Give the worker's figures."""
        state, counts, kafka = self._subscription.state, self._forwarder.counts, self._kafka
        waiting = self._subscription.acknowledgements
        received = {str(qos): number for qos, number in state.received.items()}
        yield counter("received", "Messages that the broker sent.", received, "qos")
        yield counter("duplicates", "Messages that came again.", waiting.duplicates)
        yield counter("written", "Records that Kafka acknowledged.", counts.written, "topic")
        yield counter("dead_letters", "Messages that became dead letters.", counts.dead_letters, "reason")
        yield counter("ignored", "Messages taken and not written.", counts.ignored, "reason")
        yield counter("refused", "Records that Kafka refused for themselves.", counts.refused)
        yield counter("kafka_errors", "Errors of Kafka's connection.", kafka.errors, "code")
        yield counter("kafka_refusals", "Records that are tried again.", kafka.refusals, "code")
        yield counter("session_lost", "Sessions that the broker had no more.", state.lost)
        yield counter("connections", "Connections to the broker.", state.connections)
        yield counter("paused", "Connections given up because Kafka took nothing.", state.paused)
        yield gauge("in_flight", "Messages that Kafka does not have yet.", self._forwarder.under_way)
        yield gauge("unacknowledged", "Messages of QoS 1 and 2 not acknowledged to the broker.", len(waiting))
        yield gauge("held", "Records that wait to be tried again.", kafka.held)
        yield gauge(
            "lag_seconds", "Age of the oldest message not in Kafka.", self._forwarder.oldest_seconds()
        )
        yield gauge("connected", "Whether the broker has accepted the session.", float(state.connected))
        yield gauge("subscriptions_wanted", "Subscriptions asked for.", state.wanted)
        yield gauge("subscriptions_granted", "Subscriptions that the broker grants.", len(state.granted))
        yield gauge("kafka_answers", "Whether Kafka answered lately.", float(self._kafka_answers()))

    def _forward(self, message: Message) -> None:
        self._forwarder.forward(message)

    def _has_room(self) -> bool:
        return self._forwarder.has_room()

    def _written(self, record: Record) -> None:
        self._forwarder.written(record)

    def _refused(self, record: Record, reason: str) -> None:
        self._forwarder.refused(record, reason)

    def _done(self, message: Message) -> None:
        self._subscription.acknowledgements.written(message)

    def _command(self, rebirth: Rebirth) -> None:
        self._subscription.publish(rebirth.topic, rebirth.payload)

    def _ready(self) -> bool:
        return self._subscription.state.ready and self._kafka_answers()

    def _kafka_answers(self) -> bool:
        answered = self._kafka.answered_at
        return answered is not None and time.monotonic() - answered < KAFKA_SILENT_SECONDS
