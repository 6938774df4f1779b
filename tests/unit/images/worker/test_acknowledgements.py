"""Acknowledgements go out in the order of receipt, once Kafka has the message, and what comes again is known."""

from images.worker.acknowledgements import Acknowledgements, Message
from images.worker.publish import Publish


def message(packet: int, qos: int = 1, payload: bytes = b"1", *, again: bool = False) -> Publish:
    return Publish(b"a", payload, qos, packet if qos else None, again=again)


def taken(waiting: Acknowledgements, publish: Publish) -> Message:
    found = waiting.received(publish, 0.0)
    assert found is not None
    return found


def test_nothing_is_acknowledged_before_what_came_first_is_written() -> None:
    waiting = Acknowledgements()
    first, second, third = (taken(waiting, message(number, qos)) for number, qos in ((1, 1), (2, 2), (3, 1)))

    waiting.written(second)
    assert waiting.ready() == b""
    waiting.written(first)
    assert waiting.ready() == b"\x40\x02\x00\x01\x50\x02\x00\x02"
    waiting.written(third)
    assert waiting.ready() == b"\x40\x02\x00\x03"
    assert waiting.ready() == b""


def test_qos_0_is_not_acknowledged_and_holds_nothing_up() -> None:
    waiting = Acknowledgements()
    taken(waiting, message(0, 0))
    waiting.written(taken(waiting, message(1)))

    assert waiting.ready() == b"\x40\x02\x00\x01"


def test_what_comes_again_is_not_forwarded_again_while_it_is_on_its_way() -> None:
    waiting = Acknowledgements()
    first, second = taken(waiting, message(1)), taken(waiting, message(2, payload=b"x" * 10_000))
    waiting.written(second)
    waiting.connected(session_present=True)

    assert waiting.received(message(1, again=True), 0.0) is None
    assert waiting.received(message(2, payload=b"x" * 10_000, again=True), 0.0) is None
    assert waiting.ready() == b""
    waiting.written(first)
    assert waiting.ready() == b"\x40\x02\x00\x01\x40\x02\x00\x02"
    assert waiting.duplicates == 2


def test_nothing_is_acknowledged_on_a_new_connection_that_has_not_come_again() -> None:
    waiting = Acknowledgements()
    waiting.written(taken(waiting, message(1)))
    waiting.connected(session_present=True)

    assert waiting.ready() == b""


def test_another_message_under_the_same_id_is_forwarded() -> None:
    waiting = Acknowledgements()
    taken(waiting, message(1))
    waiting.connected(session_present=True)

    assert waiting.received(message(1, payload=b"2", again=True), 0.0) is not None
    waiting.connected(session_present=True)
    assert waiting.received(message(1, payload=b"2"), 0.0) is not None


def test_a_lost_session_leaves_nothing_to_recognize() -> None:
    waiting = Acknowledgements()
    taken(waiting, message(1))
    waiting.connected(session_present=False)

    assert waiting.received(message(1, again=True), 0.0) is not None


def test_a_lost_session_leaves_nothing_to_release() -> None:
    waiting = Acknowledgements()
    waiting.written(taken(waiting, message(1, 2)))
    waiting.ready()
    waiting.connected(session_present=False)

    assert waiting.received(message(1, 2, again=True), 0.0) is not None


def test_what_was_acknowledged_and_comes_again_is_a_message() -> None:
    """The id may have been given to another one with the same content since."""
    waiting = Acknowledgements()
    waiting.written(taken(waiting, message(1)))
    waiting.ready()
    waiting.connected(session_present=True)

    assert waiting.received(message(1, again=True), 0.0) is not None


def test_a_received_qos_2_message_is_received_again_until_it_is_released() -> None:
    waiting = Acknowledgements()
    waiting.written(taken(waiting, message(1, 2)))
    assert waiting.ready() == b"\x50\x02\x00\x01"
    waiting.connected(session_present=True)

    assert waiting.received(message(1, 2, again=True), 0.0) is None
    assert waiting.ready() == b"\x50\x02\x00\x01"
    assert waiting.released(1) == b"\x70\x02\x00\x01"
    assert waiting.received(message(1, 2, again=True), 0.0) is not None


def test_a_qos_2_message_without_dup_is_a_new_one() -> None:
    waiting = Acknowledgements()
    waiting.written(taken(waiting, message(1, 2)))
    waiting.ready()

    assert waiting.received(message(1, 2), 0.0) is not None


def test_an_unknown_release_is_answered() -> None:
    assert Acknowledgements().released(9) == b"\x70\x02\x00\x09"


def test_a_large_payload_is_let_go_once_it_is_written() -> None:
    waiting = Acknowledgements()
    taken(waiting, message(1))
    large = taken(waiting, message(2, payload=b"x" * 100_000))
    waiting.written(large)

    assert large.publish.payload == b""
