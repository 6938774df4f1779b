"""paho-mqtt's client, which hands PUBLISH and PUBREL over as they come, whatever they hold.

It stands on paho-mqtt 2.2.0 and on parts of it that are not public, so `requirements.txt` pins the version and a test
holds that they are there. paho reads each packet with several calls of the system, raises on odd properties, and
acknowledges QoS 2 before anybody has the message; here PUBLISH and PUBREL are read by `publish.py`.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.exception import MalformedPacket

from images.worker import logs
from images.worker.publish import PUBLISH, BrokenStreamError, Packets, Publish, read

_AT_ONCE = 256
"""Packets that are taken before Kafka's answers are looked at again."""
_READ = 256 * 2**10


class Client(mqtt.Client):
    """One connection to the broker."""

    def __init__(self, client_id: str, taken: Callable[[Publish], None], released: Callable[[int], None]):
        super().__init__(
            CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        self._taken, self._released = taken, released
        self._packets = Packets()
        self._aliases: dict[int, bytes] = {}
        self.on_socket_open = _send_at_once
        # Packets are queued, and written by `Subscription.turn`, many at a time.
        self.on_socket_register_write = lambda *_: None

    def close(self) -> None:
        """Close the connection without a word."""
        self._sock_close()

    @property
    def has_packets(self) -> bool:
        """Whether packets were received and not taken."""
        return self._packets.waits

    def receive(self) -> MQTTErrorCode:
        """Read what there is, and take a number of packets."""
        if not self._packets.waits:
            try:
                data = self._sock_recv(_READ)
            except BlockingIOError:
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            except OSError:
                return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
            if not data:
                return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
            self._packets.add(data)
            with self._msgtime_mutex:
                self._last_bytes_received = time.monotonic()
        try:
            return self._take()
        except (BrokenStreamError, MalformedPacket) as error:
            logs.say_seldom("mqtt_unreadable", type(error).__name__, message=str(error))
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PROTOCOL)

    def acknowledge(self, packets: bytes) -> None:
        """Queue acknowledgements, which are ready packets."""
        self._packet_queue(packets[0], packets, 0, 1)

    def _take(self) -> MQTTErrorCode:
        for first, body in self._packets.take(_AT_ONCE):
            if first & 0xF0 == PUBLISH:
                self._taken(self._with_topic(read(first, body)))
                continue
            packet = self._in_packet
            packet["command"], packet["remaining_length"], packet["packet"] = (
                first,
                len(body),
                bytearray(body),
            )
            code = self._packet_handle()
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return self._loop_rc_handle(code)
            if self.socket() is None:
                break
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _with_topic(self, publish: Publish) -> Publish:
        if publish.alias is None:
            return publish
        if publish.topic:
            self._aliases[publish.alias] = publish.topic
            return publish
        return replace(publish, topic=self._aliases.get(publish.alias, b""))

    def _handle_publish(self) -> MQTTErrorCode:
        raise AssertionError("PUBLISH is read by publish.py")

    def _handle_pubrel(self) -> MQTTErrorCode:
        body = self._in_packet["packet"]
        if len(body) < 2:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self._released(int.from_bytes(body[:2], "big"))
        return MQTTErrorCode.MQTT_ERR_SUCCESS


def _send_at_once(_client: mqtt.Client, _data: object, connection: Any) -> None:
    """Let no acknowledgement wait for the broker's answer to the one before."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
