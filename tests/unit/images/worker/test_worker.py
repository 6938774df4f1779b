"""The worker between a broker and Kafka: what is written is acknowledged, in order, once, over connections."""

import contextlib
import shutil
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from images.worker import subscription
from images.worker import worker as program
from images.worker.producer import Record
from images.worker.settings import parse
from images.worker.worker import Worker
from lab.certificates import Authority, KeyPair
from lab.waiting import wait_until
from tests.support import worker_broker
from tests.support.mock_kafka import MockKafka
from tests.support.worker_broker import (
    CONNECT,
    DISCONNECT,
    PUBACK,
    PUBCOMP,
    PUBREC,
    SUBSCRIBE,
    UNSUBSCRIBE,
    Broker,
)
from tests.support.worker_broker import publish as said

Document = Callable[..., dict[str, Any]]


@pytest.fixture
def broker() -> Iterator[Broker]:
    with worker_broker.running() as made:
        yield made


@contextlib.contextmanager
def running(document: dict[str, Any], broker: Broker) -> Iterator[Worker]:
    """A worker that works until the end of the block."""
    document["mqtt"]["port"] = broker.port
    worker, stopped = Worker(parse(document, {})), threading.Event()

    def work() -> None:
        while not stopped.is_set():
            worker.turn()
            worker.look()
        worker.stop(10)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        broker.await_subscribed()
        yield worker
    finally:
        stopped.set()
        worker.wake()
        thread.join(30)
    assert not thread.is_alive()


def figures(worker: Worker) -> dict[str, float]:
    return {
        sample.name + "".join(f",{value}" for value in sample.labels.values()): sample.value
        for family in worker.figures()
        for sample in family.samples
    }


def await_acknowledged(broker: Broker, count: int) -> list[tuple[int, int]]:
    wait_until(lambda: len(broker.acknowledged()) >= count, 20, f"{count} acknowledgements")
    return broker.acknowledged()


def test_every_message_is_in_kafka_when_it_is_acknowledged(
    document: Document, kafka: MockKafka, broker: Broker
) -> None:
    with running(document(kafka.prefix, kafka.bootstrap), broker) as worker:
        broker.send(
            said(b"s/pump/flow", b"41.5", 1, 1),
            said(b"s/pump/flow", b"nope", 2, 2),
            said(b"s/pump/command/x", b"1", 1, 3),
            said(b"s/pump/flow", b"42", 0),
            said(b"s/pump/flow", b"43", 1, 4),
        )
        assert await_acknowledged(broker, 5) == [
            (PUBACK, 1),
            (PUBREC, 2),
            (PUBACK, 3),
            (PUBACK, 4),
            (PUBCOMP, 2),
        ]
        assert kafka.values("raw") == [b"41.5", b"42", b"43"]
        (letter,) = kafka.records("dead-letter")
        found = figures(worker)
    assert (letter.key(), letter.value()) == (b"pump", b"nope")
    headers = dict(letter.headers())
    assert headers.pop("received").endswith(b"Z")
    assert headers == {
        "topic": b"s/pump/flow",
        "qos": b"2",
        "retain": b"false",
        "site": b"s",
        "asset": b"pad-12",
        "device": b"pump",
        "client": b"pump",
        "name": b"pump",
        "reason": b"not_json",
    }
    assert found["worker_received_total,1"] == 3
    assert found["worker_dead_letters_total,not_json"] == 1
    assert found["worker_in_flight"] == found["worker_unacknowledged"] == 0
    assert broker.bodies(DISCONNECT) == [b"\0"] or broker.bodies(DISCONNECT) == [b""]


def test_the_session_is_kept_and_bounded_and_each_filter_asked_for_by_itself(
    document: Document, kafka: MockKafka, broker: Broker
) -> None:
    with running(
        document(kafka.prefix, kafka.bootstrap, mqtt={"window": 77, "former_filters": ["old/#"]}), broker
    ):
        wait_until(lambda: bool(broker.bodies(UNSUBSCRIBE)), 10, "the former filter is left")
    (connect,) = broker.bodies(CONNECT)
    # Protocol 5, no clean start; session expiry 7200 s and Receive Maximum 77 among the properties.
    assert connect[:8] == b"\x00\x04MQTT\x05\x00"
    assert b"\x11" + (7200).to_bytes(4, "big") in connect
    assert b"\x21" + (77).to_bytes(2, "big") in connect
    asked = {body[5:-1]: body[-1] for body in broker.bodies(SUBSCRIBE)}
    # QoS 2, retain as published, retained messages never: 0b10_1_0_10.
    assert set(asked.values()) == {0b101010}
    assert b"$share/kafka/s/+/#" in asked
    assert broker.bodies(UNSUBSCRIBE)[0].endswith(b"$share/kafka/old/#")


