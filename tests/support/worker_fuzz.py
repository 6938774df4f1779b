"""Odd messages through a worker, each looked for where it must be."""

import json
from collections.abc import Iterator

from tests.support.kafka_reader import Record
from tests.support.odd_messages import DEAD_LETTER, NOWHERE, SPARKPLUG, Message, messages
from tests.support.worker_bench import SITE, SPACES, Bench

_NAMED = b"\x0a\x02m"
"""What a metric of `sparkplug_payloads` begins with: its name, of two letters."""


def fuzz(bench: Bench, seed: int, count: int, *, decoded: bool = False) -> list[str]:
    """Publish so many odd messages to a worker, and return what is wrong with Kafka.

    Where Sparkplug is `decoded`, its records are JSON with the names of their metrics; all others are as they came.
    """
    said = list(messages(seed, count, SPACES, SITE, decoded=decoded))
    wanted = sum((message.place != NOWHERE) + len(message.beside) for message in said)
    with bench.worker(sparkplug={"decode": decoded}), bench.broker.device("fuzzer") as device:
        device.publish(said, seconds=600.0)
        bench.awaited(wanted, seconds=600.0)
    return list(errors(said, bench, decoded=decoded))


def errors(said: list[Message], bench: Bench, *, decoded: bool = False) -> Iterator[str]:
    """Say which messages are not in exactly one Kafka topic as they were published, and what is there besides."""
    found = bench.arrived()
    for message in said:
        records = found.pop(message.topic, [])
        places = sorted(place for place, _ in records)
        wanted = sorted([message.place, *message.beside] if message.place != NOWHERE else [])
        if places != wanted:
            yield f"{message.topic!r} is in {places}, not {wanted}: {message.payload[:60]!r}"
            continue
        for place, record in records:
            if place == message.place:
                yield from _differences(message, record, decoded=decoded and place == SPARKPLUG)
    for topic in found:
        yield f"nobody published to {topic!r}"


def _differences(message: Message, record: Record, *, decoded: bool) -> Iterator[str]:
    if decoded:
        names = [metric.get("name") for metric in json.loads(record.value).get("metrics", [])]
        if names != [f"m{place}" for place in range(len(names))] or len(names) != message.payload.count(
            _NAMED
        ):
            yield f"{message.topic!r} has the metrics {names}"
    elif record.value != message.payload:
        yield f"{message.topic!r}: {record.value[:60]!r} instead of {message.payload[:60]!r}"
    key = None if record.key is None else record.key.decode()
    if message.key is not None and key != message.key:
        yield f"{message.topic!r} has the key {key!r}, not {message.key!r}"
    if record.headers["qos"] != str(message.qos):
        yield f"{message.topic!r} has QoS {record.headers['qos']}, not {message.qos}"
    if record.headers["retain"] != str(message.retain).lower():
        yield f"{message.topic!r}: retain is {record.headers['retain']}"
    if (message.place == DEAD_LETTER) != ("reason" in record.headers):
        yield f"{message.topic!r} in {message.place}: reason {record.headers.get('reason')}"
    if empty := [name for name, value in record.headers.items() if not value]:
        yield f"{message.topic!r} has empty headers: {empty}"
