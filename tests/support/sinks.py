"""The two ends of a sink, for tests: records of the lab's Kafka, and rows of a PostgreSQL."""

import re
import secrets
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pg8000.dbapi
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from lab import postgres
from lab.certificates import Authority
from lab.child import Child
from lab.files import secret
from lab.ports import HOST
from model.sinks import TimescaleDb
from tests.support.shell import REPOSITORY

Settings = dict[str, str | int | float | bool]
DatabaseRefused = pg8000.dbapi.DatabaseError
Place = tuple[int, int]
"""Partition and offset."""


@dataclass(frozen=True)
class Database:
    """A running PostgreSQL, with the database of the sinks in it."""

    server: Child
    port: int
    name: str
    folder: Path
    authority: Path
    password: str
    """Of the sinks' login."""

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement as the owner of the tables, and return what it selects."""
        return self._run(postgres.OWNER, secret(self.folder / "owner"), self.name, statement, *values)

    def as_login(self, login: str, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as the sinks' login."""
        return self._run(login, self.password, self.name, statement)

    def make(self, login: str) -> None:
        """Make the database and the login."""
        owner = (postgres.OWNER, secret(self.folder / "owner"))
        self._run(*owner, "postgres", f"CREATE DATABASE {self.name}")
        self._run(*owner, "postgres", f"CREATE ROLE {login} LOGIN PASSWORD '{self.password}'")

    def _run(
        self, user: str, password: str, database: str, statement: str, *values: object
    ) -> list[tuple[Any, ...]]:
        trust = ssl.create_default_context(cafile=str(self.authority))
        with closing(
            pg8000.dbapi.connect(
                user, host=HOST, port=self.port, database=database, password=password, ssl_context=trust
            )
        ) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(statement, values)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


@contextmanager
def database(program: Path, folder: Path, port: int, store: TimescaleDb) -> Iterator[Database]:
    """Give a running database for a sink, whose certificate has the name that the sink asks for."""
    authority = Authority(folder / "pki", "Authority of the store")
    authority.ensure()
    secret(folder / "owner")
    pair = authority.server("store", [store.host])
    with postgres.server(program, folder, port, pair, folder / "owner") as server:
        found = Database(
            server, port, store.database, folder, authority.certificate, secrets.token_urlsafe(18)
        )
        found.make(store.login)
        yield found


def table_statements(table: str, *, binary: bool) -> list[str]:
    """Return the statements of docs/sinks.md that make a table and its rights, for a table of this name.

    Not those that are TimescaleDB's own. The payload's other type is the one that the page's comment names.
    """
    page = (REPOSITORY / "docs" / "sinks.md").read_text()
    (block,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    if binary:
        (other,) = re.findall(r"payload +jsonb, +-- (\w+) in a table", block)
        block = block.replace("jsonb,", f"{other},")
    plain = re.sub(r"--.*", "", block).replace("telemetry", table)
    statements = [statement.strip() for statement in plain.split(";") if statement.strip()]
    return [statement for statement in statements if not statement.startswith("SELECT ")]


@dataclass(frozen=True)
class Topic:
    """A topic of the lab's Kafka: written as one user, looked at as another."""

    name: str
    writer: Settings
    reader: Settings

    def write(
        self, value: bytes | None, headers: dict[str, str], key: str = "pump-1"
    ) -> tuple[Place, datetime]:
        """Write a record; returns where it stands and its time."""
        producer, outcome = Producer(self.writer | {"acks": "all"}), list[tuple[KafkaError | None, Message]]()
        producer.produce(
            self.name,
            value,
            key,
            headers=[(name, text.encode()) for name, text in headers.items()],
            on_delivery=lambda error, message: outcome.append((error, message)),
        )
        assert producer.flush(20) == 0
        ((error, message),) = outcome
        assert error is None, error
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        return (partition, offset), datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)

    def places(self) -> set[Place]:
        """Return where records stand now."""
        with self._consumer("nobody") as consumer:
            found = set[Place]()
            for partition in self._partitions(consumer):
                low, high = consumer.get_watermark_offsets(TopicPartition(self.name, partition), timeout=10)
                found |= {(partition, offset) for offset in range(low, high)}
            return found

    def headers(self) -> list[dict[str, str]]:
        """Return the headers of every record that the topic holds now."""
        ends = self.places()
        with self._consumer("nobody") as consumer:
            consumer.assign(self._starts(consumer))
            found = list[dict[str, str]]()
            while len(found) < len(ends):
                message = consumer.poll(20)
                assert message is not None
                assert message.error() is None, message.error()
                sent = dict(message.headers() or {})
                found.append({name: _text(value) for name, value in sent.items()})
            return found

    def committed(self, group: str) -> dict[int, int]:
        """Return how far a group has come in each partition."""
        with self._consumer(group) as consumer:
            asked = [TopicPartition(self.name, partition) for partition in self._partitions(consumer)]
            found = consumer.committed(asked, timeout=10)
            return {entry.partition: entry.offset for entry in found if entry.offset >= 0}

    def rewind(self, group: str) -> None:
        """Have a group, which reads nothing now, begin anew."""
        with self._consumer(group) as consumer:
            consumer.commit(offsets=self._starts(consumer), asynchronous=False)

    @contextmanager
    def _consumer(self, group: str) -> Iterator[Consumer]:
        with closing(Consumer(self.reader | {"group.id": group, "enable.auto.commit": False})) as consumer:
            yield consumer

    def _starts(self, consumer: Consumer) -> list[TopicPartition]:
        """Where each partition begins now: Kafka has deleted what is older than the topic's retention."""
        partitions = [TopicPartition(self.name, partition) for partition in self._partitions(consumer)]
        return [
            TopicPartition(one.topic, one.partition, consumer.get_watermark_offsets(one, timeout=10)[0])
            for one in partitions
        ]

    def _partitions(self, consumer: Consumer) -> list[int]:
        return sorted(consumer.list_topics(self.name, timeout=10).topics[self.name].partitions)


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""