def test_what_comes_again_over_a_new_connection_is_written_once(
    document: Document, broker: Broker, kafka: MockKafka
) -> None:
    """Kafka is away: nothing is acknowledged, and what was received is not taken for new."""
    broker.session_present = True
    with running(document(kafka.prefix, "127.0.0.1:1"), broker) as worker:
        broker.send(said(b"s/pump/flow", b"1", 1, 1), said(b"s/pump/flow", b"2", 2, 2))
        wait_until(lambda: figures(worker)["worker_unacknowledged"] == 2, 10, "both are here")
        broker.cut()
        broker.await_subscribed(connections=2)
        broker.send(
            said(b"s/pump/flow", b"1", 1, 1, again=True),
            said(b"s/pump/flow", b"2", 2, 2, again=True),
            said(b"s/pump/flow", b"3", 1, 3),
        )
        wait_until(lambda: figures(worker)["worker_unacknowledged"] == 3, 10, "all are here")
        found = figures(worker)
        assert broker.acknowledged() == []
        assert found["worker_in_flight"] == 3
        assert found["worker_duplicates_total"] == 2
        assert found["worker_session_lost_total"] == 0
        worker._forwarder._under_way.clear()  # nothing is waited for at the end


def test_a_lost_session_is_counted(document: Document, broker: Broker, kafka: MockKafka) -> None:
    with running(document(kafka.prefix, kafka.bootstrap), broker) as worker:
        broker.cut()
        broker.await_subscribed(connections=2)
        wait_until(lambda: figures(worker)["worker_session_lost_total"] == 1, 10, "the loss is counted")


def test_a_refused_subscription_is_asked_for_again_and_the_others_go_on(
    document: Document, broker: Broker, kafka: MockKafka
) -> None:
    refused = b"$share/kafka/$kit/audit/#"
    broker.refused = (refused,)
    with running(document(kafka.prefix, kafka.bootstrap), broker) as worker:
        wait_until(lambda: figures(worker)["worker_kafka_answers"] == 1, 20, "Kafka answers")
        assert not worker.health.ready()
        broker.send(said(b"s/pump/flow", b"1", 1, 1))
        await_acknowledged(broker, 1)
        broker.refused = ()
        wait_until(worker.health.ready, 20, "the subscription is granted")
    assert broker.connections == 1
    assert [body[5:-1] for body in broker.bodies(SUBSCRIBE)].count(refused) >= 2


def test_odd_packets_are_dead_letters_and_stop_nothing(
    document: Document, broker: Broker, kafka: MockKafka
) -> None:
    with running(document(kafka.prefix, kafka.bootstrap), broker):
        broker.send(
            said(b"s/\xff", b"1", 1, 1),
            said(b"s/pump/flow", b"2", 1, 2, properties=b"\x01\xff"),
            said(b"s/pump/flow", b"3", 1, 3, properties=b"\x7f"),
            said(b"", b"4", 1, 4, properties=b"\x03\x23\x00\x09"),
            said(b"s/a/b", b"5", 1, 5, properties=b"\x03\x23\x00\x09"),
            said(b"", b"6", 1, 6, properties=b"\x03\x23\x00\x09"),
        )
        await_acknowledged(broker, 6)
        assert sorted(kafka.values("raw")) == [b"2", b"5", b"6"]
        letters = {
            record.value(): dict(record.headers())["reason"] for record in kafka.records("dead-letter")
        }
    assert letters == {b"1": b"topic_not_utf8", b"\x7f3": b"odd_packet", b"4": b"odd_packet"}


def test_a_record_that_is_too_large_is_a_dead_letter_in_short(
    document: Document, broker: Broker, kafka: MockKafka
) -> None:
    made = document(kafka.prefix, kafka.bootstrap)
    for topic in made["kafka"]["topics"].values():
        topic["largest_record"] = 4096
    large = b'"' + b"x" * 100_000 + b'"'
    with running(made, broker):
        broker.send(said(b"s/pump/flow", large, 1, 1), said(b"s/pump/flow", b"2", 1, 2))
        assert await_acknowledged(broker, 2) == [(PUBACK, 1), (PUBACK, 2)]
        (letter,) = kafka.records("dead-letter")
    headers = dict(letter.headers())
    assert (headers["reason"], headers["length"]) == (b"too_large", b"100002")
    assert large.startswith(letter.value())
    assert kafka.values("raw") == [b"2"]


