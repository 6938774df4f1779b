"""The lab's broker alone, with sessions as a configuration of EMQX's says, and clients that count every message."""

import contextlib
import secrets
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MessageState, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from lab.certificates import Authority
from lab.mqtt import Door, figures, running, session_settings
from lab.ports import HOST
from lab.waiting import wait_until
from tests.support.tools import tool

SECONDS = 30.0
USER = "anybody"
NAME = "broker.field.example"
"""In the broker's certificate."""
RULES = "rules"
"""The listener of what stands for the rule engine."""


@dataclass(frozen=True)
class Alone:
    """A broker that runs: everybody who knows the password may do everything, under any client id."""

    folder: Path
    ports: Mapping[str, int]
    password: str
    trust: Path

    def figures(self, client_id: str) -> dict[str, int]:
        """Return what the broker says of a client (see `lab.mqtt.figures`)."""
        return figures(self.folder, client_id)

    def says(self, client_id: str, **wanted: int) -> None:
        """Wait until the broker says so of a client."""

        def holds() -> bool:
            found = self.figures(client_id)
            return all(found.get(name) == value for name, value in wanted.items())

        wait_until(holds, SECONDS, f"{client_id} is {wanted}")

    def counter(self, client_id: str, **options: Any) -> "Counter":
        """Return a client that is not connected yet."""
        return Counter(self, client_id, **options)


@contextlib.contextmanager
def alone(
    folder: Path,
    mqtt: Mapping[str, Any] | None = None,
    zones: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    by_connection: bool = False,
) -> Iterator[Alone]:
    """Give a broker with these keys of EMQX's `mqtt`, and a listener for each zone beside `default` and `RULES`."""
    authority = Authority(folder / "tls", "The broker alone")
    authority.ensure()
    pair = authority.server("broker", [NAME], [HOST])
    doors = {"default": Door(pair), RULES: Door(pair, rules=True)}
    doors |= {name: Door(pair, zone=name) for name in zones or {}}
    document = {"mqtt": mqtt or {}, "zones": {name: {"mqtt": keys} for name, keys in (zones or {}).items()}}
    password = secrets.token_urlsafe()
    (folder / "password").write_text(password)
    settings = {
        **session_settings(document, by_connection=by_connection),
        "Users": {USER: str(folder / "password")},
    }
    with running(tool("mqtt") / "mqtt", folder, doors, settings) as ports:
        yield Alone(folder, ports, password, authority.certificate)


class _Careful(Client):
    """A client that does not say twice what the broker has: paho 2.2.0 publishes a message of quality 2 anew, which the
    broker may have released, when a connection ends before its PUBREL was sent again."""

    def _messages_reconnect_reset_out(self) -> None:
        with self._out_message_mutex:
            for message in self._out_messages.values():
                if message.state == MessageState.MQTT_MS_RESEND_PUBREL:
                    message.state = MessageState.MQTT_MS_WAIT_FOR_PUBCOMP
        super()._messages_reconnect_reset_out()


