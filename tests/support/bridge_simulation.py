"""A bridge between two brokers without a network: connections break at any packet, the brokers keep to the book."""

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from images.worker.bridge import packets
from images.worker.bridge.connection import Ending, Greeting
from images.worker.bridge.figures import Counts
from images.worker.bridge.packets import Publish
from images.worker.bridge.settings import Settings, parse
from images.worker.bridge.source import Source
from images.worker.bridge.target import Target

END = {"host": "localhost", "port": 1, "client_id": "bridge"}


def settings(direction: str = "ingress", **more: Any) -> Settings:
    """Return settings of a bridge from `a` to `b`."""
    document = {
        "site": "site",
        "direction": direction,
        "broker": END,
        "incumbent": END,
        "topics": {"all": {"theirs": "a", "ours": "b"}},
        "window": 8,
        **more,
    }
    return parse(document)


class FakeLine:
    """A connection: what is sent waits in it until it is carried, or lost."""

    def __init__(self) -> None:
        self.sent: deque[bytes] = deque()
        self.coming: deque[bytes] = deque()
        self.asked: list[list[str]] = []
        self.left = self.is_full = False

    def send(self, packet: bytes) -> None:
        """Take a packet of the bridge's."""
        self.sent.append(packet)

    def ask(self, filters: list[str], *, retained: bool) -> int:
        """Take a SUBSCRIBE."""
        del retained
        self.asked.append(filters)
        return len(self.asked)

    def disconnect(self) -> None:
        """Take a DISCONNECT."""
        self.left = True


def publish(message: Publish, number: int, *, again: bool = False) -> bytes:
    """Return a PUBLISH as a broker sends it."""
    packet = packets.write_publish(message, number, version_5=True)
    return bytes([packet[0] | (8 if again else 0)]) + packet[1:]


def read(packet: bytes) -> tuple[int, bytes]:
    """Return a packet's first byte and what follows its length."""
    place = 1
    while packet[place] & 0x80:
        place += 1
    return packet[0], packet[place + 1 :]


@dataclass
class SourceBroker:
    """Keeps a session: what is not acknowledged comes again, in order, before anything new."""

    window: int
    reuses_ids: bool
    waiting: deque[Publish] = field(default_factory=deque)
    flying: dict[int, tuple[str, Publish]] = field(default_factory=dict)
    last: int = 0

    def _number(self) -> int:
        if self.reuses_ids:
            return next(number for number in range(1, 65536) if number not in self.flying)
        self.last = self.last % 65535 + 1
        return self.last

    def resume(self, line: FakeLine) -> None:
        """Send again what was in flight."""
        for number, (state, message) in self.flying.items():
            again = publish(message, number, again=True)
            line.coming.append(again if state == "sent" else packets.write_answer(packets.PUBREL, number))

    def send(self, line: FakeLine) -> None:
        """Send what the window lets through."""
        while self.waiting and len(self.flying) < self.window:
            number, message = self._number(), self.waiting.popleft()
            self.flying[number] = ("sent", message)
            line.coming.append(publish(message, number))

    def hear(self, line: FakeLine, packet: bytes) -> None:
        """Take a packet of the bridge's."""
        first, body = read(packet)
        number = packets.read_answer(body).packet_id
        if first == packets.PUBREC:
            if number in self.flying:
                self.flying[number] = ("released", self.flying[number][1])
            line.coming.append(packets.write_answer(packets.PUBREL, number))
        else:
            self.flying.pop(number, None)


@dataclass
class TargetBroker:
    """Begins afresh with each connection; gives on a message of QoS 2 at once, or when it is released."""

    at_once: bool
    took: list[bytes] = field(default_factory=list)
    kept: dict[int, bytes] = field(default_factory=dict)

    def hear(self, line: FakeLine, packet: bytes) -> None:
        """Take a packet of the bridge's."""
        first, body = read(packet)
        if first & 0xF0 == packets.PUBREL:
            number = packets.read_answer(body).packet_id
            payload = self.kept.pop(number, None)
            if payload is not None and not self.at_once:
                self.took.append(payload)
            line.coming.append(packets.write_answer(packets.PUBCOMP, number))
            return
        message = packets.read_publish(first, body, version_5=True)
        if message.qos < 2:
            self.took.append(message.payload)
            if message.qos:
                line.coming.append(packets.write_answer(packets.PUBACK, message.packet_id))
            return
        if message.packet_id not in self.kept:
            self.kept[message.packet_id] = message.payload
            if self.at_once:
                self.took.append(message.payload)
        line.coming.append(packets.write_answer(packets.PUBREC, message.packet_id))


