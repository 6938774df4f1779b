"""Messages become records that Kafka takes; what does not fit becomes a dead letter, and memory is bounded."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from images.worker.acknowledgements import Message
from images.worker.forward import Forwarder
from images.worker.producer import Record
from images.worker.publish import Publish
from images.worker.settings import parse
from images.worker.sparkplug.results import Decoded, KeptBirth, Rebirth, Unreadable

Document = Callable[..., dict[str, Any]]


@dataclass
class Bench:
    """A forwarder whose records go into a list."""

    document: dict[str, Any]
    decoder: Any = None
    sent: list[Record] = field(default_factory=list)
    held: list[Record] = field(default_factory=list)
    done: list[Message] = field(default_factory=list)
    commands: list[Rebirth] = field(default_factory=list)
    numbers: int = 0

    def __post_init__(self) -> None:
        self.forwarder = Forwarder(
            parse(self.document, {}),
            self.sent.append,
            self.done.append,
            hold=self.held.append,
            decoder=self.decoder,
            command=self.commands.append,
        )

    def say(self, topic: str, payload: bytes, qos: int = 1) -> list[Record]:
        """Return the records of a message."""
        self.numbers += 1
        publish = Publish(topic.encode(), payload, qos, self.numbers)
        before = len(self.sent)
        self.forwarder.forward(Message(publish, self.numbers, 0.0, len(payload)))
        return self.sent[before:]


@pytest.fixture
def bench(document: Document) -> Bench:
    return Bench(document())


def headers(record: Record) -> dict[str, bytes]:
    return dict(record.headers)


def test_a_message_is_done_with_its_last_record(bench: Bench) -> None:
    data, event = bench.say("spBv1.0/s/NBIRTH/node", b"\x00")
    assert (data.topic, data.value, event.topic) == ("sparkplug", b"\x00", "events")
    assert json.loads(event.value or b"")["event"] == "NBIRTH"

    bench.forwarder.written(data)
    assert bench.done == []
    assert bench.forwarder.under_way == 1
    bench.forwarder.written(event)
    assert len(bench.done) == 1
    assert bench.forwarder.under_way == 0


def test_a_command_is_taken_and_not_written(bench: Bench) -> None:
    assert bench.say("s/pump/command/stop", b"1") == []
    assert len(bench.done) == 1
    assert bench.forwarder.counts.ignored == {"command": 1}


def test_no_header_is_empty(bench: Bench) -> None:
    for topic in (
        "s//flow",
        "spBv1.0/s//node",
        "$kit/audit/connected",
        "$SYS/brokers/n/stats/x",
        "somewhere",
    ):
        for record in bench.say(topic, b"1"):
            assert all(value for _, value in record.headers)


def test_an_edge_node_publishes_for_its_devices(bench: Bench) -> None:
    found = headers(bench.say("spBv1.0/s/DDATA/node/dev", b"\x00")[0])

    assert (found["device"], found["client"], found["name"]) == (b"node/dev", b"node", b"node")


def test_the_asset_is_the_devices_or_its_spaces(document: Document) -> None:
    bench = Bench(document(assets={"pump": "pad-12", "s": "field"}))

    assert [headers(bench.say(f"s/{device}/x", b"1")[0])["asset"] for device in ("pump", "other")] == [
        b"pad-12",
        b"field",
    ]


def test_what_a_topic_refuses_is_a_dead_letter_as_it_came(bench: Bench) -> None:
    (record,) = bench.say("s/pump/flow", b"41.5")
    bench.forwarder.refused(record, "refused_by_kafka")

    letter = bench.sent[-1]
    assert (letter.topic, letter.value, headers(letter)["reason"]) == (
        "dead-letter",
        b"41.5",
        b"refused_by_kafka",
    )
    bench.forwarder.written(letter)
    assert len(bench.done) == 1


def test_what_the_dead_letters_refuse_is_said_in_short_and_then_in_shorter(bench: Bench) -> None:
    payload = b"x" * 100_000
    (letter,) = bench.say("s/pump/flow", payload)
    bench.forwarder.refused(letter, "refused_by_kafka")
    short = bench.sent[-1]
    assert short.value == payload[:65_536]
    assert headers(short)["sha256"] == hashlib.sha256(payload).hexdigest().encode()
    assert headers(short)["length"] == b"100000"

    bench.forwarder.refused(short, "refused_by_kafka")
    shortest = bench.sent[-1]
    assert shortest.value == b""
    assert headers(shortest)["sha256"] == headers(short)["sha256"]

    # There is nothing left to leave out: it is the topic that is wrong, and nothing is acknowledged.
    bench.forwarder.refused(shortest, "refused_by_kafka")
    assert bench.held == [shortest]
    assert bench.done == []


def test_the_ot_mirrors_worker_writes_its_refused_messages_to_its_only_topic(document: Document) -> None:
    made = document()
    made["kafka"]["topics"] = {"ot": {"name": "s.ot", "largest_record": 4096}}
    made["topics"] = {"ot": "ot/s"}
    bench = Bench(made)

    (read,), (unread,), (large,) = (
        bench.say("ot/s/pt/value", payload) for payload in (b"1", b"nope", b'"%s"' % (b"x" * 5000))
    )

    assert [record.topic for record in (read, unread, large)] == ["ot", "ot", "ot"]
    assert "reason" not in headers(read)
    assert (unread.value, headers(unread)["reason"]) == (b"nope", b"not_json")
    assert headers(large)["reason"] == b"too_large"


def test_no_more_is_taken_than_the_bounds_allow(document: Document) -> None:
    bench = Bench(document(kafka={"buffer_bytes": 2**20}))
    (record,) = bench.say("s/pump/flow", b"1")
    assert bench.forwarder.has_room()
    bench.say("s/pump/flow", b"x" * 2**20)
    assert not bench.forwarder.has_room()
    bench.forwarder.written(bench.sent[-1])
    assert bench.forwarder.has_room()
    assert bench.forwarder.oldest_seconds() > 0
    bench.forwarder.written(record)
    assert bench.forwarder.oldest_seconds() == 0

    for _ in range(6000):
        bench.say("s/pump/flow", b"1", qos=0)
    assert not bench.forwarder.has_room()


class Broken:
    """A decoder with a fault."""

    def decode(self, *_: object, **__: object) -> Decoded:
        raise ZeroDivisionError


def test_a_fault_of_the_workers_own_is_a_dead_letter(document: Document) -> None:
    bench = Bench(document(), Broken())
    (letter,) = bench.say("spBv1.0/s/NDATA/node", b"\x00")

    assert (letter.topic, letter.value, headers(letter)["reason"]) == (
        "dead-letter",
        b"\x00",
        b"worker_error",
    )


@dataclass
class Answers:
    """A decoder that says what it is told to say."""

    answer: Decoded | Unreadable

    def decode(self, levels: Sequence[str], *_: object, **__: object) -> Decoded | Unreadable:
        assert levels[2] in ("NBIRTH", "NDATA")
        return self.answer


def test_a_birth_is_kept_and_a_rebirth_asked_for(document: Document) -> None:
    rebirth = Rebirth("spBv1.0/s/NCMD/node", b"\x01")
    birth = KeptBirth("node", b"\x00", 1234, (("topic", b"t"),))
    bench = Bench(document(), Answers(Decoded(b'{"a":1}', (birth,), rebirth)))

    data, event, kept = bench.say("spBv1.0/s/NBIRTH/node", b"\x00")

    assert (data.topic, data.value, data.key) == ("sparkplug", b'{"a":1}', b"node")
    assert event.topic == "events"
    assert (kept.topic, kept.key, kept.value, kept.timestamp) == ("births", b"node", b"\x00", 1234)
    assert bench.commands == [rebirth]


def test_what_cannot_be_decoded_is_a_dead_letter_and_its_birth_is_kept(document: Document) -> None:
    birth = KeptBirth("node", None, 1234)
    bench = Bench(document(), Answers(Unreadable("sparkplug_not_protobuf", (birth,))))

    letter, event, kept = bench.say("spBv1.0/s/NBIRTH/node", b"\xff")

    assert (letter.topic, letter.value) == ("dead-letter", b"\xff")
    assert headers(letter)["reason"] == b"sparkplug_not_protobuf"
    assert (event.topic, kept.topic, kept.value) == ("events", "births", None)
