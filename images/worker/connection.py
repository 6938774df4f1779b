"""What connections are made with: files that change while the worker runs, TLS, and librdkafka's settings."""

import hashlib
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError

from images.worker.logs import Lines
from images.worker.settings import Identity, Settings

LOOK_SECONDS = 10.0
"""How often files are looked at."""
_LARGEST_BATCH = 1_000_000


class Files:
    """Files whose content a connection was made with."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files
        self._content = self._read()

    def changed(self) -> bool:
        """Say whether the content is another than at the last look; a file that cannot be read has not changed."""
        content = self._read()
        if content is None or content == self._content:
            return False
        self._content = content
        return True

    def forget(self) -> None:
        """Let the next look find a change: this content could not be used, half of a renewal, say."""
        self._content = None

    def _read(self) -> bytes | None:
        digest = hashlib.sha256()
        try:
            for file in self._files:
                digest.update(hashlib.sha256(file.read_bytes()).digest())
        except OSError:
            return None
        return digest.digest()


def client_context(identity: Identity) -> ssl.SSLContext | None:
    """Return the TLS of a client; None where nothing is encrypted. Raises OSError (ssl.SSLError among them)."""
    if not identity.files:
        return None
    context = ssl.create_default_context(cafile=identity.authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if identity.certificate is not None:
        context.load_cert_chain(identity.certificate, identity.key)
    return context


def kafka_login(settings: Settings) -> dict[str, Any]:
    """Return librdkafka's settings of who connects where; raises OSError where the password cannot be read."""
    kafka = settings.kafka
    login: dict[str, Any] = {}
    if kafka.user is not None and kafka.password_file is not None:
        login = {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": kafka.user,
            "sasl.password": kafka.password_file.read_text(encoding="utf-8").strip(),
        }
    trust = {} if kafka.authority is None else {"ssl.ca.location": str(kafka.authority)}
    logger = logging.getLogger("librdkafka")
    if not logger.handlers:
        logger.addHandler(Lines())
        logger.propagate = False
    return {
        "bootstrap.servers": kafka.bootstrap,
        "client.id": settings.mqtt.client_id,
        "security.protocol": ("SASL_" if login else "") + ("SSL" if trust else "PLAINTEXT"),
        **login,
        **trust,
        "reconnect.backoff.max.ms": 5_000,
        "socket.keepalive.enable": True,
        "log_level": 3,
        "logger": logger,
    }


def producer_settings(settings: Settings, erred: Callable[[KafkaError], None]) -> dict[str, Any]:
    """Return librdkafka's settings of the producer; raises OSError where the password cannot be read."""
    kafka = settings.kafka
    largest = [topic.largest_record for topic in kafka.topics.values()]
    return {
        **kafka_login(settings),
        "error_cb": erred,
        "acks": "all",
        "enable.idempotence": True,
        # A Kafka that is away is waited for as long as it takes: nothing is given up, and no order changes.
        "message.timeout.ms": 0,
        "linger.ms": 5,
        "compression.type": "lz4",
        # As Kafka's own clients divide keys, and EMQX's and the Kafka bridge's did before.
        "partitioner": "murmur2_random",
        "message.max.bytes": min(max(largest), 10**9),
        # Kafka holds a topic's largest record against a whole batch, and refuses all of it.
        "batch.size": min(_LARGEST_BATCH, *(size * 7 // 8 for size in largest)),
        # The worker's own bounds are narrower: `produce` never finds the queue full.
        "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": min(4 * kafka.buffer_bytes // 2**10 + 2**16, 2**31 - 1),
    }
