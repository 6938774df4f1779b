"""A device that publishes as much as it is given, over TLS, and knows what the broker has acknowledged."""

import contextlib
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from lab.ports import HOST
from lab.waiting import wait_until
from tests.support.odd_messages import Message

SECONDS = 60.0
_INFLIGHT = 100
_QUEUED = 20_000


class Publisher:
    """A session that publishes."""

    def __init__(self, client: Client) -> None:
        self.refused: list[str] = []
        self._client = client
        self._count = 0
        # paho calls back with locks of its own held: no lock here, only lists that grow.
        self._begun: list[tuple[int, float]] = []
        self._ended: list[tuple[int, float]] = []
        client.on_publish = self._acknowledged

    def publish(self, messages: Iterable[Message], *, seconds: float = SECONDS) -> int:
        """Publish in order, and return how many there were once the broker has acknowledged all."""
        count = self.begin(messages)
        self.settled(seconds)
        return count

    def begin(self, messages: Iterable[Message]) -> int:
        """Publish in order, and return how many there were; nothing is waited for but room in paho's queue."""
        count = 0
        for message in messages:
            if self._count - len(self._ended) >= _QUEUED:
                # Beyond 65,535 paho would leave some out.
                wait_until(lambda: self._count - len(self._ended) < _QUEUED, SECONDS, "acknowledgements")
            now = time.monotonic()
            info = self._client.publish(message.topic, message.payload, message.qos, message.retain)
            self._begun.append((info.mid, now))
            count += 1
            self._count += 1
        return count

    def settled(self, seconds: float = SECONDS) -> None:
        """Wait until the broker has acknowledged all; raises AssertionError where it refused one."""
        wait_until(lambda: len(self._ended) >= self._count, seconds, "the broker's acknowledgements")
        assert not self.refused, self.refused[:5]

    def times(self) -> list[float]:
        """Return the seconds from each message to its acknowledgement, in order of these."""
        begun: dict[int, deque[float]] = defaultdict(deque)
        for mid, at in self._begun:
            begun[mid].append(at)
        return [at - begun[mid].popleft() for mid, at in self._ended]

    def _acknowledged(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.refused.append(str(reason))
        self._ended.append((mid, time.monotonic()))


@contextlib.contextmanager
def publisher(port: int, authority: Path, client_id: str) -> Iterator[Publisher]:
    """Give a session at a listener that lets everybody in; it ends at the end."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
    )
    client.tls_set(str(authority))
    client.max_inflight_messages_set(_INFLIGHT)
    ready = threading.Event()

    def connected(_client: Client, _data: object, _flags: Any, reason: ReasonCode, _more: object) -> None:
        if not reason.is_failure:
            ready.set()

    client.on_connect = connected
    made = Publisher(client)
    client.connect(HOST, port, clean_start=True, properties=Properties(PacketTypes.CONNECT))  # type: ignore[no-untyped-call] # as paho has it
    client.loop_start()
    try:
        assert ready.wait(SECONDS), "the broker did not let the publisher in"
        yield made
    finally:
        client.disconnect()
        client.loop_stop()
