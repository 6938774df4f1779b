"""MQTT packet by packet, as they go over the wire: what a broker answers, before a library makes something of it."""

import contextlib
import socket
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.mqtt import Certificate, Named

SECONDS = 10.0
CLOSED = "closed"
_NAMES = {
    2: "CONNACK",
    3: "PUBLISH",
    4: "PUBACK",
    5: "PUBREC",
    7: "PUBCOMP",
    9: "SUBACK",
    13: "PINGRESP",
    14: "DISCONNECT",
}
_QOS_1 = 0x02


@dataclass
class Wire:
    """A connection that speaks MQTT 5, or 3.1.1 (`version` 4)."""

    connection: ssl.SSLSocket
    version: int
    kept: bytes = b""
    delivered: list[tuple[str, bytes]] = field(default_factory=list)
    number: int = 0

    def connect(
        self,
        client_id: str = "wire",
        login: tuple[str, str] | None = None,
        will: tuple[str, str] | None = None,
        keep_for: int = 0,
    ) -> str:
        """Ask to be let in, and return the answer; `keep_for` are the seconds for which a session of MQTT 5 is kept."""
        flags = (0x00 if keep_for else 0x02) | (0x0C if will else 0) | (0xC0 if login else 0)
        properties = b"\x05\x11" + keep_for.to_bytes(4, "big") if keep_for else b"\x00"
        body = _text("MQTT") + bytes([self.version, flags, 0, 60])
        body += properties if self.version == 5 else b""
        body += _text(client_id)
        if will:
            body += (b"\x00" if self.version == 5 else b"") + _text(will[0]) + _text(will[1])
        for part in login or ():
            body += _text(part)
        self.send(0x10, body)
        return self.answer()

    def publish(
        self, topic: str | bytes, payload: bytes = b"1", qos: int = 1, *, awaited: bool = True
    ) -> str:
        """Publish, and return the answer; with quality 0 the answer to a ping, which comes after it.

        One that is not `awaited` is left to `words`.
        """
        body = (
            _text(topic) + (self._next() if qos else b"") + (b"\x00" if self.version == 5 else b"") + payload
        )
        self.send(0x30 | qos << 1, body)
        if awaited and not qos:
            self.send(0xC0, b"")
        return self.answer() if awaited else ""

    def subscribe(self, *filters: str | bytes, awaited: bool = True) -> str:
        """Subscribe to all of the filters in one packet, and return the answer, where it is `awaited`."""
        body = self._next() + (b"\x00" if self.version == 5 else b"")
        self.send(0x80 | _QOS_1, body + b"".join(_text(one) + b"\x01" for one in filters))
        return self.answer() if awaited else ""

    def send(self, first: int, body: bytes) -> None:
        """Send a packet: the first byte of its header, and its body."""
        length, rest = b"", len(body)
        while True:
            rest, digit = divmod(rest, 128)
            length += bytes([digit | (0x80 if rest else 0)])
            if not rest:
                break
        # The broker may have ended the connection before it has read everything.
        with contextlib.suppress(OSError):
            self.connection.sendall(bytes([first]) + length + body)

    def answer(self) -> str:
        """Return the broker's next word, with its reasons in hexadecimal; messages are put aside."""
        while True:
            packet = self._packet()
            if packet is None:
                return CLOSED
            kind, body = packet
            if kind != 3:
                return " ".join([_NAMES[kind], *(f"{reason:02x}" for reason in self._reasons(kind, body))])
            self._deliver(body)

    def words(self) -> list[str]:
        """Return every word until the broker closes the connection."""
        found = [self.answer()]
        while found[-1] != CLOSED:
            found.append(self.answer())
        return found

    def messages(self, last: bytes) -> list[tuple[str, bytes]]:
        """Return the messages up to the one with the payload `last`."""
        while not self.delivered or self.delivered[-1][1] != last:
            packet = self._packet()
            assert packet is not None, f"the session ended after {self.delivered}"
            assert packet[0] == 3, f"{_NAMES[packet[0]]} after {self.delivered}"
            self._deliver(packet[1])
        found, self.delivered = self.delivered, []
        return found

    def _next(self) -> bytes:
        self.number += 1
        return self.number.to_bytes(2, "big")

    def _deliver(self, body: bytes) -> None:
        end = 2 + int.from_bytes(body[:2], "big")
        # With quality 1 as it was subscribed to, and published.
        properties = 1 + body[end + 2] if self.version == 5 else 0
        self.delivered.append((body[2:end].decode(), body[end + 2 + properties :]))
        self.send(0x40, body[end : end + 2])

    def _reasons(self, kind: int, body: bytes) -> Iterable[int]:
        if kind == 2:
            return body[1:2]
        if kind in {4, 5, 7}:
            return body[2:3]
        if kind == 9:
            return body[3 + body[2] :] if self.version == 5 else body[2:]
        return body[:1] if kind == 14 else ()

    def _packet(self) -> tuple[int, bytes] | None:
        header = self._bytes(1)
        if not header:
            return None
        length = shift = 0
        while True:
            (digit,) = self._bytes(1)
            length |= (digit & 0x7F) << shift
            shift += 7
            if digit < 0x80:
                break
        return header[0] >> 4, self._bytes(length)

    def _bytes(self, count: int) -> bytes:
        while len(self.kept) < count:
            try:
                more = self.connection.recv(65536)
            except (ConnectionError, ssl.SSLError):
                more = b""
            if not more:
                return b""
            self.kept += more
        found, self.kept = self.kept[:count], self.kept[count:]
        return found


@contextlib.contextmanager
def wire(
    port: int, host: str, authorities: Path, version: int, certificate: Certificate | None = None
) -> Iterator[Wire]:
    """Give a connection that has said nothing yet; it is cut off at the end, as by a network that fails."""
    context = Named(ssl.PROTOCOL_TLS_CLIENT)
    context.name = host
    context.load_verify_locations(authorities)
    if certificate is not None:
        context.load_cert_chain(certificate.chain, certificate.key)
    plain = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
    with context.wrap_socket(plain) as connection:
        yield Wire(connection, version)


def _text(text: str | bytes) -> bytes:
    content = text.encode() if isinstance(text, str) else text
    return len(content).to_bytes(2, "big") + content
