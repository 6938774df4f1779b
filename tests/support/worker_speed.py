"""What a message costs the worker, beside its two halves by themselves, in the same run and with the same messages."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil

from lab.waiting import wait_until
from tests.support.bench_broker import DEVICES, WORKERS
from tests.support.flood import flood, payload
from tests.support.plain_ends import READY
from tests.support.shell import REPOSITORY
from tests.support.worker_bench import SITE, Bench, Worker

SECONDS = 600.0
DEVICE = "pump-1"


@dataclass(frozen=True)
class Speed:
    """Wall and processor seconds of so many messages."""

    count: int
    wall: float
    cpu: float

    @property
    def each(self) -> float:
        """Microseconds of processor time for a message."""
        return self.cpu / self.count * 1e6

    @property
    def rate(self) -> float:
        """Messages a second of wall time."""
        return self.count / self.wall


def of_worker(bench: Bench, worker: Worker, count: int) -> Speed:
    """Measure a worker that runs: from the first message published to the last in Kafka."""
    process, before = psutil.Process(worker.child.pid), bench.count("raw")
    begun, used = time.monotonic(), _used(process)
    _flood(bench, count)
    wait_until(lambda: bench.count("raw") >= before + count, SECONDS, f"{count} records in Kafka")
    return Speed(count, time.monotonic() - begun, _used(process) - used)


def of_subscriber(bench: Bench, count: int) -> Speed:
    """Measure a plain subscriber that throws away, which no worker runs beside."""
    pair, authority = bench.broker.certificate("plain"), bench.broker.authority.certificate
    told = {
        "port": bench.broker.ports[WORKERS],
        "authority": str(authority),
        "certificate": str(pair.certificate),
        "key": str(pair.key),
        "filter": f"{SITE}/+/#",
        "count": count,
        "seconds": SECONDS,
    }
    with _half("subscribe", told) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == READY
        begun = time.monotonic()
        _flood(bench, count)
        cost = json.loads(process.stdout.readline())
        return Speed(count, time.monotonic() - begun, cost["cpu"])


def of_producer(bench: Bench, count: int) -> Speed:
    """Measure a plain producer of the same records."""
    headers = {
        "topic": f"{SITE}/{DEVICE}/flow",
        "qos": "1",
        "retain": "false",
        "received": "2026-11-01T00:00:00.000Z",
        "site": SITE,
        "device": DEVICE,
        "client": DEVICE,
        "name": DEVICE,
    }
    told = {
        "kafka": bench.kafka.settings(bench.user, bench.password.read_text()),
        "topic": bench.topic("raw"),
        "payload": payload().decode(),
        "key": DEVICE,
        "headers": headers,
        "count": count,
        "seconds": SECONDS,
    }
    with _half("produce", told) as process:
        assert process.stdout is not None
        cost = json.loads(process.stdout.readline())
        return Speed(count, cost["wall"], cost["cpu"])


def memory(worker: Worker) -> float:
    """Return the worker's resident memory in MiB."""
    return float(psutil.Process(worker.child.pid).memory_info().rss) / 2**20


def _flood(bench: Bench, count: int) -> None:
    authority = bench.broker.authority.certificate
    flood(bench.broker.ports[DEVICES], authority, "flood", f"{SITE}/{DEVICE}/flow", payload(), count)


def _half(name: str, told: dict[str, object]) -> "subprocess.Popen[str]":
    command = (sys.executable, "-m", "tests.support.plain_ends", name, json.dumps(told))
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
