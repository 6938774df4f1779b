"""A broker of a few lines for one worker: it says what a test tells it to say, and keeps what it hears."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography import x509

from lab.waiting import wait_until

CONNECT, PUBACK, PUBREC, PUBREL, PUBCOMP = 0x10, 0x40, 0x50, 0x62, 0x70
SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT = 0x82, 0xA2, 0xC0, 0xE0


def packet(first: int, body: bytes) -> bytes:
    """Return a packet of MQTT."""
    length, size = bytearray(), len(body)
    while True:
        byte, size = size % 128, size // 128
        length.append(byte | (0x80 if size else 0))
        if not size:
            return bytes([first]) + bytes(length) + body


def publish(
    topic: bytes,
    payload: bytes,
    qos: int = 1,
    number: int = 1,
    *,
    again: bool = False,
    properties: bytes = b"\0",
) -> bytes:
    """Return a PUBLISH; `properties` with their length."""
    first = 0x30 | qos << 1 | (8 if again else 0)
    name = len(topic).to_bytes(2, "big") + topic
    return packet(first, name + (number.to_bytes(2, "big") if qos else b"") + properties + payload)


@dataclass
class Broker:
    """One listener, one client at a time; `session_present` and `refused` (filters) are what it answers."""

    server: socket.socket
    session_present: bool = False
    refused: tuple[bytes, ...] = ()
    heard: list[tuple[int, bytes]] = field(default_factory=list)
    connections: int = 0
    client: socket.socket | None = None
    tls: ssl.SSLContext | None = None
    names: list[str] = field(default_factory=list)
    """The name in the certificate that each client showed."""

    @property
    def port(self) -> int:
        return int(self.server.getsockname()[1])

    def send(self, *packets: bytes) -> None:
        """Send packets to the client that is there."""
        assert self.client is not None
        self.client.sendall(b"".join(packets))

    def cut(self) -> None:
        """End the connection without a word."""
        assert self.client is not None
        self.client.shutdown(socket.SHUT_RDWR)

    def bodies(self, first: int) -> list[bytes]:
        """Return what was heard of one kind of packet."""
        return [body for kind, body in list(self.heard) if kind == first]

    def acknowledged(self) -> list[tuple[int, int]]:
        """Return kind and packet id of the acknowledgements heard, in order."""
        kinds = (PUBACK, PUBREC, PUBCOMP)
        return [(kind, int.from_bytes(body[:2], "big")) for kind, body in list(self.heard) if kind in kinds]

    def await_subscribed(self, connections: int = 1) -> None:
        """Wait until a client has connected so often, and subscribed."""

        def subscribed() -> bool:
            kinds = [kind for kind, _ in list(self.heard)]
            return kinds.count(CONNECT) >= connections and SUBSCRIBE in kinds[_last(kinds, CONNECT) :]

        wait_until(subscribed, 10, "the worker's subscription")

    def serve(self) -> None:
        """Take one client after another."""
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = self.server.accept()
                self.client = accepted if self.tls is None else self._secured(accepted, self.tls)
                self.connections += 1
                with contextlib.suppress(OSError), self.client:
                    self._listen(self.client)

    def _secured(self, accepted: socket.socket, tls: ssl.SSLContext) -> ssl.SSLSocket:
        secured = tls.wrap_socket(accepted, server_side=True)
        shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
        (name,) = shown.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        self.names.append(str(name.value))
        return secured

    def _listen(self, client: socket.socket) -> None:
        stream = client.makefile("rb")
        while head := stream.read(1):
            size, shift = 0, 0
            while True:
                byte = stream.read(1)[0]
                size |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            body = stream.read(size)
            # Answered first: who sees what was heard may send at once.
            self._answer(client, head[0], body)
            self.heard.append((head[0], body))

    def _answer(self, client: socket.socket, first: int, body: bytes) -> None:
        if first == CONNECT:
            client.sendall(packet(0x20, bytes([self.session_present, 0, 0])))
        elif first == SUBSCRIBE:
            code = 0x87 if body[5:-1] in self.refused else 2
            client.sendall(packet(0x90, body[:2] + b"\0" + bytes([code])))
        elif first == UNSUBSCRIBE:
            client.sendall(packet(0xB0, body[:2] + b"\0\0"))
        elif first == PUBREC:
            client.sendall(packet(PUBREL, body[:2]))
        elif first == PINGREQ:
            client.sendall(packet(0xD0, b""))


def _last(kinds: list[int], kind: int) -> int:
    return len(kinds) - 1 - kinds[::-1].index(kind)


@contextlib.contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Broker]:
    """Give a broker at a free port, which asks for certificates with `tls`; it ends with the test."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        broker = Broker(server, tls=tls)
        thread = threading.Thread(target=broker.serve, daemon=True)
        thread.start()
        yield broker
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        if broker.client is not None:
            with contextlib.suppress(OSError):
                broker.client.shutdown(socket.SHUT_RDWR)
    thread.join(10)
