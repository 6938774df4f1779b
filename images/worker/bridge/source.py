"""The broker that messages come from: a session that lasts, acknowledged when the target has taken."""

from collections.abc import Callable
from dataclasses import replace

from images.worker.bridge import packets, topics
from images.worker.bridge.connection import Ending, Greeting
from images.worker.bridge.deliveries import Arrival, Deliveries, Delivery
from images.worker.bridge.figures import Counts
from images.worker.bridge.line import Line
from images.worker.bridge.packets import Answer, Properties, Publish
from images.worker.bridge.publications import FAILURE, Publication
from images.worker.bridge.settings import Settings
from images.worker.logs import say, say_seldom

SILENT_BEATS = 3
"""Heartbeats that must be missed before the connection is made anew."""


class Source:
    """Who is in charge of the connection to the source."""

    def __init__(
        self,
        settings: Settings,
        counts: Counts,
        put: Callable[[Publication], None],
        clock: Callable[[], float],
    ) -> None:
        self._settings, self._counts, self._put, self._clock = settings, counts, put, clock
        self._deliveries = Deliveries()
        self._line: Line | None = None
        self._had_session = self._fresh = False
        self._asked: dict[int, list[str]] = {}
        self._granted = False
        self._beats = False
        self.heard = self._said = clock()

    @property
    def is_ready(self) -> bool:
        """Return whether everything that crosses is subscribed to."""
        return self._line is not None and self._granted

    @property
    def unacknowledged(self) -> int:
        """Return how many messages of QoS 1 and 2 the source waits for."""
        return len(self._deliveries)

    def up(self, line: Line, greeting: Greeting) -> None:
        """Take up the session, or begin one; subscribe in any case, for a broker may have forgotten that alone."""
        self._line, self._granted, self._beats = line, False, False
        self._counts.count("connections_total", "source")
        self._counts.set("session_present", int(greeting.session_present))
        if self._had_session and not greeting.session_present:
            self._counts.count("session_lost_total", "source")
            say("session lost", end=self._settings.source.name, unacknowledged=len(self._deliveries))
        self._had_session, self._fresh = True, not greeting.session_present
        self._deliveries.connected(session_present=greeting.session_present)
        self.heard = self._said = self._clock()
        settings = self._settings
        crossing = [space.filter for space in settings.spaces]
        own = [settings.heartbeat.topic] if settings.heartbeat else []
        own += [settings.watch] if settings.watch else []
        self._asked = {}
        # Apart, so that a heartbeat that is not allowed costs the heartbeat alone.
        for filters, retained in ((crossing, settings.retained), (own, False)):
            if filters and (number := line.ask(filters, retained=retained)) is not None:
                self._asked[number] = filters

    def down(self, ending: Ending) -> None:
        """Wait; what is on its way to the target goes on."""
        del ending
        self._line, self._granted = None, False

    def subscribed(self, number: int, reasons: list[int]) -> None:
        """Hear which filters were granted; without one of those that cross the connection is of no use."""
        filters = self._asked.pop(number, [])
        refused = [name for name, reason in zip(filters, reasons, strict=False) if reason >= FAILURE]
        lowered = [name for name, reason in zip(filters, reasons, strict=False) if reason < 2]
        if refused:
            say_seldom("not subscribed", ", ".join(refused), end=self._settings.source.name)
        if lowered:
            say_seldom("subscribed at a lower QoS", ", ".join(lowered), end=self._settings.source.name)
        if any(name == space.filter for space in self._settings.spaces for name in filters):
            self._granted = not refused
            if refused and self._line is not None:
                self._counts.count("refused_total", "subscription", number=len(refused))
                self._line.disconnect()
        else:
            self._beats = not refused

    def published(self, message: Publish) -> None:
        """Take a message: forward it, or settle that it does not cross."""
        self.heard = self._clock()
        delivery: Delivery | None = None
        if message.qos:
            arrival, delivery = self._deliveries.arrived(
                message.packet_id, message.qos, hash((message.topic, message.payload)), again=message.again
            )
            if arrival is not Arrival.NEW:
                self._counts.count("duplicates_total", "known")
                if arrival is Arrival.RECORDED:
                    self._answer(packets.PUBREC, message.packet_id)
                return
        if self._is_own(message.topic):
            if delivery is not None:
                delivery.done = True
            return
        self._counts.count("received_total", str(message.qos))
        moved, why = self._crossing(message)
        if why is not None:
            self._counts.count("not_crossed_total", why)
            if why in {"topic", "unmapped"}:
                say_seldom("does not cross", why, topic=message.topic.encode(errors="replace").decode()[:200])
            if delivery is not None:
                delivery.done = True
            return
        sent = replace(message, topic=moved, properties=self._marked(message.properties))
        self._put(Publication(sent, delivery, self.heard))

    def answered(self, kind: int, answer: Answer) -> None:
        """Hear PUBREL; a source sends no other answer, for nothing but heartbeats of QoS 0 is published to it."""
        if kind == packets.PUBREL:
            self._deliveries.released(answer.packet_id)
            self._answer(packets.PUBCOMP, answer.packet_id)

    def acknowledge(self) -> None:
        """Acknowledge what is due, in the order of receipt."""
        if self._line is not None:
            for due in self._deliveries.due():
                self._answer(packets.PUBACK if due.qos == 1 else packets.PUBREC, due.packet_id)

    def beat(self, now: float) -> bool:
        """Say the heartbeat when it is time; return whether so many were not heard that the connection is of no use."""
        heartbeat = self._settings.heartbeat
        if self._line is None or heartbeat is None or not self._beats:
            return False
        if now - self._said >= heartbeat.every_seconds:
            self._said = now
            beat = Publish(heartbeat.topic, b"", 0, False)
            self._line.send(packets.write_publish(beat, 0, version_5=self._settings.source.version_5))
        return now - self.heard > SILENT_BEATS * heartbeat.every_seconds + 1

    def _crossing(self, message: Publish) -> tuple[str, str | None]:
        """Return a message's name at the target, or why it does not cross."""
        if not message.is_publishable:
            return "", "topic"
        if topics.has_crossed(message.properties.user):
            return "", "echo"
        if self._is_kept(message):
            return "", "retained"
        moved = topics.crossing(self._settings.spaces, message.topic)
        return (moved, None) if moved is not None else ("", "unmapped")

    def _is_kept(self, message: Publish) -> bool:
        """Return whether a message is what the source had retained and nobody said just now, and is not to cross.

        MQTT 3.1.1 sends it at each SUBSCRIBE, with the retain flag that no other message has there.
        """
        if self._settings.source.version_5 or not message.retain:
            return False
        return not (self._settings.retained and self._fresh)

    def _marked(self, properties: Properties) -> Properties:
        return replace(properties, user=(*properties.user, (topics.CROSSED, self._settings.site)))

    def _is_own(self, topic: str) -> bool:
        settings = self._settings
        if settings.heartbeat is not None and topic == settings.heartbeat.topic:
            return True
        return settings.watch is not None and topic.startswith("$")

    def _answer(self, kind: int, packet_id: int) -> None:
        if self._line is not None:
            self._line.send(packets.write_answer(kind, packet_id))
