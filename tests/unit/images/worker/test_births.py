"""A worker that starts knows the births that others wrote, and writes those that it hears before it acknowledges."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from images.worker.births import Births
from images.worker.figures import Health
from images.worker.producer import Kafka, Record
from images.worker.settings import parse
from images.worker.sparkplug import Decoded
from images.worker.sparkplug.schema import Payload
from lab.waiting import wait_until
from tests.support.mock_kafka import MockKafka

Document = Callable[..., dict[str, Any]]


def birth() -> bytes:
    payload = Payload(timestamp=1, seq=0)
    payload.metrics.add(name=b"bdSeq", datatype=8, long_value=1)
    payload.metrics.add(name=b"flow", alias=7, datatype=10, double_value=1.5)
    return bytes(payload.SerializeToString())


def data() -> bytes:
    payload = Payload(timestamp=2, seq=1)
    payload.metrics.add(alias=7, datatype=10, double_value=2.5)
    return bytes(payload.SerializeToString())


def write(document: dict[str, Any], record: Record) -> None:
    written: list[Record] = []
    kafka = Kafka(parse(document, {}), wake=lambda: None, written=written.append, refused=lambda *_: None)
    kafka.send(record)

    def is_written() -> bool:
        kafka.turn(time.monotonic())
        return bool(written)

    wait_until(is_written, 20, "the record is in Kafka")
    kafka.stop()


def test_names_come_from_births_that_kafka_keeps(document: Document, kafka: MockKafka) -> None:
    made = document(kafka.prefix, kafka.bootstrap, sparkplug={"decode": True})
    heard = Births(parse(made, {})).decoder.decode(["spBv1.0", "s", "NBIRTH", "node"], birth())
    (kept,) = heard.births
    write(made, Record("births", kept.key.encode(), kept.value, [*kept.headers], 1, kept.received))
    births, health = Births(parse(made, {})), Health(lambda: True)

    births.read(threading.Event(), health)

    found = births.decoder.decode(["spBv1.0", "s", "NDATA", "node"], data())
    assert isinstance(found, Decoded)
    assert b'"flow"' in found.json
    assert health.lives
    figures = {sample.name: sample.value for family in births.figures() for sample in family.samples}
    assert figures["worker_sparkplug_births"] == 1
    births.close()


def test_a_worker_that_is_stopped_waits_for_no_births(
    document: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    births, stopped = Births(parse(document(sparkplug={"decode": True}), {})), threading.Event()
    stopped.set()

    births.read(stopped, Health(lambda: True))
    births.close()

    assert capsys.readouterr().err == ""
