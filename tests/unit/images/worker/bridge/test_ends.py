"""The two ends as they hear packets: what is forwarded, what is settled, what is said."""

from typing import Any

from images.worker.bridge import packets
from images.worker.bridge.connection import Ending, Greeting
from images.worker.bridge.figures import SERIES, Counts
from images.worker.bridge.packets import Answer, Properties, Publish
from images.worker.bridge.publications import Publication
from images.worker.bridge.source import Source
from images.worker.bridge.target import Target
from tests.support.bridge_simulation import FakeLine, read, settings

HEART = {"topic": "heart", "every_seconds": 10}


class Ends:
    """A source and a target whose connections are not real, and a clock that is set."""

    def __init__(self, **more: Any) -> None:
        self.now, self.counts, self.put = 0.0, Counts(), list[Publication]()
        made = settings(**more)
        self.source = Source(made, self.counts, self.put.append, lambda: self.now)
        self.target = Target(made, self.counts, lambda: self.now)
        self.near, self.far = FakeLine(), FakeLine()
        self.source.up(self.near, Greeting(session_present=False))  # type: ignore[arg-type] # stands for one

    def let_in(self, greeting: Greeting) -> None:
        self.far = FakeLine()
        self.target.up(self.far, greeting)  # type: ignore[arg-type] # stands for one

    def said(self) -> list[tuple[int, int]]:
        """What the source was sent: the kind of packet, and its id."""
        sent = [read(packet) for packet in self.near.sent]
        self.near.sent.clear()
        return [(first & 0xF0, packets.read_answer(body).packet_id) for first, body in sent]


def said(topic: str, qos: int = 1, number: int = 1, **more: Any) -> Publish:
    return Publish(topic, b"x", qos, more.pop("retain", False), packet_id=number if qos else 0, **more)


def test_a_message_is_forwarded_under_its_other_name_with_the_mark_and_not_yet_acknowledged() -> None:
    ends = Ends()
    properties = Properties(user=(("unit", "bar"),), content_type="text/plain", is_text=True)
    ends.source.published(said("a/p/flow", 2, retain=True, properties=properties))
    ends.source.acknowledge()
    (publication,) = ends.put
    assert publication.message.topic == "b/p/flow"
    assert publication.message.retain
    assert publication.message.properties == Properties(
        (("unit", "bar"), ("iot-broker-crossed", "site")), "text/plain", is_text=True
    )
    assert ends.said() == []
    publication.finish()
    ends.source.acknowledge()
    assert ends.said() == [(packets.PUBREC, 1)]
    ends.source.answered(packets.PUBREL, Answer(1, 0))
    assert ends.said() == [(packets.PUBCOMP, 1)]


def test_what_does_not_cross_is_acknowledged_and_counted_by_its_reason() -> None:
    ends = Ends()
    mark = Properties(user=(("iot-broker-crossed", "another"),))
    for number, (message, reason) in enumerate(
        [
            (said("elsewhere"), "unmapped"),
            (said("a/p/command/open"), "unmapped"),
            (said("a/p", properties=mark), "echo"),
            (said("a/\udcff"), "topic"),
        ],
        1,
    ):
        ends.source.published(Publish(message.topic, b"", 1, False, False, number, message.properties))
        assert ends.counts.counters["not_crossed_total", (reason,)] >= 1
    ends.source.acknowledge()
    assert ends.put == []
    assert ends.said() == [(packets.PUBACK, number) for number in (1, 2, 3, 4)]


def test_a_lost_session_is_counted_but_not_the_first_one_that_is_not_there() -> None:
    ends = Ends()
    assert ends.counts.total("session_lost_total") == 0
    for present in (True, False):
        ends.source.down(Ending("lost"))
        ends.source.up(FakeLine(), Greeting(session_present=present))  # type: ignore[arg-type] # stands for one
    assert ends.counts.total("session_lost_total") == 1


def test_it_is_ready_when_what_crosses_is_granted_and_leaves_when_it_is_not() -> None:
    ends = Ends(heartbeat=HEART)
    assert ends.near.asked == [["a/#"], ["heart"]]
    assert not ends.source.is_ready
    ends.source.subscribed(1, [2])
    assert ends.source.is_ready
    ends.source.subscribed(2, [0x87])
    assert ends.source.is_ready
    assert not ends.near.left
    refused = Ends()
    refused.source.subscribed(1, [0x87])
    assert refused.near.left
    assert not refused.source.is_ready


def test_the_heartbeat_is_said_in_time_and_missed_when_three_are() -> None:
    ends = Ends(heartbeat=HEART)
    ends.source.subscribed(1, [2])
    ends.source.subscribed(2, [2])
    assert not ends.source.beat(9)
    assert not ends.near.sent
    assert not ends.source.beat(10)
    first, body = read(ends.near.sent.popleft())
    assert packets.read_publish(first, body, version_5=True).topic == "heart"
    ends.now = 11
    ends.source.published(said("heart", 0))
    assert ends.put == []
    assert ends.counts.total("received_total") == 0
    assert not ends.source.beat(41)
    assert ends.source.beat(43)