def test_what_comes_unasked_while_kafka_is_away_is_left_to_the_broker(
    document: Document, broker: Broker, kafka: MockKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages of QoS 0 have no window: the worker leaves, and the session keeps them, until there is room again."""
    monkeypatch.setattr(subscription, "FULL_SECONDS", 0.1)
    made = document(kafka.prefix, "127.0.0.1:1", kafka={"buffer_bytes": 2**20})
    with running(made, broker) as worker:
        broker.send(*(said(b"s/pump/flow", b"x" * 100_000, 0) for _ in range(20)))
        wait_until(lambda: figures(worker)["worker_paused_total"] == 1, 10, "the worker leaves")
        assert not worker.health.ready()
        assert broker.bodies(DISCONNECT)
        assert broker.connections == 1
        for message in list(worker._forwarder._under_way.values()):
            for _ in range(message.records):
                worker._forwarder.written(Record("raw", None, b"", [], 0, source=message))
        worker.wake()
        broker.await_subscribed(connections=2)


def test_the_loop_waits_while_there_is_nothing_to_do(
    document: Document, broker: Broker, kafka: MockKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(document(kafka.prefix, "127.0.0.1:1"), broker) as worker:
        broker.send(*(said(b"s/pump/flow", b"1", 1, number) for number in range(1, 400)))
        wait_until(lambda: figures(worker)["worker_unacknowledged"] == 399, 10, "all are here")
        turns: list[float] = []
        turn = worker._kafka.turn

        def counted(now: float) -> None:
            turns.append(now)
            turn(now)

        monkeypatch.setattr(worker._kafka, "turn", counted)
        wait_until(lambda: len(turns) >= 3, 20, "three turns")
        worker._forwarder._under_way.clear()  # nothing is waited for at the end
    assert turns[2] - turns[0] > 0.5


def test_a_stopped_worker_leaves_nothing_unacknowledged_that_kafka_has(
    document: Document, broker: Broker, kafka: MockKafka
) -> None:
    with running(document(kafka.prefix, kafka.bootstrap), broker):
        broker.send(*(said(b"s/pump/flow", b"%d" % number, 1, number) for number in range(1, 300)))
        await_acknowledged(broker, 1)
    acknowledged = [number for _, number in broker.acknowledged()]
    assert acknowledged == list(range(1, len(acknowledged) + 1))
    assert [int(value) for value in kafka.values("raw")] == acknowledged


def looks(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that grows with each look at the files."""
    found: list[bool] = []
    renew = worker._subscription.renew

    def counted() -> None:
        renew()
        found.append(True)

    monkeypatch.setattr(worker._subscription, "renew", counted)
    return found


def test_a_renewed_certificate_is_shown_over_a_new_connection_and_the_session_goes_on(
    document: Document, kafka: MockKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(program, "LONGEST_TURN_SECONDS", 0.1)
    authority = Authority(tmp_path / "ca", "Test CA")
    trust, server = authority.ensure(), authority.server("broker")
    first, second = (authority.client(name, name) for name in ("first", "second"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=trust)
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(server.certificate, server.key)
    own = KeyPair(tmp_path / "tls.crt", tmp_path / "tls.key")
    shutil.copy(first.certificate, own.certificate)
    shutil.copy(first.key, own.key)
    identity = {"certificate": str(own.certificate), "key": str(own.key), "authority": str(trust)}
    with worker_broker.running(tls) as broker:
        broker.session_present = True
        with running(document(kafka.prefix, kafka.bootstrap, mqtt=identity), broker) as worker:
            broker.send(said(b"s/pump/flow", b"1", 1, 1))
            await_acknowledged(broker, 1)
            # Half of a renewal changes nothing: the connection stays.
            shutil.copy(second.certificate, own.certificate)
            looked = looks(worker, monkeypatch)
            wait_until(lambda: len(looked) >= 2, 10, "the worker looks twice")
            assert broker.connections == 1
            shutil.copy(second.key, own.key)
            broker.await_subscribed(connections=2)
            broker.send(said(b"s/pump/flow", b"2", 1, 2))
            assert await_acknowledged(broker, 2) == [(PUBACK, 1), (PUBACK, 2)]
    assert broker.names == ["first", "second"]
    assert kafka.values("raw") == [b"1", b"2"]
