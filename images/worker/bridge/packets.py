"""Reads and writes the packets that carry messages and their acknowledgements, in MQTT 3.1.1 and 5: lenient, linear."""

import struct
from dataclasses import dataclass, replace

PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 0x30, 0x40, 0x50, 0x60, 0x70
_FORMAT, _EXPIRY, _CONTENT_TYPE, _USER = 1, 2, 3, 38
# Every property that MQTT 5 has in a PUBLISH, and how its value is written.
_NUMBERS = {_FORMAT: 1, _EXPIRY: 4, 35: 2}
_TEXTS = {_CONTENT_TYPE: 1, 8: 1, 9: 1, _USER: 2}
_SUBSCRIPTION = 11


class UnreadableError(Exception):
    """A packet that ends before what it announces; the message says where."""


@dataclass(frozen=True, slots=True)
class Properties:
    """What crosses of a message's MQTT 5 properties."""

    user: tuple[tuple[str, str], ...] = ()
    content_type: str | None = None
    is_text: bool = False
    """The payload format indicator."""
    expiry_seconds: int | None = None
    """What is left of the message's time."""


NONE = Properties()


@dataclass(frozen=True, slots=True)
class Publish:
    """A message. `topic` has surrogates where the packet's topic is no UTF-8: such a topic is no broker's."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    again: bool = False
    """The DUP flag."""
    packet_id: int = 0
    properties: Properties = NONE

    @property
    def is_publishable(self) -> bool:
        """Return whether a broker takes this topic: UTF-8 without NUL and wildcards, and not empty."""
        if not self.topic or any(sign in self.topic for sign in "\0+#"):
            return False
        return not any("\ud800" <= letter <= "\udfff" for letter in self.topic)


@dataclass(frozen=True, slots=True)
class Answer:
    """PUBACK, PUBREC, PUBREL or PUBCOMP."""

    packet_id: int
    reason: int


def read_publish(first: int, body: bytes, *, version_5: bool) -> Publish:
    """Read a PUBLISH from its first byte and what follows its length; raises UnreadableError.

    Properties that cannot be read are left out, with those behind them: the payload's place does not depend on them.
    """
    topic, place = _text(body, 0)
    qos, packet_id = (first >> 1) & 3, 0
    if qos == 3:
        raise UnreadableError("QoS 3")
    if qos:
        packet_id, place = _number(body, place, 2)
        if packet_id == 0:
            raise UnreadableError("packet id 0")
    properties = NONE
    if version_5:
        length, place = _varying(body, place)
        if place + length > len(body):
            raise UnreadableError("the properties end behind the packet")
        properties = _properties(body[place : place + length])
        place += length
    return Publish(
        topic.decode("utf-8", "surrogateescape"),
        bytes(body[place:]),
        qos,
        bool(first & 1),
        bool(first & 8),
        packet_id,
        properties,
    )


def read_answer(body: bytes) -> Answer:
    """Read what follows the length of PUBACK, PUBREC, PUBREL or PUBCOMP; raises UnreadableError."""
    packet_id, place = _number(body, 0, 2)
    return Answer(packet_id, body[place] if len(body) > place else 0)


def write_publish(message: Publish, packet_id: int, *, version_5: bool) -> bytes:
    """Return a message as a PUBLISH that was not sent before; raises ValueError for one that no packet can hold."""
    topic = message.topic.encode()
    head = [struct.pack("!H", len(topic)), topic] if len(topic) < 2**16 else []
    if not head:
        raise ValueError("a topic of more than 65,535 bytes")
    if message.qos:
        head.append(struct.pack("!H", packet_id))
    if version_5:
        properties = _written(message.properties)
        head += [_length(len(properties)), properties]
    first = PUBLISH | message.qos << 1 | message.retain
    size = sum(map(len, head)) + len(message.payload)
    return b"".join([bytes([first]), _length(size), *head, message.payload])


def write_answer(kind: int, packet_id: int) -> bytes:
    """Return PUBACK, PUBREC, PUBREL or PUBCOMP with the reason `success`."""
    return struct.pack("!BBH", kind | (2 if kind == PUBREL else 0), 2, packet_id)


def aged(properties: Properties, seconds: float) -> Properties:
    """Return properties of a message that waited so long: less of its time is left, and at least one second."""
    if properties.expiry_seconds is None:
        return properties
    return replace(properties, expiry_seconds=max(1, properties.expiry_seconds - int(seconds)))


def _properties(written: bytes) -> Properties:
    numbers: dict[int, int] = {}
    texts: dict[int, bytes] = {}
    user: list[tuple[str, str]] = []
    place = 0
    try:
        while place < len(written):
            kind, place = written[place], place + 1
            if kind in _NUMBERS:
                numbers[kind], place = _number(written, place, _NUMBERS[kind])
            elif kind == _SUBSCRIPTION:
                _, place = _varying(written, place)
            elif kind == _USER:
                name, place = _text(written, place)
                value, place = _text(written, place)
                user += _pair(name, value)
            elif kind in _TEXTS:
                texts[kind], place = _text(written, place)
            else:
                break
    except UnreadableError:
        pass
    return Properties(
        tuple(user),
        _decoded(texts.get(_CONTENT_TYPE)),
        numbers.get(_FORMAT) == 1,
        numbers.get(_EXPIRY),
    )


def _pair(name: bytes, value: bytes) -> list[tuple[str, str]]:
    texts = _decoded(name), _decoded(value)
    return [(texts[0], texts[1])] if texts[0] is not None and texts[1] is not None else []


def _decoded(text: bytes | None) -> str | None:
    try:
        return None if text is None else text.decode()
    except UnicodeDecodeError:
        return None


def _written(properties: Properties) -> bytes:
    parts = []
    if properties.is_text:
        parts.append(b"\x01\x01")
    if properties.expiry_seconds is not None:
        parts.append(struct.pack("!BI", _EXPIRY, properties.expiry_seconds))
    if properties.content_type is not None:
        parts.append(bytes([_CONTENT_TYPE]) + _string(properties.content_type))
    parts += [bytes([_USER]) + _string(name) + _string(value) for name, value in properties.user]
    return b"".join(parts)


def _string(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("!H", len(encoded)) + encoded


def _length(count: int) -> bytes:
    if count >= 2**28:
        raise ValueError("a packet of more than 256 MiB")
    digits = []
    while True:
        count, digit = divmod(count, 128)
        digits.append(digit | (0x80 if count else 0))
        if not count:
            return bytes(digits)


def _number(body: bytes, place: int, size: int) -> tuple[int, int]:
    end = place + size
    if end > len(body):
        raise UnreadableError("the packet ends within a number")
    return int.from_bytes(body[place:end], "big"), end


def _text(body: bytes, place: int) -> tuple[bytes, int]:
    length, place = _number(body, place, 2)
    if place + length > len(body):
        raise UnreadableError("the packet ends within a text")
    return bytes(body[place : place + length]), place + length


def _varying(body: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in (0, 7, 14, 21):
        digit, place = _number(body, place, 1)
        value |= (digit & 0x7F) << shift
        if digit < 0x80:
            return value, place
    raise UnreadableError("a length of more than four bytes")
