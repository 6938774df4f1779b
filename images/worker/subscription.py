"""The worker's session at the broker: MQTT 5, kept over connections, acknowledged by hand."""

import random
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from paho.mqtt import client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from images.worker import logs
from images.worker.acknowledgements import Acknowledgements, Message
from images.worker.client import Client
from images.worker.connection import Files, client_context
from images.worker.publish import Publish
from images.worker.settings import Mqtt

_SHORTEST_WAIT, _LONGEST_WAIT = 0.2, 15.0
_ANSWER_SECONDS = 30.0
"""How long the broker may take to answer CONNECT and SUBSCRIBE."""
_STEADY_SECONDS = 10.0
"""A connection that lasted so long is made anew at once."""
FULL_SECONDS = 5.0
"""How long the worker reads nothing before it gives the connection up."""


@dataclass
class State:
    """What is known of the session, for figures and readiness."""

    connected: bool = False
    wanted: int = 0
    granted: set[str] = field(default_factory=set)
    lost: int = 0
    """Sessions that the broker no longer had."""
    connections: int = 0
    received: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0, 2: 0})
    paused: int = 0
    """How often the connection was given up because Kafka took nothing."""

    @property
    def ready(self) -> bool:
        """Whether every subscription is granted."""
        return self.connected and len(self.granted) == self.wanted > 0


