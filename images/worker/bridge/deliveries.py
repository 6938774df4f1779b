"""What the source has delivered and not been thanked for: acknowledged in order, and each message taken once. Pure.

MQTT lets a broker deliver again what was not acknowledged when a connection broke. A delivery that is still known is
the same message come again; one that is not known is a new one, for losing is worse than doubling.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Arrival(Enum):
    """What a PUBLISH of the source is."""

    NEW = "new"
    """To be forwarded."""
    AGAIN = "again"
    """Known, and still on its way to the target: not to be forwarded again; it is acknowledged in its turn."""
    RECORDED = "recorded"
    """QoS 2, and its PUBREC was sent already: to be answered by PUBREC again, and not to be forwarded."""


@dataclass(slots=True, eq=False)
class Delivery:
    """One message of QoS 1 or 2 until the source has its acknowledgement."""

    packet_id: int
    qos: int
    digest: int
    """Of topic and payload: a packet id alone does not say that two messages are one."""
    done: bool = False
    """Whether nothing is left to do for it, so that it can be acknowledged."""
    here: bool = True
    """Whether it came on the present connection; only then may it be acknowledged there."""
    void: bool = False
    """Whether its packet id means another message now."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the source is to be sent: PUBACK for QoS 1, PUBREC for QoS 2."""

    packet_id: int
    qos: int


class Deliveries:
    """The source's unacknowledged messages of one session."""

    def __init__(self) -> None:
        self._known: dict[int, Delivery] = {}
        self._turn: deque[Delivery] = deque()
        self._recorded: dict[int, int] = {}
        self._carried_over = False

    def __len__(self) -> int:
        return len(self._known)

    def connected(self, *, session_present: bool) -> None:
        """Begin a connection; without the source's session all packet ids have lost their meaning."""
        for delivery in self._known.values():
            delivery.here = False
        self._turn.clear()
        self._carried_over = session_present and bool(self._known)
        if not session_present:
            self._known.clear()
            self._recorded.clear()

    def arrived(
        self, packet_id: int, qos: int, digest: int, *, again: bool
    ) -> tuple[Arrival, Delivery | None]:
        """Take a PUBLISH of QoS 1 or 2, whose DUP flag is `again`; a delivery comes with what is to be forwarded."""
        known = self._known.get(packet_id)
        if known is not None and (known.qos, known.digest) == (qos, digest):
            if not known.here:
                known.here = True
                self._turn.append(known)
            return Arrival.AGAIN, None
        if qos == 2 and again and self._recorded.get(packet_id) == digest:
            return Arrival.RECORDED, None
        if not again:
            self._forget_what_did_not_come_again()
        if known is not None:
            known.void = True
        self._recorded.pop(packet_id, None)
        delivery = self._known[packet_id] = Delivery(packet_id, qos, digest)
        self._turn.append(delivery)
        return Arrival.NEW, delivery

    def released(self, packet_id: int) -> None:
        """Take a PUBREL: the packet id is free for another message."""
        self._recorded.pop(packet_id, None)

    def due(self) -> Iterator[Acknowledgement]:
        """Take out what can be acknowledged now, in the order of receipt."""
        while self._turn and (self._turn[0].done or self._turn[0].void):
            delivery = self._turn.popleft()
            if delivery.void:
                continue
            del self._known[delivery.packet_id]
            if delivery.qos == 2:
                self._recorded[delivery.packet_id] = delivery.digest
            yield Acknowledgement(delivery.packet_id, delivery.qos)

    def _forget_what_did_not_come_again(self) -> None:
        """Forget deliveries of earlier connections: a broker sends those again before it sends anything new.

        Kept, one could be taken for a later message with the same packet id and the same words.
        """
        if not self._carried_over:
            return
        self._carried_over = False
        self._known = {number: delivery for number, delivery in self._known.items() if delivery.here}
