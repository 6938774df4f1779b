"""What the worker takes beside telemetry: the OT mirror, the broker's own figures and events, and Sparkplug decoded."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import sparkplug_payloads
from tests.support.odd_messages import DEAD_LETTER, Message
from tests.support.one_kafka import OneKafka
from tests.support.worker_bench import SITE, Bench, bench
from tests.support.worker_fuzz import fuzz

OT: dict[str, object] = {
    "spaces": [],
    "ot": f"ot/{SITE}",
    "sparkplug_group": None,
    "audit": None,
    "figures": None,
}


@pytest.fixture
def alone(kafka_alone: OneKafka, tmp_path: Path) -> Iterator[Bench]:
    """A broker and Kafka topics of the test's own."""
    with bench(tmp_path, kafka_alone) as made:
        yield made


def test_the_mirrors_worker_writes_one_topic_whatever_comes(alone: Bench) -> None:
    user = f"{alone.prefix}-ot"
    password = alone.folder / "ot-password"
    password.write_text(alone.kafka.make_user(user, [alone.topic("ot")]))
    kafka = {
        "user": user,
        "password_file": str(password),
        "topics": {"ot": {"name": alone.topic("ot"), "largest_record": 1_049_600}},
    }
    said = [
        Message(f"ot/{SITE}/pt-1204/value", b"41.5"),
        Message(f"ot/{SITE}/pt-1204/value", b"\xff\x00"),
        Message(f"ot/{SITE}/", b"true"),
    ]
    with (
        alone.worker("ot-worker-0", mqtt={"group": "ot"}, kafka=kafka, topics=OT),
        alone.broker.device("mirror") as device,
    ):
        device.publish(said)
        alone.awaited(3, "ot")
    found = [(one.key, one.value, one.headers.get("reason")) for one in alone.records("ot")]
    assert sorted(found, key=lambda one: one[1]) == [
        (b"pt-1204", b"41.5", None),
        (None, b"true", "empty_level"),
        (b"pt-1204", b"\xff\x00", "not_json"),
    ]
    assert alone.count() == 3


def test_the_brokers_own_figures_and_events_have_topics_of_their_own(alone: Bench) -> None:
    entry = json.dumps({"event": "connected", "client": "007", "name": "pump-1"}).encode()
    said = [
        Message("kit/audit/connected", entry),
        Message("kit/audit/connected", b"no JSON"),
        Message("sys/brokers/emqx@broker-0/stats/connections.count", b"8"),
        Message("sys/brokers/emqx@broker-0/metrics/bytes.sent", b"-12"),
        Message("sys/brokers/emqx@broker-0/metrics/odd", b"running"),
    ]
    # A client of the lab's broker cannot publish in the name of the broker itself.
    topics = {"audit": "kit/audit", "figures": "sys/brokers"}
    with alone.worker(topics=topics), alone.broker.device("broker") as device:
        device.publish(said)
        alone.awaited(len(said))
    assert [(one.key, one.value) for one in alone.records("audit")] == [(b"007", entry)]
    assert sorted((one.key, one.value) for one in alone.records("metrics")) == [
        (b"emqx@broker-0/metrics/bytes.sent", b"-12"),
        (b"emqx@broker-0/stats/connections.count", b"8"),
    ]
    assert sorted((one.value, one.headers["reason"]) for one in alone.records("dead-letter")) == [
        (b"no JSON", "not_json"),
        (b"running", "not_a_number"),
    ]


def test_every_datatype_of_sparkplug_is_decoded_and_what_is_none_is_a_dead_letter(alone: Bench) -> None:
    said = [
        Message(
            f"spBv1.0/{SITE}/NDATA/node-{kind}",
            sparkplug_payloads.of_metrics(sparkplug_payloads.metric(kind, "m", alias=7)),
            key=f"node-{kind}",
        )
        for kind in sparkplug_payloads.DATA_TYPES
    ]
    with alone.worker(sparkplug={"decode": True}), alone.broker.device("gateway") as device:
        device.publish(said)
        alone.awaited(len(said), "sparkplug")
    assert alone.count(DEAD_LETTER) == 0
    metrics = {
        (one.key or b"").decode(): json.loads(one.value)["metrics"] for one in alone.records("sparkplug")
    }
    assert {key: [(one["name"], one["alias"]) for one in found] for key, found in metrics.items()} == {
        message.key: [("m", 7)] for message in said
    }


def test_odd_messages_arrive_with_sparkplug_decoded_as_well(alone: Bench) -> None:
    assert fuzz(alone, seed=20_261_102, count=3000, decoded=True)[:10] == []


def test_births_are_kept_as_they_came(alone: Bench) -> None:
    birth = sparkplug_payloads.of_metrics(sparkplug_payloads.metric(3, "speed", alias=4))
    nameless = sparkplug_payloads.of_metrics(sparkplug_payloads.metric(3, None, alias=4), sequence=1)
    decode = {"decode": True}
    with alone.broker.device("gateway") as device:
        # Its session ends with it: what is said next is for the other.
        with alone.worker(sparkplug=decode, mqtt={"session_expiry_seconds": 1}):
            device.publish([Message(f"spBv1.0/{SITE}/NBIRTH/node-1", birth)])
            alone.awaited(1, "births")
            alone.awaited(1, "events")
        assert [(one.key, one.value) for one in alone.records("births")] == [(b"node-1", birth)]
        alone.broker.says("worker-0", Session=0)
        # Another worker, which did not hear the birth, knows the name all the same.
        with alone.worker("worker-9", sparkplug=decode):
            device.publish([Message(f"spBv1.0/{SITE}/NDATA/node-1", nameless)])
            alone.awaited(2, "sparkplug")
    last = json.loads(alone.records("sparkplug")[-1].value)
    assert [metric["name"] for metric in last["metrics"]] == ["speed"]
