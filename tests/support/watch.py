"""Somebody who sees everything that is published at a broker, and knows when all of it has come."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.mqtt import PUBLISHER
from tests.support.bridge_node import FENCES, user_properties
from tests.support.mqtt import SECONDS, Session


@dataclass(frozen=True, order=True)
class Seen:
    """A message as it was published."""

    topic: str
    payload: bytes
    qos: int
    retain: bool = False
    properties: tuple[tuple[str, str], ...] = ()


@dataclass
class Watch:
    """A session that sees everything."""

    session: Session
    fences: int = 0

    def begin(self) -> "Watch":
        """See what is published from now on."""
        assert self.session.subscribe("#", 2, as_published=True, retained=False) == "Granted QoS 2"
        return self

    def seen(self) -> list[Seen]:
        """What was published since the last time, in the order of topics."""
        return sorted(self.came())

    def topics(self) -> list[str]:
        """The topics of what was published since the last time, in their order."""
        return sorted(message.topic for message in self.came())

    def came(self) -> Iterator[Seen]:
        """What was published since the last time, as it came."""
        self.fences += 1
        fence = (f"{FENCES}watch", str(self.fences).encode())
        assert self.session.publish(*fence, 2) == "Success"
        while True:
            message = self.session.received.get(timeout=SECONDS)
            if (message.topic, message.payload) == fence:
                return
            if not message.topic.startswith(FENCES):
                properties = user_properties(message)
                properties.pop(PUBLISHER, None)
                said = bytes(message.payload)
                yield Seen(message.topic, said, message.qos, message.retain, tuple(properties.items()))


def say(session: Session, topics: Iterable[str]) -> None:
    """Publish a message for each topic; when this returns the broker has given all of them to its clients.

    It takes what a client sends one after the other, and a message of QoS 2 is complete when it has been dealt with.
    """
    *others, last = topics
    for topic in others:
        assert session.publish(topic, topic) == "Success"
    assert session.publish(last, last, 2) == "Success"
