"""The worker to Kafka: everything that devices say is in one Kafka topic, byte for byte and in order."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.odd_messages import Message
from tests.support.one_kafka import OneKafka
from tests.support.worker_bench import SITE, Bench, bench, readings
from tests.support.worker_fuzz import fuzz


@pytest.fixture
def alone(kafka_alone: OneKafka, tmp_path: Path) -> Iterator[Bench]:
    """A broker and Kafka topics of the test's own."""
    with bench(tmp_path, kafka_alone) as made:
        yield made


def test_what_devices_say_is_in_kafka_byte_for_byte_and_in_order(alone: Bench) -> None:
    said = {
        device: list(readings(device, range(200)))
        for device in ("pump-1", "pump-2", "pump-3", "pad 12", "泵")
    }
    with alone.worker() as worker:
        for device, messages in said.items():
            with alone.broker.device(device) as publisher:
                publisher.publish(messages)
        alone.awaited(1000)
        assert worker.figure("worker_written_total", topic="raw") == 1000
    assert alone.count() == 1000
    found = defaultdict(list)
    for record in alone.records("raw"):
        found[record.key].append(record)
    assert {key.decode(): [record.value for record in records] for key, records in found.items() if key} == {
        device: [message.payload for message in messages] for device, messages in said.items()
    }
    assert all(len({record.partition for record in records}) == 1 for records in found.values())


def test_a_record_says_where_its_message_came_from(alone: Bench) -> None:
    first, second = (Message(f"{SITE}/pump-{n}/flow", b" 41.5", qos=n, retain=n == 1) for n in (1, 2))
    unsure = Message(f"{SITE}/pump-0/flow", b"0", qos=0)
    with alone.worker(), alone.broker.device("any") as device:
        device.publish([first, second, unsure])
        alone.awaited(3)
    headers = sorted((dict(record.headers) for record in alone.records("raw")), key=lambda one: one["topic"])
    for one in headers:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one.pop("received"))
    assert headers == [
        {
            "topic": f"{SITE}/pump-0/flow",
            "qos": "0",
            "retain": "false",
            "site": SITE,
            "device": "pump-0",
            "client": "pump-0",
            "name": "pump-0",
        },
        {
            "topic": f"{SITE}/pump-1/flow",
            "qos": "1",
            "retain": "true",
            "site": SITE,
            "asset": "pad-12",
            "device": "pump-1",
            "client": "pump-1",
            "name": "pump-1",
        },
        {
            "topic": f"{SITE}/pump-2/flow",
            "qos": "2",
            "retain": "false",
            "site": SITE,
            "device": "pump-2",
            "client": "pump-2",
            "name": "pump-2",
        },
    ]


def test_every_odd_message_is_in_exactly_one_topic_as_it_came(alone: Bench) -> None:
    assert fuzz(alone, seed=20_261_101, count=int(os.environ.get("IOT_BROKER_FUZZ", "10000")))[:10] == []
