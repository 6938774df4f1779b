"""What the source delivers: acknowledged in order, forwarded once, and rather twice than never."""

from images.worker.bridge.deliveries import Acknowledgement, Arrival, Deliveries, Delivery


def new(deliveries: Deliveries, number: int, qos: int = 1, digest: int = 0, again: bool = False) -> Delivery:
    arrival, delivery = deliveries.arrived(number, qos, digest or number, again=again)
    assert arrival is Arrival.NEW
    assert delivery is not None
    return delivery


def due(deliveries: Deliveries) -> list[tuple[int, int]]:
    return [(one.packet_id, one.qos) for one in deliveries.due()]


def test_acknowledgements_are_in_the_order_of_receipt_whatever_the_target_finished_first() -> None:
    deliveries = Deliveries()
    first, second, third = (new(deliveries, number, qos) for number, qos in ((1, 1), (2, 2), (3, 1)))
    third.done = second.done = True
    assert due(deliveries) == []
    first.done = True
    assert list(deliveries.due()) == [
        Acknowledgement(1, 1),
        Acknowledgement(2, 2),
        Acknowledgement(3, 1),
    ]
    assert len(deliveries) == 0


def test_what_comes_again_in_the_session_is_not_new_and_is_acknowledged_on_the_new_connection_only() -> None:
    deliveries = Deliveries()
    first = new(deliveries, 1)
    first.done = True
    deliveries.connected(session_present=True)
    assert due(deliveries) == []
    assert deliveries.arrived(1, 1, 1, again=True) == (Arrival.AGAIN, None)
    assert due(deliveries) == [(1, 1)]


def test_a_message_sent_twice_on_one_connection_is_acknowledged_once() -> None:
    deliveries = Deliveries()
    first = new(deliveries, 1)
    assert deliveries.arrived(1, 1, 1, again=True) == (Arrival.AGAIN, None)
    first.done = True
    assert due(deliveries) == [(1, 1)]


def test_without_the_session_nothing_is_known_any_more() -> None:
    deliveries = Deliveries()
    new(deliveries, 1).done = True
    deliveries.connected(session_present=False)
    assert due(deliveries) == []
    new(deliveries, 1, again=True)


def test_a_recorded_message_is_not_new_until_it_is_released() -> None:
    deliveries = Deliveries()
    new(deliveries, 1, 2).done = True
    assert due(deliveries) == [(1, 2)]
    deliveries.connected(session_present=True)
    assert deliveries.arrived(1, 2, 1, again=True) == (Arrival.RECORDED, None)
    deliveries.released(1)
    new(deliveries, 1, 2, again=True)


def test_a_recorded_id_without_the_flag_or_with_other_words_is_a_new_message() -> None:
    for again, digest in ((False, 1), (True, 99)):
        deliveries = Deliveries()
        new(deliveries, 1, 2).done = True
        assert due(deliveries) == [(1, 2)]
        new(deliveries, 1, 2, digest, again)


def test_an_id_with_other_words_is_a_new_message_and_the_old_one_is_not_acknowledged() -> None:
    deliveries = Deliveries()
    old = new(deliveries, 1, digest=5)
    other = new(deliveries, 1, digest=6)
    old.done = True
    assert due(deliveries) == []
    other.done = True
    assert due(deliveries) == [(1, 1)]


def test_what_did_not_come_again_before_something_new_is_not_taken_for_a_later_message() -> None:
    """The broker knows that message as acknowledged, and may give its packet id to one with the same words."""
    deliveries = Deliveries()
    new(deliveries, 1, digest=5).done = True
    deliveries.connected(session_present=True)
    new(deliveries, 2, digest=7)
    deliveries.connected(session_present=True)
    new(deliveries, 1, digest=5, again=True)
