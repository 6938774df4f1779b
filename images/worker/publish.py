"""Reads MQTT packets from a stream of bytes, and PUBLISH packets (MQTT 5) leniently and in linear time.

paho-mqtt raises on properties that are odd, drops the connection, and would be sent the same message again for ever.
Here a message is taken for what it is, whatever its properties say.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

PUBLISH = 0x30

# Sizes of the values of PUBLISH properties (MQTT 5, 3.3.2.3); texts and bytes have a length of two bytes before them.
_FIXED = {0x01: 1, 0x02: 4, 0x23: 2}
_TEXTS = frozenset({0x03, 0x08, 0x09})
_PAIR = 0x26
_SUBSCRIPTION = 0x0B
_ALIAS = 0x23
_TWO_BYTES = struct.Struct("!H")


class BrokenStreamError(Exception):
    """The bytes are no MQTT: where a packet ends, or which message it is, cannot be said."""


@dataclass(frozen=True, slots=True)
class Publish:
    """One PUBLISH; `packet` is None at QoS 0. `topic` is empty where an alias stands for it."""

    topic: bytes
    payload: bytes
    qos: int
    packet: int | None
    retain: bool = False
    again: bool = False
    """The flag DUP: the broker may have sent it before."""
    alias: int | None = None
    properties: tuple[tuple[bytes, bytes], ...] = ()
    """User properties, as far as they can be read."""
    whole: bool = True
    """False where the length of the properties is wrong: the payload is then all that follows the packet id."""


def read(first: int, body: bytes) -> Publish:
    """Return a PUBLISH from its first byte and what follows the length; raises BrokenStreamError.

    Only a topic or packet id that is not there is an error, for nothing could be acknowledged.
    """
    qos = (first >> 1) & 3
    try:
        (length,) = _TWO_BYTES.unpack_from(body, 0)
        position = 2 + length
        packet = None
        if qos:
            (packet,) = _TWO_BYTES.unpack_from(body, position)
            position += 2
    except struct.error:
        raise BrokenStreamError("a PUBLISH ends within its topic or packet id") from None
    if position > len(body) or qos == 3 or packet == 0:
        raise BrokenStreamError("a PUBLISH without topic, packet id or QoS")
    topic, retain, again = body[2 : 2 + length], bool(first & 1), bool(first & 8)
    if position < len(body) and body[position] == 0:
        return Publish(topic, body[position + 1 :], qos, packet, retain, again)
    size, start = _variable(body, position)
    end = start + size
    if size < 0 or end > len(body):
        return Publish(topic, body[position:], qos, packet, retain, again, whole=False)
    alias, properties = _properties(body, start, end)
    return Publish(topic, body[end:], qos, packet, retain, again, alias, properties)


def _properties(body: bytes, position: int, end: int) -> tuple[int | None, tuple[tuple[bytes, bytes], ...]]:
    """Return the topic alias and user properties; what follows an unknown property cannot be read."""
    alias, found = None, []
    while position < end:
        name, position = body[position], position + 1
        if name in _FIXED:
            if name == _ALIAS and position + 2 <= end:
                (alias,) = _TWO_BYTES.unpack_from(body, position)
            position += _FIXED[name]
        elif name in _TEXTS:
            _, position = _text(body, position, end)
        elif name == _PAIR:
            key, position = _text(body, position, end)
            value, position = _text(body, position, end)
            if position <= end:
                found.append((key, value))
        elif name == _SUBSCRIPTION:
            _, position = _variable(body, position)
        else:
            break
    return alias, tuple(found)


def _text(body: bytes, position: int, end: int) -> tuple[bytes, int]:
    if position + 2 > end:
        return b"", end + 1
    (length,) = _TWO_BYTES.unpack_from(body, position)
    return body[position + 2 : position + 2 + length], position + 2 + length


def _variable(body: bytes, position: int) -> tuple[int, int]:
    """Return a variable byte integer and where it ends; -1 for one that does not end."""
    value = 0
    for shift in (0, 7, 14, 21):
        if position >= len(body):
            break
        byte, position = body[position], position + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    return -1, position


class Packets:
    """Packets of a stream that arrives in pieces; each byte is copied a bounded number of times."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, data: bytes) -> None:
        """Take a piece of the stream."""
        self._bytes += data

    def take(self, most: int) -> Iterator[tuple[int, bytes]]:
        """Give up to `most` whole packets: first byte, and what follows the length. Raises BrokenStreamError."""
        data, position, given = self._bytes, 0, 0
        try:
            while given < most and position + 2 <= len(data):
                size, start = data[position + 1], position + 2
                if size >= 0x80:
                    size, start = _length(data, position + 1)
                    if size < 0:
                        break
                end = start + size
                if end > len(data):
                    break
                first, body = data[position], bytes(data[start:end])
                position, given = end, given + 1
                yield first, body
        finally:
            del data[:position]

    @property
    def waits(self) -> bool:
        """Whether a whole packet is there."""
        data = self._bytes
        if len(data) < 2:
            return False
        size, start = _length(data, 1)
        return size >= 0 and start + size <= len(data)


def _length(data: bytearray, position: int) -> tuple[int, int]:
    """Return a packet's remaining length and where it ends; -1 for one that has not arrived."""
    value = 0
    for shift in (0, 7, 14, 21):
        if position >= len(data):
            return -1, position
        byte, position = data[position], position + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise BrokenStreamError("a length of more than four bytes")
