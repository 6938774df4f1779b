"""The bench of the worker to Kafka: the real worker between the lab's MQTT broker and a real Kafka."""

import contextlib
import itertools
import json
import os
import random
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from lab.child import Child
from lab.files import write
from lab.ports import HOST, free_ports
from lab.waiting import wait_until
from tests.support.bench_broker import BenchBroker, bench_broker
from tests.support.kafka_reader import Record
from tests.support.odd_messages import Message
from tests.support.one_kafka import OneKafka
from tests.support.shell import REPOSITORY

SITE = "eagle-ford"
SPACES = (SITE, "field/a")
PLACES = ("raw", "sparkplug", "events", "dead-letter", "ot", "audit", "metrics", "births")
LARGEST_RECORD = 1_049_600
PATIENCE = 120.0
"""Seconds: a machine that does much else takes long."""
START_SECONDS = 60.0
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Worker:
    """A worker that runs, or did."""

    name: str
    child: Child
    port: int
    settings: Path
    certificate: Path
    key: Path

    def figure(self, name: str, **labels: str) -> float:
        """Return the sum of a figure over its labels, as far as they are not given; 0 where it is not there."""
        found = 0.0
        for line in _get(self.port, "/metrics").data.decode().splitlines():
            series, _, value = line.rpartition(" ")
            base, _, rest = series.partition("{")
            if base == name and all(f'{label}="{word}"' in rest for label, word in labels.items()):
                found += float(value)
        return found

    def kill(self) -> None:
        """Kill the worker: what it holds is gone."""
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.stop()

    def stop(self) -> None:
        """Ask the worker to end, as Kubernetes does, and wait for it."""
        self.child.stop()

    def says(self, event: str) -> None:
        """Wait until the worker's log has an event."""
        wait_until(
            lambda: f'"event": "{event}"' in self.child.log.read_text(), PATIENCE, f"the worker says {event}"
        )

    def awaited(self, name: str, least: float, **labels: str) -> None:
        """Wait until a figure is that large."""
        wait_until(lambda: self.figure(name, **labels) >= least, PATIENCE, f"{name} is {least:g}")

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.child.start()


@dataclass(frozen=True)
class Bench:
    """A broker and Kafka topics of its own, and who writes to these."""

    folder: Path
    kafka: OneKafka
    broker: BenchBroker
    prefix: str
    user: str
    password: Path
    workers: dict[str, Worker] = field(default_factory=dict)

    def topic(self, place: str) -> str:
        """Return the full name of a Kafka topic."""
        return f"{self.prefix}.{place}"

    def count(self, *places: str) -> int:
        """Return how many records were written to these Kafka topics, births not among them where none is named."""
        return sum(self.kafka.count(self.topic(place)) for place in places or PLACES[:-1])

    def records(self, place: str) -> list[Record]:
        """Return every record of a Kafka topic."""
        return self.kafka.records(self.topic(place))

    def arrived(self, *places: str) -> dict[str, list[tuple[str, Record]]]:
        """Return where each MQTT topic's messages are, with their records; all places when none is named."""
        found: dict[str, list[tuple[str, Record]]] = defaultdict(list)
        for place in places or PLACES[:-1]:
            for record in self.records(place):
                found[record.headers.get("topic", "")].append((place, record))
        return found

    def awaited(self, count: int, *places: str, seconds: float = PATIENCE) -> None:
        """Wait until so many records are there."""
        try:
            wait_until(lambda: self.count(*places) >= count, seconds, f"{count} records in Kafka")
        except Exception as error:
            error.add_note(f"there are {self.count(*places)}")
            for worker in self.workers.values():
                error.add_note(worker.child.log.read_text()[-2000:])
            raise

    @contextlib.contextmanager
    def worker(self, name: str = "worker-0", **changes: Mapping[str, Any]) -> Iterator[Worker]:
        """Run a worker until the end; `changes` are settings by part (`mqtt={"window": 10}`)."""
        made = self.prepared(name, **changes)
        with made.child:
            yield made

    def prepared(self, name: str = "worker-0", **changes: Mapping[str, Any]) -> Worker:
        """Return a worker that is not started yet."""
        folder = self.folder / f"{name}-{next(_numbers)}"
        folder.mkdir()
        pair = self.broker.certificate(name)
        chain = write(folder / "tls.crt", pair.certificate.read_text())
        key = write(folder / "tls.key", pair.key.read_text())
        port = free_ports(("figures",))["figures"]
        settings: dict[str, Any] = {
            "site": SITE,
            "mqtt": {
                "host": "localhost",
                "port": self.broker.proxy.port,
                "client_id": name,
                "group": "kafka",
                "certificate": str(chain),
                "key": str(key),
                "authority": str(self.broker.authority.certificate),
            },
            "kafka": {
                "bootstrap": self.kafka.proxied,
                "user": self.user,
                "password_file": str(self.password),
                "authority": str(self.kafka.authority.certificate),
                "topics": {
                    place: {"name": self.topic(place), "largest_record": LARGEST_RECORD} for place in PLACES
                },
            },
            "topics": {
                "spaces": list(SPACES),
                "ot": None,
                "sparkplug_group": SITE,
                "audit": "$kit/audit",
                "figures": "$SYS/brokers",
            },
            "sparkplug": {"decode": False},
            "assets": {"pump-1": "pad-12"},
            "listen": {"host": HOST, "port": port},
        }
        for part, change in changes.items():
            settings[part] = {**settings[part], **change}
        file = write(folder / "settings.json", json.dumps(settings, indent=2))
        command = (sys.executable, "-m", "images.worker", file)
        child = Child(
            command,
            folder,
            lambda: _is_ready(port),
            start_seconds=START_SECONDS,
            stop_seconds=20.0,
            environment={"PYTHONPATH": str(REPOSITORY)},
        )
        made = Worker(name, child, port, file, chain, key)
        self.workers[name] = made
        return made


