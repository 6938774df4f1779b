"""Whatever happens between broker, worker and Kafka, in any order: nothing is acknowledged that Kafka does not have."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from images.worker.acknowledgements import Acknowledgements, Message
from images.worker.publish import Publish

PUBACK, PUBREC, PUBCOMP = 0x40, 0x50, 0x70
IDS = 2
"""So few that the broker gives them again soon."""


@dataclass
class Sent:
    """A message as the broker has it: its number tells it from others with the same id and content."""

    number: int
    publish: Publish
    received: bool = False
    """PUBREC came, PUBCOMP did not."""


class Between:
    """A broker that keeps its side of MQTT 5, and a Kafka that takes its time."""

    def __init__(self) -> None:
        self.waiting = Acknowledgements()
        self.inflight: dict[int, Sent] = {}
        self.under_way: list[Message] = []
        self.written: set[int] = set()
        self.forwarded: dict[int, int] = {}
        self.times: dict[int, int] = {}
        self.number = 0
        self.cut = False
        self.waiting.connected(session_present=False)

    def publish(self, qos: int, packet: int) -> None:
        """Publish what was published before: only DUP tells a message from the one that had its id before."""
        if packet in self.inflight:
            return
        self.number += 1
        number = b"%d" % self.number
        sent = Sent(self.number, Publish(b"t", b"on", qos, packet, properties=((b"n", number),)))
        self.inflight[packet] = sent
        self._arrives(sent, sent.publish)

    def connection_is_cut(self) -> None:
        """What either side sends from now on does not arrive."""
        self.cut = True

    def kafka_takes(self, which: int) -> None:
        if self.under_way:
            message = self.under_way.pop(which % len(self.under_way))
            self.written.add(number_of(message.publish))
            self.waiting.written(message)

    def acknowledgements_arrive(self) -> None:
        packets = self.waiting.ready()
        if not self.cut:
            self._hear(packets)

    def releases_are_answered(self) -> None:
        for packet, sent in list(self.inflight.items()):
            if sent.received and not self.cut:
                assert self.waiting.released(packet)[:1] == bytes([PUBCOMP])
                del self.inflight[packet]

    def connection_ends(self, are_lost: bool) -> None:
        if are_lost:
            self.waiting.ready()
        self.cut = False
        self.waiting.connected(session_present=True)
        for sent in list(self.inflight.values()):
            if not sent.received:
                self._arrives(sent, replace(sent.publish, again=True))

    def session_ends(self) -> None:
        self.cut = False
        self.inflight.clear()
        self.waiting.connected(session_present=False)

    def whatever_is_in_flight_was_forwarded(self) -> None:
        for sent in self.inflight.values():
            if sent.number not in self.times:
                continue
            assert self.forwarded.get(sent.number), "the broker waits for what nobody forwarded"
            assert self.forwarded[sent.number] <= self.times[sent.number]

    def end(self) -> None:
        """Let everything happen that is to come: everything is acknowledged: nothing hangs."""
        while self.under_way:
            self.kafka_takes(0)
        self.connection_ends(are_lost=False)
        while self.under_way:
            self.kafka_takes(0)
        self.acknowledgements_arrive()
        self.releases_are_answered()
        assert self.inflight == {}
        assert len(self.waiting) == 0

    def _arrives(self, sent: Sent, publish: Publish) -> None:
        if self.cut:
            return
        self.times[sent.number] = self.times.get(sent.number, 0) + 1
        message = self.waiting.received(publish, 0.0)
        if message is not None:
            self.forwarded[sent.number] = self.forwarded.get(sent.number, 0) + 1
            self.under_way.append(message)

    def _hear(self, packets: bytes) -> None:
        for start in range(0, len(packets), 4):
            kind, packet = packets[start], int.from_bytes(packets[start + 2 : start + 4], "big")
            sent = self.inflight[packet]
            assert sent.number in self.written, "acknowledged, and Kafka does not have it"
            assert kind == (PUBACK if sent.publish.qos == 1 else PUBREC)
            if kind == PUBACK:
                del self.inflight[packet]
            else:
                sent.received = True


def number_of(publish: Publish) -> int:
    """Return a message's own number, which its content does not have."""
    return int(publish.properties[0][1])


def step(between: Between, chance: random.Random) -> None:
    """Let one thing happen."""
    steps: tuple[Callable[[], None], ...] = (
        lambda: between.publish(chance.randint(1, 2), chance.randint(1, IDS)),
        lambda: between.kafka_takes(chance.randrange(8)),
        between.acknowledgements_arrive,
        between.releases_are_answered,
        between.connection_is_cut,
        lambda: between.connection_ends(are_lost=chance.random() < 0.5),
        between.session_ends,
    )
    (chosen,) = chance.choices(steps, weights=(6, 5, 5, 3, 2, 3, 1))
    chosen()


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_lost_and_nothing_hangs(seed: int) -> None:
    for number in range(60):
        between, chance = Between(), random.Random(f"{seed} {number}")  # noqa: S311 - no secret
        for _ in range(30):
            step(between, chance)
            between.whatever_is_in_flight_was_forwarded()
        between.end()
