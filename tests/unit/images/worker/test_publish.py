"""A PUBLISH is taken for what it is, whatever its properties say, and packets are found in any pieces of a stream."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images.worker.publish import BrokenStreamError, Packets, Publish, read
from tests.support import worker_broker


def body(properties: bytes, payload: bytes = b"41.5", packet: bytes = b"\x00\x07") -> bytes:
    return b"\x00\x03a/b" + packet + properties + payload


def test_a_message_has_its_topic_payload_and_flags() -> None:
    assert read(0x3D, body(b"\x00")) == Publish(b"a/b", b"41.5", 2, 7, retain=True, again=True)
    assert read(0x30, body(b"\x00", packet=b"")) == Publish(b"a/b", b"41.5", 0, None)


def test_properties_are_read_as_far_as_they_can_be() -> None:
    pair = b"\x26\x00\x01k\x00\x02vw"
    known = (
        b"\x01\x01" + b"\x02\x00\x00\x00\x09" + b"\x0b\x81\x01" + b"\x03\x00\x01t" + pair + b"\x23\x00\x05"
    )

    found = read(0x32, body(bytes([len(known)]) + known))

    assert (found.payload, found.properties, found.alias) == (b"41.5", ((b"k", b"vw"),), 5)


@pytest.mark.parametrize(
    "properties",
    [
        b"\x01\xff",  # unknown
        b"\x02\x26\x00",  # a pair that ends early
        b"\x05\x26\xff\xff\x00\x00",  # a text longer than the properties
        b"\x02\x23\x00",  # half an alias
        b"\x02\x0b\xff",  # a number without an end
        b"\x03\x03\xff\xff",
    ],
)
def test_odd_properties_leave_the_payload_as_it_is(properties: bytes) -> None:
    found = read(0x32, body(properties))

    assert (found.payload, found.whole, found.packet) == (b"41.5", True, 7)


@pytest.mark.parametrize("properties", [b"\x7f", b"\xff\xff\xff\xff\x7f"])
def test_a_wrong_length_of_properties_leaves_what_follows_the_packet_id(properties: bytes) -> None:
    found = read(0x32, body(properties))

    assert (found.payload, found.whole, found.packet) == (properties + b"41.5", False, 7)


@pytest.mark.parametrize(
    ("first", "packet"),
    [
        (0x32, b""),
        (0x32, b"\x00"),
        (0x32, b"\x00\x09a"),
        (0x32, b"\x00\x01a\x00"),
        (0x36, body(b"\x00")),
        (0x32, body(b"\x00", packet=b"\x00\x00")),
    ],
)
def test_what_could_not_be_acknowledged_is_no_message(first: int, packet: bytes) -> None:
    with pytest.raises(BrokenStreamError):
        read(first, packet)


@given(st.binary(max_size=40), st.integers(0x30, 0x3F))
def test_no_bytes_do_harm(packet: bytes, first: int) -> None:
    try:
        found = read(first, packet)
    except BrokenStreamError:
        return
    assert len(found.payload) <= len(packet)


def test_a_megabyte_of_properties_costs_ten_times_a_tenth_of_it() -> None:
    def seconds(size: int) -> float:
        pairs = b"\x26\x00\x00\x00\x00" * (size // 5)
        packet = worker_broker.publish(b"a", b"", properties=worker_broker.packet(0, pairs)[1:])
        taken = []
        for _ in range(3):
            packets = Packets()
            packets.add(packet)
            ((first, content),) = packets.take(1)
            start = time.thread_time()
            assert read(first, content).whole
            taken.append(time.thread_time() - start)
        return min(taken)

    assert seconds(1_000_000) <= 12 * max(seconds(100_000), 0.001)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=6), st.integers(1, 50))
def test_packets_are_found_in_any_pieces(sizes: list[int], piece: int) -> None:
    sent = [(0x40, bytes(size)) for size in sizes]
    stream = b"".join(worker_broker.packet(first, content) for first, content in sent)
    packets, found = Packets(), list[tuple[int, bytes]]()

    for start in range(0, len(stream), piece):
        packets.add(stream[start : start + piece])
        while packets.waits:
            found += packets.take(1)

    assert found == sent


def test_no_more_packets_are_taken_than_asked_for() -> None:
    packets = Packets()
    packets.add(worker_broker.packet(0x40, b"a") * 5)

    assert len(list(packets.take(3))) == 3
    assert len(list(packets.take(3))) == 2
    assert not packets.waits


def test_a_length_of_five_bytes_is_no_mqtt() -> None:
    packets = Packets()
    packets.add(b"\x30\xff\xff\xff\xff\x01")

    with pytest.raises(BrokenStreamError):
        list(packets.take(1))
