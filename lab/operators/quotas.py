"""Sets users' quotas in Kafka by its wire protocol, because the client library has no call for them."""

import base64
import hashlib
import hmac
import secrets
import socket
import ssl
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.operators.kafka import REQUEST_SECONDS, KafkaEndpoint, KafkaRefused
from lab.operators.loop import Retry

# Numbers of Kafka's protocol guide; the oldest versions that Kafka 4 still speaks, which have no tagged fields.
SASL_HANDSHAKE = (17, 1)
SASL_AUTHENTICATE = (36, 0)
ALTER_CLIENT_QUOTAS = (49, 0)
CLIENT = "lab-operators"


@dataclass
class KafkaQuotas:
    """Sets quotas, with a connection for each change: there are few, and none is kept open."""

    endpoint: KafkaEndpoint
    _known: dict[str, Mapping[str, float | None]] = field(default_factory=dict)

    def set_quotas(self, user: str, quotas: Mapping[str, float | None]) -> None:
        """Set a user's quotas (Kafka's names; bytes a second and such); None takes one away."""
        if self._known.get(user) == quotas:
            return
        try:
            with _connection(self.endpoint) as connection:
                _authenticate(connection, self.endpoint)
                _refuse(_call(connection, ALTER_CLIENT_QUOTAS, quota_request(user, quotas)))
        except (OSError, EOFError) as error:
            raise Retry(f"Kafka, to set quotas: {type(error).__name__}") from error
        self._known[user] = dict(quotas)


def quota_request(user: str, quotas: Mapping[str, float | None]) -> bytes:
    """Return an AlterClientQuotas request (version 0) for one user."""
    operations = b"".join(
        _text(name) + struct.pack(">d?", value or 0.0, value is None)
        for name, value in sorted(quotas.items())
    )
    entity = struct.pack(">i", 1) + _text("user") + _text(user)
    entry = entity + struct.pack(">i", len(quotas)) + operations
    return struct.pack(">i", 1) + entry + struct.pack(">?", False)


@dataclass(frozen=True)
class ScramAnswer:
    """What a SCRAM-SHA-512 client sends last, and what a server that knows the password must then answer."""

    message: str
    server_signature: bytes


def scram_answer(user: str, password: str, nonce: str, server_first: str) -> ScramAnswer:
    """Return the client's proof for the server's challenge (RFC 5802); raises Retry when the challenge is not ours."""
    fields = dict(part.split("=", 1) for part in server_first.split(","))
    if not fields["r"].startswith(nonce):
        raise Retry("Kafka answered another client's challenge")
    salted = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    client_key = _sign(salted, b"Client Key")
    without_proof = f"c=biws,r={fields['r']}"
    signed = f"{_client_first(user, nonce)},{server_first},{without_proof}".encode()
    signature = _sign(hashlib.sha512(client_key).digest(), signed)
    proof = bytes(left ^ right for left, right in zip(client_key, signature, strict=True))
    return ScramAnswer(
        message=f"{without_proof},p={base64.b64encode(proof).decode()}",
        server_signature=_sign(_sign(salted, b"Server Key"), signed),
    )


def _connection(endpoint: KafkaEndpoint) -> ssl.SSLSocket:
    host, port = endpoint.bootstrap.split(",")[0].rsplit(":", 1)
    plain = socket.create_connection((host, int(port)), timeout=REQUEST_SECONDS)
    context = ssl.create_default_context(cafile=str(endpoint.ca_file))
    return context.wrap_socket(plain, server_hostname=host)


def _authenticate(connection: ssl.SSLSocket, endpoint: KafkaEndpoint) -> None:
    answer = _call(connection, SASL_HANDSHAKE, _text("SCRAM-SHA-512"))
    _raise_for(struct.unpack_from(">h", answer)[0], "the mechanism SCRAM-SHA-512 is not served")
    nonce = secrets.token_urlsafe(24)
    password = endpoint.password_file.read_text(encoding="utf-8").strip()
    server_first = _sasl(connection, f"n,,{_client_first(endpoint.user, nonce)}")
    last = scram_answer(endpoint.user, password, nonce, server_first)
    verdict = dict(part.split("=", 1) for part in _sasl(connection, last.message).split(","))
    if not hmac.compare_digest(base64.b64decode(verdict.get("v", "")), last.server_signature):
        raise Retry("Kafka did not prove that it knows the password")


def _client_first(user: str, nonce: str) -> str:
    escaped = user.replace("=", "=3D").replace(",", "=2C")
    return f"n={escaped},r={nonce}"


def _sasl(connection: ssl.SSLSocket, message: str) -> str:
    encoded = message.encode()
    answer = _call(connection, SASL_AUTHENTICATE, struct.pack(">i", len(encoded)) + encoded)
    (code,) = struct.unpack_from(">h", answer)
    sentence, offset = _read_text(answer, 2)
    _raise_for(code, sentence)
    (length,) = struct.unpack_from(">i", answer, offset)
    return answer[offset + 4 : offset + 4 + length].decode()


def _refuse(answer: bytes) -> None:
    """Raise for the first entry that the broker refused; the answer opens with a throttle time and a count."""
    (code,) = struct.unpack_from(">h", answer, 8)
    sentence, _ = _read_text(answer, 10)
    _raise_for(code, sentence)


def _raise_for(code: int, sentence: str) -> None:
    if code != 0:
        from confluent_kafka import KafkaError

        raise KafkaRefused(KafkaError(code).name(), sentence)


def _call(connection: ssl.SSLSocket, request: tuple[int, int], body: bytes) -> bytes:
    header = struct.pack(">hhi", *request, 1) + _text(CLIENT)
    connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
    (length,) = struct.unpack(">i", _receive(connection, 4))
    return _receive(connection, length)[4:]


def _receive(connection: ssl.SSLSocket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        piece = connection.recv(length - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">h", len(encoded)) + encoded


def _read_text(answer: bytes, offset: int) -> tuple[str, int]:
    """Return the text (empty when null) at an offset, and the offset after it."""
    (length,) = struct.unpack_from(">h", answer, offset)
    if length < 0:
        return "", offset + 2
    return answer[offset + 2 : offset + 2 + length].decode(), offset + 2 + length


def _sign(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha512")
