"""MQTT 5 sessions as a device has them: over TLS, with a certificate or a token."""

import contextlib
import queue
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

SECONDS = 10.0
# Both sides of a session count their packets from one. Who counts from here shows in a log whose number it is.
_FIRST_NUMBER = 2**15


class Named(ssl.SSLContext):
    """Checks the server's certificate for the name that devices know it by, though it is reached on loopback."""

    name: str

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Wrap a socket, for the server's own name."""
        return super().wrap_socket(*arguments, **{**options, "server_hostname": self.name})


@dataclass(frozen=True)
class Certificate:
    """A client's certificate with its chain, and its key: PEM files."""

    chain: Path
    key: Path


@dataclass
class Session:
    """A session that the broker has accepted."""

    client: Client
    received: "queue.Queue[MQTTMessage]" = field(default_factory=queue.Queue)
    answers: "queue.Queue[str]" = field(default_factory=queue.Queue)
    ended: "queue.Queue[str]" = field(default_factory=queue.Queue)

    def publish(
        self,
        topic: str,
        payload: str | bytes,
        qos: int = 1,
        *,
        retain: bool = False,
        user_properties: Iterable[tuple[str, str]] = (),
    ) -> str:
        """Publish, and return the broker's word: `Success`, or why not."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # as paho has it
        for pair in user_properties:
            properties.UserProperty = pair
        self.client.publish(topic, payload, qos, retain, properties)
        return self.answers.get(timeout=SECONDS)

    def subscribe(
        self, topic: str, qos: int = 1, *, as_published: bool = False, retained: bool = True
    ) -> str:
        """Subscribe, and return the broker's word: `Granted QoS 1`, or why not.

        With the retain flag as it was published, or as MQTT 5 has it; with the messages that are retained, or without.
        """
        handling = (
            SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE if retained else SubscribeOptions.RETAIN_DO_NOT_SEND
        )
        options = SubscribeOptions(qos=qos, retainAsPublished=as_published, retainHandling=handling)
        self.client.subscribe(topic, options=options)
        return self.answers.get(timeout=SECONDS)

    def next(self) -> tuple[str, str]:
        """Return the topic and payload of the next message."""
        message = self.received.get(timeout=SECONDS)
        return message.topic, message.payload.decode()

    def end(self) -> str:
        """Wait until the broker ends the session, and return its reason."""
        return self.ended.get(timeout=SECONDS)


class Refused(Exception):
    """The broker, or its TLS, did not let the client in; the message says why."""


@contextlib.contextmanager
def session(
    port: int,
    host: str,
    authorities: Path,
    client_id: str,
    *,
    certificate: Certificate | None = None,
    login: tuple[str, str] | None = None,
    web_socket: bool = False,
    clean_start: bool = True,
    keepalive: int = 20,
) -> Iterator[Session]:
    """Give an accepted session, and close it at the end; raises Refused."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        protocol=MQTTProtocolVersion.MQTTv5,
        transport="websockets" if web_socket else "tcp",
        reconnect_on_failure=False,
    )
    client._last_mid = _FIRST_NUMBER
    if web_socket:
        client.ws_set_options(path="/mqtt")
    client.tls_set_context(_context(host, authorities, certificate))
    if login is not None:
        client.username_pw_set(*login)
    made, accepted = Session(client), queue.Queue[str]()

    def ended(_client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        # Who still waits to be let in, or for an answer, hears it, too: a denied message is not acknowledged.
        accepted.put(str(reason))
        made.answers.put(str(reason))
        made.ended.put(str(reason))

    client.on_connect = lambda _c, _u, _f, reason, _p: accepted.put(str(reason))
    client.on_connect_fail = lambda _c, _u: accepted.put("connection failed")
    client.on_disconnect = ended
    client.on_message = lambda _c, _u, message: made.received.put(message)
    client.on_publish = lambda _c, _u, _m, reason, _p: made.answers.put(str(reason))
    client.on_subscribe = lambda _c, _u, _m, reasons, _p: made.answers.put(str(reasons[0]))
    try:
        client.connect("127.0.0.1", port, keepalive, clean_start=clean_start)
    except (ssl.SSLError, ConnectionError) as error:
        raise Refused(str(error)) from error
    client.loop_start()
    try:
        if (reason := accepted.get(timeout=SECONDS)) != "Success":
            raise Refused(reason)
        yield made
    finally:
        client.disconnect()
        client.loop_stop()


def _context(host: str, authorities: Path, certificate: Certificate | None) -> Named:
    context = Named(ssl.PROTOCOL_TLS_CLIENT)
    context.name = host
    context.load_verify_locations(authorities)
    if certificate is not None:
        context.load_cert_chain(certificate.chain, certificate.key)
    return context
