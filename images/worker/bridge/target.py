"""The broker that messages go to: begun afresh with each connection, and given anew what it had not finished with."""

from collections.abc import Callable
from dataclasses import replace

from images.worker.bridge import packets
from images.worker.bridge.connection import Ending, Greeting
from images.worker.bridge.figures import Counts
from images.worker.bridge.line import Line
from images.worker.bridge.packets import Answer, Publish
from images.worker.bridge.publications import Publication, Publications
from images.worker.bridge.settings import Settings
from images.worker.logs import say, say_seldom

PATIENCE_SECONDS = 1.0
"""How long the target is left alone when it asked for patience (its quota is exceeded)."""
MESSAGE_FAULTS = frozenset({0x81, 0x82, 0x87, 0x90, 0x95, 0x99, 0x9A, 0x9B})
"""Reason codes of DISCONNECT that may be said because of one message: malformed, protocol error, not authorized, topic,
too large, payload format, retain, QoS."""


class Target:
    """Who is in charge of the connection to the target."""

    def __init__(self, settings: Settings, counts: Counts, clock: Callable[[], float]) -> None:
        self._settings, self._counts, self._clock = settings, counts, clock
        self.publications = Publications(settings.window)
        self._line: Line | None = None
        self._greeting = Greeting(False)
        self._patient_until = 0.0

    def up(self, line: Line, greeting: Greeting) -> None:
        """Begin: everything that was in flight is published again."""
        self._line, self._greeting = line, greeting
        self._counts.count("connections_total", "target")
        again = self.publications.connected(greeting.receive_maximum, greeting.highest_qos)
        if greeting.highest_qos < 2:
            say_seldom("QoS is lowered", str(greeting.highest_qos), end=self._settings.target.name)
        self._counts.count("duplicates_total", "sent_again", number=again)

    def down(self, ending: Ending) -> None:
        """Hear that a connection ended, perhaps over a message that the target does not take."""
        self._line = None
        given_up = self.publications.ended(over_a_message=ending.code in MESSAGE_FAULTS)
        if given_up is not None:
            self._refused(given_up, f"{ending.why}")

    def subscribed(self, number: int, reasons: list[int]) -> None:
        """Hear nothing: nothing is subscribed to here."""

    def published(self, message: Publish) -> None:
        """Hear nothing: nothing is subscribed to here."""

    def answered(self, kind: int, answer: Answer) -> None:
        """Hear what the target says to a message."""
        refused = None
        before = len(self.publications)
        if kind == packets.PUBREC:
            follows, refused = self.publications.recorded(answer.packet_id, answer.reason)
            if follows and self._line is not None:
                self._line.send(packets.write_answer(packets.PUBREL, answer.packet_id))
        elif kind in {packets.PUBACK, packets.PUBCOMP}:
            refused = self.publications.acknowledged(answer.packet_id, answer.reason)
        if refused is not None:
            self._refused(refused, f"reason code {answer.reason:#04x}")
        else:
            self._counts.count("forwarded_total", number=before - len(self.publications))
        if self.publications.held_back:
            self._patient_until = self._clock() + PATIENCE_SECONDS

    def publish(self, now: float, *, drains: bool) -> None:
        """Publish what may be, unless the connection is to end as soon as nothing is in flight (`drains`)."""
        if self.publications.held_back and now >= self._patient_until:
            self.publications.held_back = False
        if self._line is None or drains:
            return
        if self._line.is_full:
            return
        for number, publication in self.publications.to_send():
            try:
                packet = self._packet(number, publication, now)
            except ValueError as error:
                self._given_up(number, publication, str(error))
                continue
            largest = self._greeting.largest_packet
            if largest is not None and len(packet) > largest:
                self._given_up(number, publication, "packet too large")
                continue
            self._line.send(packet)
            if number == 0:
                self._counts.count("forwarded_total")
            if self._line.is_full:
                return

    def _packet(self, number: int, publication: Publication, now: float) -> bytes:
        message = publication.message
        fitting = replace(
            message,
            qos=publication.qos,
            retain=message.retain and self._greeting.retains,
            properties=packets.aged(message.properties, now - publication.received),
        )
        return packets.write_publish(fitting, number, version_5=self._settings.target.version_5)

    def _given_up(self, number: int, publication: Publication, why: str) -> None:
        if number:
            self.publications.give_up(number)
        self._refused(publication, why)

    def _refused(self, publication: Publication, why: str) -> None:
        self._counts.count("refused_total", "target")
        say("refused", end=self._settings.target.name, topic=publication.message.topic[:200], why=why)
