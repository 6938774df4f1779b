"""One connection to a broker: paho's client for all but messages, whose packets go as they come to who is in charge.

paho answers a message of QoS 2 before its reader has it, and keeps what it sends in a store of its own, which it sends
again with the old packet ids. The bridge needs both otherwise; so the five packets of messages are read and written
here, in private parts of paho 2.2.0 (`tests/unit/images/worker/bridge/test_line.py` holds that they are there).
"""

import socket
import ssl
import struct
import time
from typing import Protocol

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from images.worker.bridge import packets
from images.worker.bridge.packets import Answer, Publish, UnreadableError
from images.worker.bridge.settings import End

_READ_AT_ONCE, _BYTES_AT_ONCE = 200, 2**18
"""Packets, and bytes, that are read before the other broker has its turn."""
_UNWRITTEN = 2**20
"""Bytes that are handed to a connection since all before was written."""


class Ears(Protocol):
    """Who hears the packets of messages."""

    def published(self, message: Publish) -> None:
        """Hear PUBLISH."""

    def answered(self, kind: int, answer: Answer) -> None:
        """Hear PUBACK, PUBREC, PUBREL or PUBCOMP."""


class Line(Client):
    """A connection that is open already, from CONNECT to its end; it is never opened again."""

    def __init__(
        self, opened: socket.socket, end: End, password: str | None, ears: Ears, *, clean: bool, window: int
    ) -> None:
        self._opened, self._ears, self._end = opened, ears, end
        version = MQTTProtocolVersion.MQTTv5 if end.version_5 else MQTTProtocolVersion.MQTTv311
        super().__init__(
            CallbackAPIVersion.VERSION2,
            end.client_id,
            clean_session=None if end.version_5 else clean,
            protocol=version,
            reconnect_on_failure=False,
        )
        if end.user is not None:
            self.username_pw_set(end.user, password)
        # With somebody who says when to write, paho writes nothing while it is told what to write.
        self.on_socket_register_write = lambda _client, _data, _socket: None
        self._packets = self._bytes = self._unwritten = 0
        if end.version_5:
            asked = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # as paho has it
            asked.ReceiveMaximum = window
            if not clean:
                asked.SessionExpiryInterval = end.session_expiry_seconds
            self.connect(end.host, end.port, end.keepalive_seconds, clean_start=clean, properties=asked)
        else:
            self.connect(end.host, end.port, end.keepalive_seconds)

    def __del__(self) -> None:
        """Leave the socket to who closes it: paho's own end looks for parts that a failed beginning lacks."""

    @property
    def has_more(self) -> bool:
        """Return whether TLS has bytes that no `select` sees."""
        return isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0

    def read(self) -> None:
        """Take what has come; whether the connection is still there, `socket()` says."""
        self._bytes = 0
        for _ in range(_READ_AT_ONCE):
            before = self._packets
            if self.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or self._packets == before:
                return
            if self._bytes > _BYTES_AT_ONCE:
                return

    def ask(self, filters: list[str], *, retained: bool) -> int | None:
        """Subscribe at QoS 2; return the packet id that the answer will have."""
        if self._end.version_5:
            handling = (
                SubscribeOptions.RETAIN_SEND_IF_NEW_SUB if retained else SubscribeOptions.RETAIN_DO_NOT_SEND
            )
            options = SubscribeOptions(qos=2, retainAsPublished=True, retainHandling=handling)
            return self.subscribe([(name, options) for name in filters])[1]
        return self.subscribe([(name, 2) for name in filters])[1]

    @property
    def is_full(self) -> bool:
        """Return whether so much waits to be written that more would only take memory."""
        return self._unwritten > _UNWRITTEN and self.want_write()

    def send(self, packet: bytes) -> None:
        """Write a whole packet when there is room."""
        self._unwritten = len(packet) + (self._unwritten if self.want_write() else 0)
        # Not as QoS 0: of such a message paho would tell somebody who asked for it.
        self._packet_queue(packet[0], packet, 0, 1)

    def keep_alive_unread(self) -> None:
        """Let the broker know that the bridge lives, while nothing is read and so no answer would be seen."""
        self._send_simple_command(0xC0)

    def read_again(self) -> None:
        """Begin to wait for answers again."""
        self._ping_t = 0.0
        self._last_bytes_received = time.monotonic()

    def _create_socket(self) -> socket.socket:
        return self._opened

    def _packet_handle(self) -> MQTTErrorCode:
        self._packets += 1
        self._bytes += len(self._in_packet["packet"])
        return super()._packet_handle()

    def _handle_publish(self) -> MQTTErrorCode:
        try:
            message = packets.read_publish(
                self._in_packet["command"], bytes(self._in_packet["packet"]), version_5=self._end.version_5
            )
        except UnreadableError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self._ears.published(message)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pubackcomp(self, cmd: str) -> MQTTErrorCode:
        return self._answer(packets.PUBACK if cmd == "PUBACK" else packets.PUBCOMP)

    def _handle_pubrec(self) -> MQTTErrorCode:
        return self._answer(packets.PUBREC)

    def _handle_pubrel(self) -> MQTTErrorCode:
        return self._answer(packets.PUBREL)

    def _answer(self, kind: int) -> MQTTErrorCode:
        try:
            answer = packets.read_answer(bytes(self._in_packet["packet"]))
        except (UnreadableError, struct.error):
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self._ears.answered(kind, answer)
        return MQTTErrorCode.MQTT_ERR_SUCCESS
