"""What was received and is not acknowledged: in order of receipt, over connections, each message forwarded once.

MQTT 5: PUBACK and PUBREC go out in the order of their PUBLISH (4.6). A message whose connection ended before its
acknowledgement comes again in the same session, with the same packet id and DUP. What is on its way to Kafka, or there,
is then not sent to Kafka again. A message without DUP is always a new one.
"""

import hashlib
from collections import deque
from dataclasses import dataclass, field, replace

from images.worker.publish import Publish

_PUBACK, _PUBREC, _PUBCOMP = b"\x40\x02", b"\x50\x02", b"\x70\x02"
_LARGE = 4 * 2**10
"""Bytes of a payload that is let go as soon as Kafka has it, though what came before it still waits."""


@dataclass(slots=True, eq=False)
class Message:
    """One message on its way: how many of its records Kafka has not acknowledged, and since when it is here."""

    publish: Publish
    number: int
    """Order of receipt."""
    at: float
    """Of the monotonic clock, in seconds."""
    size: int
    records: int = 1
    written: bool = False
    digest: bytes | None = field(default=None, repr=False)

    def content(self) -> bytes:
        """Return what says whether two messages are the same, made before the payload is let go."""
        if self.digest is None:
            self.digest = _digest(self.publish)
        return self.digest


class Acknowledgements:
    """The messages of one session that wait for their acknowledgement. Used by one thread."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._here: dict[int, Message] = {}
        self._earlier: dict[int, Message] = {}
        self._unreleased: set[int] = set()
        self._number = 0
        self.duplicates = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def connected(self, *, session_present: bool) -> None:
        """Begin a connection: what waits belongs to the earlier one, and to nobody if the broker kept no session."""
        waiting = [*self._earlier.values(), *self._waiting]
        self._waiting.clear()
        self._here.clear()
        self._earlier = {}
        if not session_present:
            self._unreleased.clear()
            return
        for message in waiting:
            packet = message.publish.packet
            if packet is not None and packet not in self._unreleased:
                message.content()
                self._earlier[packet] = message

    def received(self, publish: Publish, now: float) -> Message | None:
        """Return the message to forward; None for one that was forwarded before."""
        packet = publish.packet
        if packet is None:
            return self._new(publish, now)
        if publish.again and publish.qos == 2 and packet in self._unreleased:
            self.duplicates += 1
            self._wait(packet, Message(publish, 0, now, 0, records=0, written=True))
            return None
        self._unreleased.discard(packet)
        earlier = self._earlier.pop(packet, None)
        if publish.again:
            self.duplicates += 1
            known = earlier or self._here.get(packet)
            if known is not None and known.content() == _digest(publish):
                if known is earlier:
                    self._wait(packet, known)
                return None
        message = self._new(publish, now)
        self._wait(packet, message)
        return message

    def written(self, message: Message) -> None:
        """Note that Kafka has all of a message."""
        message.written = True
        if message.publish.packet is not None and len(message.publish.payload) > _LARGE:
            message.content()
            message.publish = replace(message.publish, payload=b"")

    def ready(self) -> bytes:
        """Return the PUBACK and PUBREC packets that may be sent now, which are then taken as sent."""
        packets, waiting = bytearray(), self._waiting
        while waiting and waiting[0].written:
            message = waiting.popleft()
            packet = message.publish.packet
            assert packet is not None  # noqa: S101 - only such wait
            if self._here.get(packet) is message:
                del self._here[packet]
            if message.publish.qos == 2:
                self._unreleased.add(packet)
            packets += (_PUBREC if message.publish.qos == 2 else _PUBACK) + packet.to_bytes(2, "big")
        return bytes(packets)

    def released(self, packet: int) -> bytes:
        """Return the PUBCOMP packet that answers a PUBREL."""
        self._unreleased.discard(packet)
        return _PUBCOMP + packet.to_bytes(2, "big")

    def _new(self, publish: Publish, now: float) -> Message:
        self._number += 1
        return Message(publish, self._number, now, len(publish.payload) + len(publish.topic))

    def _wait(self, packet: int, message: Message) -> None:
        self._here[packet] = message
        self._waiting.append(message)


def _digest(publish: Publish) -> bytes:
    digest = hashlib.blake2b(publish.topic, digest_size=16)
    digest.update(b"\0" + bytes([publish.qos]))
    digest.update(publish.payload)
    return digest.digest()