class Simulation:
    """Both brokers and the bridge, step by step as chance has it."""

    def __init__(self, seed: int, *, at_once: bool, reuses_ids: bool, window: int = 8) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a test's chance
        self.now, self.counts = 0.0, Counts()
        made = settings()
        self.target = Target(made, self.counts, lambda: self.now)
        self.source = Source(made, self.counts, self.target.publications.put, lambda: self.now)
        self.from_broker = SourceBroker(window, reuses_ids)
        self.to_broker = TargetBroker(at_once)
        self.near: FakeLine | None = None
        self.far: FakeLine | None = None
        self.breaks = 0

    def run(self, messages: list[Publish], breaks: float) -> None:
        """Let all messages cross, and break a connection at each step with this probability."""
        self.from_broker.waiting.extend(messages)
        for _ in range(200_000):
            self._step(breaks)
            if not self.from_broker.waiting and not self.from_broker.flying:
                return
        raise AssertionError("the bridge stands still")

    def kill(self) -> None:
        """Let the bridge be another, which knows nothing."""
        made = settings()
        self.near = self.far = None
        self.target = Target(made, self.counts, lambda: self.now)
        self.source = Source(made, self.counts, self.target.publications.put, lambda: self.now)
        self.breaks += 2

    def _step(self, breaks: float) -> None:
        self.now += 0.01
        if self.near is None:
            self._connect_source()
        elif self.chance.random() < breaks:
            self._lose(self.near)
            self.near = None
            self.source.down(Ending("lost"))
        if self.far is None:
            self._connect_target()
        elif self.chance.random() < breaks:
            self._lose(self.far)
            self.far = None
            self.target.down(Ending("lost"))
        self._carry()
        self.target.publish(self.now, drains=False)
        self.source.acknowledge()

    def _connect_source(self) -> None:
        self.near = FakeLine()
        self.source.up(self.near, Greeting(session_present=True))  # type: ignore[arg-type] # stands for one
        self.from_broker.resume(self.near)

    def _connect_target(self) -> None:
        self.far = FakeLine()
        self.to_broker.kept.clear()
        self.target.up(self.far, Greeting(session_present=False))  # type: ignore[arg-type] # stands for one

    def _carry(self) -> None:
        """Let some packets arrive, on each way in their order."""
        near, far = self.near, self.far
        if near is not None:
            self.from_broker.send(near)
            self._some(near.sent, lambda packet: self.from_broker.hear(near, packet))
            self._some(near.coming, lambda packet: hear(self.source, packet))
        if far is not None:
            self._some(far.sent, lambda packet: self.to_broker.hear(far, packet))
            self._some(far.coming, lambda packet: hear(self.target, packet))

    def _lose(self, line: FakeLine) -> None:
        """End a connection: some of what the bridge sent arrives still, and its answer does not."""
        self.breaks += 1
        broker: Any = self.from_broker if line is self.near else self.to_broker
        self._some(line.sent, lambda packet: broker.hear(line, packet))

    def _some(self, way: deque[bytes], hear_it: Any) -> None:
        for _ in range(self.chance.randint(0, len(way))):
            hear_it(way.popleft())


def hear(who: Source | Target, packet: bytes) -> None:
    """Let the bridge hear a packet, as its connection does."""
    first, body = read(packet)
    if first & 0xF0 == packets.PUBLISH:
        who.published(packets.read_publish(first, body, version_5=True))
    else:
        who.answered(first & 0xF0, packets.read_answer(body))
