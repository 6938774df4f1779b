"""The packets of messages: read as they were written, and leniently where they were written oddly."""

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt._packet import decode_publish
from paho.mqtt.enums import MQTTProtocolVersion

from images.worker.bridge import packets
from images.worker.bridge.packets import Answer, Properties, Publish, UnreadableError

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
PROPERTIES = st.builds(
    Properties,
    st.lists(st.tuples(TEXTS, TEXTS), max_size=4).map(tuple),
    st.none() | TEXTS,
    st.booleans(),
    st.none() | st.integers(0, 2**32 - 1),
)
MESSAGES = st.builds(
    Publish,
    TEXTS.filter(bool),
    st.binary(max_size=300),
    st.integers(0, 2),
    st.booleans(),
    again=st.just(False),
    properties=PROPERTIES,
)


def body(packet: bytes) -> bytes:
    """What follows the length."""
    place = 1
    while packet[place] & 0x80:
        place += 1
    return packet[place + 1 :]


@given(MESSAGES, st.integers(1, 65535))
def test_what_is_written_is_read(message: Publish, number: int) -> None:
    packet = packets.write_publish(message, number, version_5=True)
    read = packets.read_publish(packet[0], body(packet), version_5=True)
    assert read.packet_id == (number if message.qos else 0)
    assert (read.topic, read.payload, read.qos, read.retain, read.properties) == (
        message.topic,
        message.payload,
        message.qos,
        message.retain,
        message.properties,
    )


@given(MESSAGES, st.integers(1, 65535), st.booleans())
def test_paho_reads_the_same(message: Publish, number: int, version_5: bool) -> None:
    version = MQTTProtocolVersion.MQTTv5 if version_5 else MQTTProtocolVersion.MQTTv311
    packet = packets.write_publish(message, number, version_5=version_5)
    read = decode_publish(packet[0], body(packet), version)
    assert (read.topic, bytes(read.payload), read.mid) == (
        message.topic.encode(),
        message.payload,
        number if message.qos else 0,
    )


@given(st.binary(max_size=200), st.integers(0x30, 0x3F), st.booleans())
def test_any_bytes_are_read_or_refused(written: bytes, first: int, version_5: bool) -> None:
    try:
        read = packets.read_publish(first, written, version_5=version_5)
    except UnreadableError:
        return
    assert written.endswith(read.payload)


@pytest.mark.parametrize("odd", [b"\x7fxyz", b"\x26\x00\x01a", b"\x03\xff\xff", b"\x02\x00"])
def test_odd_properties_leave_the_message_as_it_is(odd: bytes) -> None:
    good = b"\x26\x00\x01a\x00\x01b"
    written = b"\x00\x01t" + bytes([len(good) + len(odd)]) + good + odd + b"payload"
    read = packets.read_publish(0x30, written, version_5=True)
    assert (read.topic, read.payload, read.properties.user) == ("t", b"payload", (("a", "b"),))


@pytest.mark.parametrize("topic", [b"\xff", b"a\0b", b"a/+", b"#", b""])
def test_a_topic_that_no_broker_takes_is_known_and_its_message_can_be_acknowledged(topic: bytes) -> None:
    written = struct.pack("!H", len(topic)) + topic + b"\x00\x07" + b"x"
    read = packets.read_publish(0x32, written, version_5=False)
    assert (read.is_publishable, read.packet_id) == (False, 7)


def test_reading_takes_time_in_proportion_to_the_size() -> None:
    def seconds(pairs: int) -> float:
        user = tuple(("k" * 20, "v" * 20) for _ in range(pairs))
        packet = packets.write_publish(
            Publish("t", b"x" * pairs, 1, False, properties=Properties(user)), 1, version_5=True
        )
        read = body(packet)
        start = time.process_time()
        packets.read_publish(packet[0], read, version_5=True)
        return time.process_time() - start

    assert seconds(40_000) < 30 * max(min(seconds(4_000) for _ in range(3)), 0.001)


def test_answers_are_read_with_and_without_a_reason() -> None:
    assert packets.read_answer(b"\x01\x02") == Answer(0x102, 0)
    assert packets.read_answer(b"\x01\x02\x87") == Answer(0x102, 0x87)
    with pytest.raises(UnreadableError):
        packets.read_answer(b"\x01")
    assert packets.write_answer(packets.PUBREL, 258) == b"\x62\x02\x01\x02"


def test_a_message_that_waited_has_less_time_left_but_some() -> None:
    assert packets.aged(Properties(expiry_seconds=10), 4.5).expiry_seconds == 6
    assert packets.aged(Properties(expiry_seconds=10), 400).expiry_seconds == 1
    assert packets.aged(Properties(), 400).expiry_seconds is None
