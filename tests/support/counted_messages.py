"""Messages that are counted: somebody who publishes each once, and somebody who sees all that come."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo
from paho.mqtt.subscribeoptions import SubscribeOptions

from lab.waiting import NotInTimeError, wait_until

HEARTBEATS = "bridge/"
"""What topics begin with on which bridges speak to themselves: no messages that are counted."""


@dataclass(frozen=True, order=True)
class Came:
    """A message as somebody saw it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    properties: tuple[tuple[str, str], ...]


@dataclass
class Watcher:
    """Somebody who sees everything that is published at a broker, in a session that lasts."""

    client: Client
    came: list[Came] = field(default_factory=list)

    def payloads(self) -> Counter[bytes]:
        """Return how often each payload came."""
        return Counter(message.payload for message in list(self.came))


@contextlib.contextmanager
def watching(client: Client) -> Iterator[Watcher]:
    """See what is published at a client's broker from now on; it leaves at the end."""
    watcher, granted = Watcher(client), threading.Event()

    def heard(_client: Client, _data: object, message: MQTTMessage) -> None:
        told = tuple(getattr(message.properties, "UserProperty", ()))
        if not message.topic.startswith((HEARTBEATS, "$")):
            watcher.came.append(
                Came(message.topic, bytes(message.payload), message.qos, message.retain, told)
            )

    client.on_message = heard
    client.on_subscribe = lambda *_: granted.set()
    options = SubscribeOptions(
        qos=2, retainAsPublished=True, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND
    )
    client.subscribe("#", options=options)
    assert granted.wait(20)
    try:
        yield watcher
    finally:
        client.disconnect()
        client.loop_stop()


class Speaker:
    """Publishes numbered messages, each payload once, and knows which of them the broker acknowledged."""

    def __init__(self, client: Client, words: str, prefix: str) -> None:
        self.client, self._words, self._prefix = client, words, prefix
        self._sent: list[tuple[MQTTMessageInfo, bytes]] = []
        self._number = 0

    @property
    def acknowledged(self) -> set[bytes]:
        """Return the payloads that the broker acknowledged."""
        return {payload for info, payload in self._sent if info.is_published()}

    def say(
        self, count: int, *, qos: int | None = None, per_second: float = 0.0, devices: int = 5
    ) -> list[bytes]:
        """Publish so many messages, of QoS 1 and 2 in turn or of one; return their payloads."""
        said, start = [], time.monotonic()
        for step in range(count):
            self._number += 1
            level = 1 + self._number % 2 if qos is None else qos
            payload = f"{self._words}-{self._number}-{level}".encode()
            topic = f"{self._prefix}/pump-{self._number % devices}/flow"
            info = self.client.publish(topic, payload, level)
            if level:
                self._sent.append((info, payload))
            said.append(payload)
            if per_second and (ahead := (step + 1) / per_second - (time.monotonic() - start)) > 0:
                time.sleep(ahead)
            elif not per_second and step % 100 == 99:
                self.rest()
        return said

    def rest(self, seconds: float = 60.0) -> None:
        """Wait until the broker acknowledged everything."""
        wait_until(
            lambda: all(info.is_published() for info, _ in self._sent),
            seconds,
            "the broker acknowledges what was said",
        )

    def end(self) -> None:
        """Leave."""
        self.client.disconnect()
        self.client.loop_stop()


def doubled(came: Counter[bytes]) -> int:
    """Return how many messages came more than once, each counted as often as it came too much."""
    return sum(number - 1 for number in came.values())


def await_all(watcher: Watcher, wanted: Callable[[], set[bytes]], seconds: float = 60.0) -> Counter[bytes]:
    """Wait until everything wanted came, and nothing more comes; return how often each came."""

    def missing() -> set[bytes]:
        return wanted() - set(watcher.payloads())

    with contextlib.suppress(NotInTimeError):
        wait_until(lambda: not missing(), seconds, "all messages cross")
    assert not (lost := missing()), f"{len(lost)} lost, such as {sorted(lost)[:5]}"
    return watcher.payloads()