class Subscription:
    """Keeps the session: connects, subscribes, reads, acknowledges, and comes back. Used by one thread."""

    def __init__(
        self,
        settings: Mqtt,
        filters: tuple[str, ...],
        forward: Callable[[Message], None],
        room: Callable[[], bool],
    ) -> None:
        self.settings, self._forward, self._room = settings, forward, room
        self._filters = tuple(f"$share/{settings.group}/{name}" for name in filters)
        self.acknowledgements = Acknowledgements()
        self.state = State(wanted=len(self._filters))
        self.stopping = False
        self._files = Files(settings.identity.files)
        self._asked: dict[int, str] = {}
        self._refused: list[str] = []
        self._ask_again, self._ask_waits = 0.0, 0.0
        self._asked_at = 0.0
        self._waits, self._due = 0.0, 0.0
        self._full_since: float | None = None
        self._awaits_room = False
        self._wake_read, self._wake_write = socket.socketpair()
        for end in (self._wake_read, self._wake_write):
            end.setblocking(False)
        self._client = self._made()

    def wake(self) -> None:
        """End a wait of `turn`, from any thread."""
        with suppress(BlockingIOError):
            self._wake_write.send(b"\0")

    def turn(self, longest: float) -> None:
        """Wait up to `longest` seconds for something to do, and do it."""
        now = time.monotonic()
        client = self._client
        if client.socket() is None:
            if not self.stopping and now >= self._due and self._may_connect():
                self._connect(now)
            else:
                # Kafka's answers, which make room, end this wait.
                self._sleep(longest if now >= self._due else min(longest, self._due - now))
            return
        reads = self._reads(now)
        if client.socket() is None:
            return
        self._await(0.0 if reads and client.has_packets else longest, reads=reads)
        if client.socket() is not None:
            client.loop_misc()
        if self._refused and now >= self._ask_again:
            self._subscribe(tuple(self._refused), now)
        unanswered = not self.state.connected or self._asked
        if client.socket() is not None and unanswered and now - self._asked_at > _ANSWER_SECONDS:
            self._leave("no answer to CONNECT or SUBSCRIBE")

    def acknowledge(self) -> None:
        """Send the acknowledgements that may be sent."""
        if self.state.connected and (packets := self.acknowledgements.ready()):
            self._client.acknowledge(packets)
            self._client.loop_write()

    def publish(self, topic: str, payload: bytes) -> bool:
        """Publish at QoS 0, and say whether it was given to a connection."""
        if not self.state.connected:
            return False
        return self._client.publish(topic, payload).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def renew(self) -> None:
        """Connect anew when the certificate or an authority has changed; the session is kept."""
        if not self._files.changed():
            return
        try:
            client_context(self.settings.identity)
        except OSError as error:
            # Half of a renewal waits for the other half.
            self._files.forget()
            logs.say_seldom("mqtt_certificate_unusable", type(error).__name__, message=str(error))
            return
        logs.say("mqtt_certificate_changed")
        self._leave("another certificate")
        self._due = 0.0

    def stop(self) -> None:
        """Leave; the broker keeps the session."""
        self.acknowledge()
        self._leave("stopped", seconds=2.0)

    def _made(self) -> Client:
        made = Client(self.settings.client_id, self._taken, self._released)
        made.connect_timeout = 10.0
        made.on_connect = self._connected
        made.on_disconnect = self._disconnected
        made.on_subscribe = self._subscribed
        return made

    def _may_connect(self) -> bool:
        if self._awaits_room and not self._room():
            return False
        self._awaits_room = False
        return True

    def _connect(self, now: float) -> None:
        settings, properties = self.settings, Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = settings.session_expiry_seconds
        properties.ReceiveMaximum = settings.window
        self._asked_at = now
        # Twice as long each time, with jitter, until subscriptions are granted.
        self._waits = min(max(self._waits * 2, _SHORTEST_WAIT), _LONGEST_WAIT)
        self._due = now + self._waits * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        self._client = self._made()
        try:
            self._files.changed()
            context = client_context(settings.identity)
            if context is not None:
                self._client.tls_set_context(context)
            self._client.connect(
                settings.host,
                settings.port,
                settings.keepalive_seconds,
                clean_start=False,
                properties=properties,
            )
            self._client.loop_write()
        except (OSError, ValueError) as error:
            logs.say_seldom("mqtt_unreachable", type(error).__name__, message=str(error))

    def _reads(self, now: float) -> bool:
        """Say whether more may be read; give the connection up when there has been no room for long.

        The broker then queues in the session, also what comes at QoS 0; while connected it would send that on.
        """
        if self._room() or not self.state.connected:
            self._full_since = None
            return True
        self._full_since = self._full_since or now
        if now - self._full_since > FULL_SECONDS:
            self.state.paused += 1
            self._awaits_room, self._full_since = True, None
            self._leave("Kafka takes nothing")
        return False

    def _await(self, longest: float, *, reads: bool) -> None:
        client = self._client
        connection = client.socket()
        assert connection is not None  # noqa: S101 - the caller looked
        pending = getattr(connection, "pending", lambda: 0)()
        wanted = [connection, self._wake_read] if reads else [self._wake_read]
        writes = [connection] if client.want_write() else []
        try:
            readable, writable, _ = select.select(wanted, writes, [], 0.0 if reads and pending else longest)
        except (OSError, ValueError):
            self._leave("no connection")
            return
        if self._wake_read in readable:
            self._awake()
        if writable:
            client.loop_write()
        if (
            reads
            and client.socket() is not None
            and (connection in readable or pending or client.has_packets)
        ):
            client.receive()

    def _sleep(self, seconds: float) -> None:
        if select.select([self._wake_read], [], [], seconds)[0]:
            self._awake()

    def _awake(self) -> None:
        with suppress(BlockingIOError):
            self._wake_read.recv(4096)

    def _leave(self, why: str, seconds: float = 0.5) -> None:
        """Send DISCONNECT, which keeps the session, and close."""
        client = self._client
        if (connection := client.socket()) is None:
            return
        logs.say("mqtt_leaves", why=why)
        until = time.monotonic() + seconds
        with suppress(OSError, ValueError):
            client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=0))
            while client.socket() is not None and client.want_write() and time.monotonic() < until:
                select.select([], [connection], [], 0.1)
                client.loop_write()
        self._gone()
        client.close()

    def _gone(self) -> None:
        if self.state.ready and time.monotonic() - self._asked_at > _STEADY_SECONDS:
            self._waits = 0.0
        self.state.connected = False
        self.state.granted.clear()
        self._asked.clear()
        self._refused.clear()

    def _taken(self, publish: Publish) -> None:
        self.state.received[publish.qos] += 1
        if self.stopping and publish.qos:
            return  # The broker sends it again to who comes next.
        message = self.acknowledgements.received(publish, time.monotonic())
        if message is not None:
            self._forward(message)

    def _released(self, packet: int) -> None:
        self._client.acknowledge(self.acknowledgements.released(packet))

    def _connected(
        self, _c: object, _u: object, flags: mqtt.ConnectFlags, code: ReasonCode, _p: object
    ) -> None:
        if code.is_failure:
            logs.say_seldom("mqtt_refused", code.getName(), code=code.value)
            return
        state = self.state
        logs.say("mqtt_connected", session_present=flags.session_present)
        if state.connections and not flags.session_present:
            state.lost += 1
            logs.say("mqtt_session_lost", unacknowledged=len(self.acknowledgements))
        state.connected, state.connections = True, state.connections + 1
        self.acknowledgements.connected(session_present=flags.session_present)
        self._ask_waits = 0.0
        self._subscribe(self._filters, time.monotonic())
        if self.settings.former_filters:
            self._client.unsubscribe(
                [f"$share/{self.settings.group}/{n}" for n in self.settings.former_filters]
            )

    def _subscribe(self, filters: tuple[str, ...], now: float) -> None:
        """Ask for filters with a packet for each, so that a refusal says which it is of."""
        options = SubscribeOptions(qos=2, retainAsPublished=True, retainHandling=2)
        self._asked_at = now
        self._refused.clear()
        for name in filters:
            _, packet = self._client.subscribe(name, options=options)
            if packet is not None:
                self._asked[packet] = name

    def _subscribed(self, _c: object, _u: object, packet: int, codes: list[ReasonCode], _p: object) -> None:
        name = self._asked.pop(packet, "")
        if not codes or any(code.is_failure for code in codes):
            logs.say_seldom("mqtt_subscription_refused", name, code=[code.value for code in codes])
            self._refused.append(name)
            self._ask_waits = min(max(self._ask_waits * 2, _SHORTEST_WAIT), _LONGEST_WAIT)
            self._ask_again = time.monotonic() + self._ask_waits
            return
        self.state.granted.add(name)
        if self.state.ready:
            logs.say("mqtt_subscribed", filters=len(self._filters))

    def _disconnected(self, _c: object, _u: object, flags: object, code: ReasonCode, _p: object) -> None:
        if self.state.connected:
            by_broker = getattr(flags, "is_disconnect_packet_from_server", False)
            missing = sorted(self._asked.values()) if by_broker else []
            logs.say("mqtt_disconnected", code=code.value, by_broker=by_broker, unanswered=missing)
        self._gone()