@dataclass
class Counter:
    """A client with a session that outlives its connections; it knows every message that came, in its order.

    With `holds` it acknowledges nothing by itself (`acknowledge` does). With `clean` it begins anew at each connection.
    """

    broker: Alone
    client_id: str
    listener: str = "default"
    port: int = 0
    expiry: int = 3600
    window: int = 0
    holds: bool = False
    clean: bool = False
    version: int = 5
    came: list[MQTTMessage] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    resumed: list[bool] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    acknowledged: int = 0

    def __post_init__(self) -> None:
        self._connected, self._answered, self._last = threading.Event(), threading.Event(), ""
        self._progress = threading.Condition()
        modern = self.version == 5
        self.client = _Careful(
            CallbackAPIVersion.VERSION2,
            self.client_id,
            clean_session=None if modern else self.clean,
            protocol=MQTTProtocolVersion.MQTTv5 if modern else MQTTProtocolVersion.MQTTv311,
            manual_ack=self.holds,
        )
        self.client.username_pw_set(USER, self.broker.password)
        self.client.tls_set_context(ssl.create_default_context(cafile=str(self.broker.trust)))
        self.client.reconnect_delay_set(1, 1)
        self.client._reconnect_min_delay = self.client._reconnect_max_delay = 0.05  # type: ignore[assignment] # as often as it likes
        self.client.max_inflight_messages_set(100)
        self.client.on_connect = self._connect
        self.client.on_disconnect = self._disconnect
        self.client.on_message = self._message
        self.client.on_subscribe = lambda _c, _u, _m, reasons, _p: self._answer(str(reasons[0]))
        self.client.on_unsubscribe = lambda _c, _u, _m, _r, _p: self._answer("")
        self.client.on_publish = self._published

    def _connect(self, _client: Client, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        self.resumed.append(flags.session_present)
        self.reasons.append(str(reason))
        self._connected.set()

    def _disconnect(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._connected.clear()
        self.ends.append(str(reason))

    def _answer(self, said: str) -> None:
        self._last = said
        self._answered.set()

    def _published(self, *_said: Any) -> None:
        with self._progress:
            self.acknowledged += 1
            self._progress.notify_all()

    def _message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        with self._progress:
            self.came.append(message)
            self._progress.notify_all()

    def begin(self) -> "Counter":
        """Connect, and wait until the broker has let the client in."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # as paho has it
        properties.SessionExpiryInterval = self.expiry
        if self.window:
            properties.ReceiveMaximum = self.window
        port = self.port or self.broker.ports[self.listener]
        if self.version == 5:
            self.client.connect(HOST, port, 60, clean_start=self.clean, properties=properties)
        else:
            self.client.connect(HOST, port, 60)
        self.client.loop_start()
        assert self._connected.wait(SECONDS), f"{self.client_id} does not come in"
        return self

    def leave(self) -> None:
        """Disconnect; the session goes on for as long as it was asked for."""
        self.client.disconnect()
        self.client.loop_stop()
        wait_until(
            lambda: not self.broker.figures(self.client_id).get("Connected"),
            SECONDS,
            f"{self.client_id} is away",
        )

    def subscribe(
        self, pattern: str, qos: int = 2, *, as_published: bool = False, handling: int = 2, number: int = 0
    ) -> str:
        """Subscribe, and return the broker's word."""
        self._answered.clear()
        if self.version == 5:
            options = SubscribeOptions(qos=qos, retainAsPublished=as_published, retainHandling=handling)
            properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call] # as paho has it
            if number:
                properties.SubscriptionIdentifier = number
            self.client.subscribe(pattern, options=options, properties=properties)
        else:
            self.client.subscribe(pattern, qos)
        assert self._answered.wait(SECONDS), f"{self.client_id} hears nothing of its subscription"
        return self._last

    def unsubscribe(self, pattern: str) -> None:
        """Unsubscribe, and wait until the broker has said that it is so."""
        self._answered.clear()
        self.client.unsubscribe(pattern)
        assert self._answered.wait(SECONDS), f"{self.client_id} hears nothing of its unsubscription"

    def say(self, topic: str, numbers: range, qos: int = 1, *, retain: bool = False, size: int = 0) -> None:
        """Publish a message for each number, and wait until all of those of QoS 1 and 2 are acknowledged."""
        wanted = self.acknowledged + len(numbers)
        for number in numbers:
            self.client.publish(topic, str(number).rjust(size), qos, retain)
        self.published(wanted)

    def published(self, count: int, seconds: float = SECONDS) -> None:
        """Wait until so many of its own messages are acknowledged, since it began."""
        with self._progress:
            done = self._progress.wait_for(lambda: self.acknowledged >= count, seconds)
        assert done, f"{self.client_id} has published {self.acknowledged} of {count}"

    def numbers(self) -> list[int]:
        """Return the numbers of what came, in its order."""
        return [int(message.payload) for message in list(self.came)]

    def has(self, count: int, seconds: float = SECONDS) -> list[int]:
        """Wait until so many messages have come, and return their numbers."""
        with self._progress:
            self._progress.wait_for(lambda: len(self.came) >= count, seconds)
        assert len(self.came) >= count, f"{self.client_id} has {len(self.came)} of {count}"
        return self.numbers()

    def acknowledge(self, *messages: MQTTMessage) -> None:
        """Acknowledge what is held."""
        for message in messages:
            self.client.ack(message.mid, message.qos)


@contextlib.contextmanager
def there(*counters: Counter) -> Iterator[None]:
    """Connect clients, and let them go at the end."""
    with contextlib.ExitStack() as left:
        for counter in counters:
            left.callback(counter.client.loop_stop)
            left.callback(counter.client.disconnect)
            counter.begin()
        yield
