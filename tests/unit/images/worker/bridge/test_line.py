"""What the bridge uses of paho that paho does not promise: it is there, and does what the bridge takes it to do."""

import inspect
import socket
import struct
from collections.abc import Iterator

import paho.mqtt
import pytest
from paho.mqtt.client import Client

from images.worker.bridge import packets
from images.worker.bridge.line import Line
from images.worker.bridge.packets import Answer, Publish
from tests.support.bridge_simulation import publish, settings

PRIVATE = (
    "_handle_publish",
    "_handle_pubackcomp",
    "_handle_pubrec",
    "_handle_pubrel",
    "_packet_handle",
    "_packet_queue",
    "_create_socket",
    "_send_simple_command",
)


class Heard:
    """Hears."""

    def __init__(self) -> None:
        self.messages: list[Publish] = []
        self.answers: list[tuple[int, Answer]] = []

    def published(self, message: Publish) -> None:
        self.messages.append(message)

    def answered(self, kind: int, answer: Answer) -> None:
        self.answers.append((kind, answer))


@pytest.fixture
def opened() -> Iterator[tuple[Line, Heard, socket.socket]]:
    """A line that was let in, who hears it, and the broker's side of its connection."""
    ours, theirs = socket.socketpair()
    heard = Heard()
    line = Line(ours, settings().source, None, heard, clean=False, window=7)
    line.loop_write()
    theirs.settimeout(5)
    connect = theirs.recv(4096)
    assert connect[0] == 0x10
    assert b"\x21\x00\x07" in connect  # Receive Maximum
    assert b"\x11" + struct.pack("!I", 7 * 24 * 3600) in connect  # Session Expiry Interval
    theirs.sendall(b"\x20\x03\x01\x00\x00")
    line.read()
    yield line, heard, theirs
    for end in (ours, theirs):
        end.close()


def test_paho_has_the_private_parts_that_are_replaced_and_used() -> None:
    assert paho.mqtt.__version__ == "2.2.0"
    for name in PRIVATE:
        assert callable(getattr(Client, name)), name
    made = inspect.getsource(Client)
    for name in ("_in_packet", "_ping_t", "_last_bytes_received", "_sock"):
        assert f"self.{name}" in made


def test_a_message_is_heard_and_paho_answers_nothing(opened: tuple[Line, Heard, socket.socket]) -> None:
    line, heard, theirs = opened
    for qos in (1, 2):
        theirs.sendall(publish(Publish("a/b", b"x", qos, False), qos))
    for kind in (packets.PUBREC, packets.PUBREL, packets.PUBACK, packets.PUBCOMP):
        theirs.sendall(packets.write_answer(kind, 9))
    line.read()
    assert [(message.qos, message.packet_id) for message in heard.messages] == [(1, 1), (2, 2)]
    assert [kind for kind, _ in heard.answers] == [
        packets.PUBREC,
        packets.PUBREL,
        packets.PUBACK,
        packets.PUBCOMP,
    ]
    assert not line.want_write()


def test_what_is_sent_is_written_as_it_is(opened: tuple[Line, Heard, socket.socket]) -> None:
    line, _, theirs = opened
    line.send(packets.write_publish(Publish("a", b"b", 0, False), 0, version_5=True))
    line.send(packets.write_answer(packets.PUBACK, 3))
    line.keep_alive_unread()
    line.loop_write()
    assert theirs.recv(100) == b"\x30\x05\x00\x01a\x00b" + b"\x40\x02\x00\x03" + b"\xc0\x00"


def test_a_packet_that_is_none_ends_the_connection(opened: tuple[Line, Heard, socket.socket]) -> None:
    line, heard, theirs = opened
    theirs.sendall(b"\x32\x01\x00")
    line.read()
    assert line.socket() is None
    assert heard.messages == []


def test_a_connection_that_is_not_written_to_is_full_until_it_is(
    opened: tuple[Line, Heard, socket.socket],
) -> None:
    line, _, theirs = opened
    packet = packets.write_publish(Publish("a", b"x" * 100_000, 0, False), 0, version_5=True)
    sent = 0
    while not line.is_full:
        line.send(packet)
        sent += len(packet)
    assert sent > 2**20
    while line.want_write():
        line.loop_write()
        theirs.recv(2**20)
    assert not line.is_full
