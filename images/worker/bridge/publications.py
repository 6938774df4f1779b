"""What the target is to take: in order, bounded in flight, and published anew when a connection broke. Pure.

The target keeps no session of the bridge's: after each connection everything that it has not finished with is published
again, as new messages in the first order. So no packet id that an old session still knows can swallow a message. A
message of QoS 2 is finished at PUBCOMP: a broker may keep it back until PUBREL, and would forget it with the session.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from images.worker.bridge.deliveries import Delivery
from images.worker.bridge.packets import Publish

HIGHEST_PACKET_ID = 65535
FAILURE = 0x80
"""The lowest reason code that is a refusal."""
QUOTA_EXCEEDED = 0x97
ID_IN_USE = 0x91
RETRIED = frozenset({QUOTA_EXCEEDED, ID_IN_USE})
"""Refusals that are not the message's fault: it is published again."""
SUSPECTED_AFTER, REFUSED_AFTER = 2, 2
"""Connections that must end over the same message before it is tried alone, and then before it is given up."""


@dataclass(slots=True, eq=False)
class Publication:
    """A message on its way to the target, and the delivery that waits for it (none for QoS 0)."""

    message: Publish
    delivery: Delivery | None
    received: float
    """When it came, in seconds of the monotonic clock."""
    number: int = 0
    """Its place in the order."""
    qos: int = 0
    """As it is published on the present connection: no higher than the target takes."""
    recorded: bool = False
    """Whether its PUBREC has come on the present connection."""

    @property
    def size(self) -> int:
        """Return about how many bytes it holds."""
        return len(self.message.payload) + len(self.message.topic) + 256

    def finish(self) -> None:
        """Let the source be acknowledged."""
        if self.delivery is not None:
            self.delivery.done = True


class Publications:
    """The messages that the target has not finished with."""

    def __init__(self, window: int) -> None:
        self._window = self._configured = window
        self._highest_qos = 2
        self._waiting: deque[Publication] = deque()
        self._flying: dict[int, Publication] = {}
        self._last_id = 0
        self._progress = False
        self._strikes = 0
        self._alone = 0
        self._put = 0
        self.bytes = 0
        self.held_back = False
        """Whether the target asked for patience: to be cleared when there has been some."""

    def __len__(self) -> int:
        return len(self._waiting) + len(self._flying)

    @property
    def in_flight(self) -> int:
        """Return how many messages the target has been sent and not finished with."""
        return len(self._flying)

    @property
    def oldest(self) -> float | None:
        """Return when the oldest message came, in seconds of the monotonic clock; None when there is none."""
        candidates = [next(iter(self._flying.values()), None), self._waiting[0] if self._waiting else None]
        return min((one.received for one in candidates if one is not None), default=None)

    def put(self, publication: Publication) -> None:
        """Take a message behind all others."""
        self._put += 1
        publication.number = self._put
        self._waiting.append(publication)
        self.bytes += publication.size

    def connected(self, receive_maximum: int | None = None, highest_qos: int = 2) -> int:
        """Begin a connection; return how many messages are published once more. `None`: the target sets no bound."""
        self._highest_qos = highest_qos
        self._window = min(self._configured, receive_maximum or HIGHEST_PACKET_ID)
        again = list(self._flying.values())
        for publication in again:
            publication.recorded = False
        self._flying.clear()
        self._waiting = deque(sorted([*again, *self._waiting], key=lambda one: one.number))
        self._progress = self.held_back = False
        return len(again)

    def to_send(self) -> Iterator[tuple[int, Publication]]:
        """Give what may be published now, with its packet id (0 for QoS 0, which is finished with that)."""
        window = 1 if self._alone else self._window
        while self._waiting and not self.held_back:
            publication = self._waiting[0]
            publication.qos = min(publication.message.qos, self._highest_qos)
            if publication.qos and len(self._flying) >= window:
                return
            self._waiting.popleft()
            if publication.qos == 0:
                self._finished(publication)
                yield 0, publication
            else:
                number = self._next_id()
                self._flying[number] = publication
                yield number, publication

    def acknowledged(self, packet_id: int, reason: int) -> Publication | None:
        """Take PUBACK, or PUBCOMP; return the message if the target refused it for good."""
        publication = self._flying.get(packet_id)
        if publication is None or (publication.qos == 2 and not publication.recorded):
            return None
        return self._answered(packet_id, publication, reason if publication.qos == 1 else 0)

    def recorded(self, packet_id: int, reason: int) -> tuple[bool, Publication | None]:
        """Take PUBREC; return whether PUBREL follows, and the message if the target refused it for good."""
        publication = self._flying.get(packet_id)
        if publication is None or publication.qos != 2:
            return False, None
        if reason >= FAILURE:
            return False, self._answered(packet_id, publication, reason)
        publication.recorded = True
        return True, None

    def ended(self, *, over_a_message: bool) -> Publication | None:
        """Hear that a connection ended, and whether the target said that a message was why.

        Return the message if it is given up: tried alone it ended the connection more than once.
        """
        if not over_a_message or not self._flying or self._progress:
            return None
        self._strikes += 1
        if not self._alone:
            if self._strikes >= SUSPECTED_AFTER:
                self._alone, self._strikes = len(self._flying), 0
            return None
        if self._strikes < REFUSED_AFTER:
            return None
        number, culprit = next(iter(self._flying.items()))
        self.give_up(number)
        return culprit

    def give_up(self, packet_id: int) -> None:
        """Be done with a message that the target does not take."""
        self._passed(self._flying.pop(packet_id))

    def _answered(self, packet_id: int, publication: Publication, reason: int) -> Publication | None:
        del self._flying[packet_id]
        if reason in RETRIED:
            earlier = sum(1 for other in self._waiting if other.number < publication.number)
            self._waiting.insert(earlier, publication)
            self.held_back = True
            return None
        self._passed(publication)
        return publication if reason >= FAILURE else None

    def _passed(self, publication: Publication) -> None:
        self._progress, self._strikes, self._alone = True, 0, max(0, self._alone - 1)
        self._finished(publication)

    def _finished(self, publication: Publication) -> None:
        publication.finish()
        self.bytes -= publication.size

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % HIGHEST_PACKET_ID + 1
            if self._last_id not in self._flying:
                return self._last_id