def test_a_heartbeat_that_is_not_allowed_is_not_missed() -> None:
    ends = Ends(heartbeat=HEART)
    ends.source.subscribed(2, [0x87])
    assert not ends.source.beat(1000)
    assert not ends.near.sent


def test_what_a_source_of_mqtt_3_had_retained_crosses_once_where_it_is_asked_for() -> None:
    version = {"host": "localhost", "port": 1, "client_id": "bridge", "version": "3.1.1"}
    for asked in (False, True):
        ends = Ends(incumbent=version, retained=asked)
        ends.source.published(said("a/p", retain=True))
        assert len(ends.put) == int(asked)
        ends.source.up(FakeLine(), Greeting(session_present=True))  # type: ignore[arg-type] # stands for one
        ends.source.published(said("a/q", number=2, retain=True))
        assert len(ends.put) == int(asked)


def test_a_message_that_is_too_large_for_the_target_is_refused_and_the_next_ones_go_on() -> None:
    ends = Ends()
    ends.let_in(Greeting(False, largest_packet=100))
    for number, size in ((1, 500), (2, 5)):
        ends.source.published(Publish("a/p", b"x" * size, 1, False, False, number))
    for publication in ends.put:
        ends.target.publications.put(publication)
    ends.target.publish(0.0, drains=False)
    assert len(ends.far.sent) == 1
    assert ends.counts.total("refused_total") == 1
    assert ends.target.publications.in_flight == 1


def test_a_target_with_less_gets_less() -> None:
    ends = Ends()
    ends.let_in(Greeting(False, highest_qos=1, retains=False))
    ends.source.published(said("a/p", 2, retain=True))
    ends.target.publications.put(ends.put[0])
    ends.target.publish(0.0, drains=False)
    first, body = read(ends.far.sent[0])
    sent = packets.read_publish(first, body, version_5=True)
    assert (sent.qos, sent.retain) == (1, False)


def test_a_target_that_asks_for_patience_is_left_alone_for_a_second() -> None:
    ends = Ends()
    ends.let_in(Greeting(False))
    ends.source.published(said("a/p"))
    ends.target.publications.put(ends.put[0])
    ends.target.publish(0.0, drains=False)
    first, body = read(ends.far.sent.popleft())
    number = packets.read_publish(first, body, version_5=True).packet_id
    ends.target.answered(packets.PUBACK, Answer(number, 0x97))
    ends.target.publish(0.5, drains=False)
    assert not ends.far.sent
    ends.target.publish(1.1, drains=False)
    assert len(ends.far.sent) == 1
    assert ends.counts.total("forwarded_total") == 0


def test_nothing_is_published_while_a_connection_drains() -> None:
    ends = Ends()
    ends.let_in(Greeting(False))
    ends.source.published(said("a/p"))
    ends.target.publications.put(ends.put[0])
    ends.target.publish(0.0, drains=True)
    assert not ends.far.sent


def test_no_more_is_handed_to_a_connection_that_does_not_write() -> None:
    ends = Ends()
    ends.let_in(Greeting(False))
    for _ in range(3):
        ends.source.published(said("a/p", 0))
    for publication in ends.put:
        ends.target.publications.put(publication)
    ends.far.is_full = True
    ends.target.publish(0.0, drains=False)
    assert not ends.far.sent
    assert len(ends.target.publications) == 3
    ends.far.is_full = False
    ends.target.publish(0.0, drains=False)
    assert len(ends.far.sent) == 3


def test_a_message_over_which_the_target_ends_connections_is_given_up_and_named() -> None:
    ends = Ends()
    ends.source.published(said("a/denied"))
    ends.target.publications.put(ends.put[0])
    for _ in range(4):
        ends.let_in(Greeting(False))
        ends.target.publish(0.0, drains=False)
        ends.target.down(Ending("Not authorized", 0x87))
    assert ends.counts.total("refused_total") == 1
    ends.source.acknowledge()
    assert ends.said() == [(packets.PUBACK, 1)]


def test_connections_that_break_without_a_word_give_up_no_message() -> None:
    ends = Ends()
    ends.source.published(said("a/p"))
    ends.target.publications.put(ends.put[0])
    for _ in range(50):
        ends.let_in(Greeting(False))
        ends.target.publish(0.0, drains=False)
        ends.target.down(Ending("Unspecified error"))
    assert ends.counts.total("refused_total") == 0


def test_every_series_is_told_with_its_words_and_labels() -> None:
    ends = Ends()
    ends.source.published(said("a/p", 2))
    families = {family.name: family for family in ends.counts.families()}
    assert {name.removesuffix("_total") for name in SERIES} == {
        name.removeprefix("bridge_") for name in families
    }
    (sample,) = families["bridge_received"].samples
    assert (sample.name, sample.labels, sample.value) == ("bridge_received_total", {"qos": "2"}, 1)
