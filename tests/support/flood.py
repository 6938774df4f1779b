"""Publishes the same message many times at QoS 1 as fast as a broker acknowledges, at little cost of its own.

MQTT 3.1.1 packet by packet: a library would take longer to publish than the parts that are measured take to read.
"""

import json
import socket
import ssl
from pathlib import Path

from lab.ports import HOST

BATCH = 200
"""Messages that are out at once."""
_SECONDS = 60.0
_PUBACK_BYTES = 4


def payload(size: int = 256) -> bytes:
    """Return JSON of so many bytes."""
    document = {"value": 41.5, "unit": "bar", "at": "2026-11-01T00:00:00.000Z", "note": ""}
    empty = len(json.dumps(document))
    return json.dumps({**document, "note": "x" * (size - empty)}).encode()


def flood(port: int, authority: Path, client_id: str, topic: str, content: bytes, count: int) -> None:
    """Publish so many messages, and return when the broker has acknowledged the last."""
    context = ssl.create_default_context(cafile=str(authority))
    plain = socket.create_connection((HOST, port), timeout=_SECONDS)
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(_packet(0x10, _text(b"MQTT") + b"\x04\x02\x00\x00" + _text(client_id.encode())))
        assert _exactly(connection, 4)[3] == 0, "the broker did not let the flood in"
        name = _text(topic.encode())
        whole = b"".join(
            _packet(0x32, name + number.to_bytes(2, "big") + content) for number in range(1, BATCH + 1)
        )
        one = len(whole) // BATCH
        left = count
        while left:
            part = min(left, BATCH)
            connection.sendall(whole[: part * one])
            _exactly(connection, part * _PUBACK_BYTES)
            left -= part
        connection.sendall(b"\xe0\x00")


def _exactly(connection: ssl.SSLSocket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = connection.recv(count - len(found))
        assert more, "the broker ended the connection"
        found += more
    return found


def _packet(first: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length += bytes([digit | (0x80 if rest else 0)])
        if not rest:
            return bytes([first]) + length + body


def _text(content: bytes) -> bytes:
    return len(content).to_bytes(2, "big") + content