def _is_ready(port: int) -> bool:
    try:
        return _get(port, "/readyz").status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _get(port: int, path: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request("GET", f"http://{HOST}:{port}{path}", retries=False, timeout=5.0)


ZONE = {"max_mqueue_len": 100_000, "max_inflight": 1000, "mqueue_store_qos0": True}
"""The workers' zone where a test asks for no other: a queue that nothing here fills."""


@contextlib.contextmanager
def bench(
    folder: Path,
    kafka: OneKafka,
    zone: Mapping[str, Any] | None = None,
    limits: Mapping[str, int] | None = None,
) -> Iterator[Bench]:
    """Give a bench: a broker of its own with these bounds (EMQX's `mqtt` keys), and its own Kafka topics.

    `limits` are the largest records of Kafka topics, where they are others than the worker is told.
    """
    prefix = f"bench-{os.getpid()}-{next(_numbers)}"
    names = {place: f"{prefix}.{place}" for place in PLACES}
    largest = dict.fromkeys(PLACES, LARGEST_RECORD) | dict(limits or {})
    kafka.make_topics({names[place]: {"max.message.bytes": str(largest[place])} for place in PLACES})
    password = write(folder / "kafka-password", kafka.make_user(prefix, names.values(), names["births"]))
    with bench_broker(folder / "broker", ZONE | dict(zone or {})) as running:
        yield Bench(folder, kafka, running, prefix, prefix, password)


def readings(device: str, numbers: range, size: int = 0) -> Iterator[Message]:
    """Give a device's numbered messages, with so many bytes more, which no compression makes fewer."""
    for number in numbers:
        more = {"more": random.Random(number).randbytes(size // 2).hex()} if size else {}  # noqa: S311 - no secret
        yield Message(f"{SITE}/{device}/flow", json.dumps({"n": number, **more}).encode())


def heard(bench: Bench) -> dict[str, list[int]]:
    """Return the numbers of the devices' messages that are in Kafka, in the order in which they lie there."""
    found: dict[str, list[int]] = defaultdict(list)
    for record in bench.records("raw"):
        found[(record.key or b"").decode()].append(json.loads(record.value)["n"])
    return found


def in_order(numbers: list[int]) -> bool:
    """Say whether the first of each number come in their order, whatever is doubled."""
    first = list(dict.fromkeys(numbers))
    return first == sorted(first)


def doubled(numbers: list[int]) -> int:
    """Return how many records there are beyond the first of each number."""
    return len(numbers) - len(set(numbers))
