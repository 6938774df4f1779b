"""What the target is to take: in order, within its window, and again after each connection."""

from images.worker.bridge.deliveries import Delivery
from images.worker.bridge.packets import Publish
from images.worker.bridge.publications import Publication, Publications


def message(name: str, qos: int = 1) -> Publication:
    return Publication(Publish(name, name.encode(), qos, False), Delivery(1, qos, 0) if qos else None, 0.0)


def filled(window: int = 10, *named: str, qos: int = 1) -> tuple[Publications, list[Publication]]:
    made, all_of_them = Publications(window), [message(name, qos) for name in named]
    made.connected()
    for one in all_of_them:
        made.put(one)
    return made, all_of_them


def sent(publications: Publications) -> dict[int, str]:
    return {number: one.message.topic for number, one in publications.to_send()}


def test_no_more_are_in_flight_than_the_narrower_window() -> None:
    publications, _ = filled(3, *"abcdef")
    assert list(sent(publications).values()) == ["a", "b", "c"]
    publications.connected(receive_maximum=2)
    assert list(sent(publications).values()) == ["a", "b"]
    publications.connected(receive_maximum=None)
    assert list(sent(publications).values()) == ["a", "b", "c"]


def test_a_message_is_finished_by_puback_or_by_pubcomp_and_not_before() -> None:
    publications, (one, two) = filled(10, "a", "b", qos=2)
    first, second = sent(publications)
    assert publications.acknowledged(first, 0) is None
    assert publications.recorded(first, 0) == (True, None)
    assert one.delivery is not None
    assert not one.delivery.done
    publications.acknowledged(first, 0)
    assert one.delivery.done
    assert two.delivery is not None
    assert not two.delivery.done
    assert publications.in_flight == 1
    assert second != first


def test_after_a_connection_everything_unfinished_is_published_again_in_the_first_order() -> None:
    publications, _ = filled(3, *"abcdef", qos=2)
    first, second, third = sent(publications)
    publications.recorded(first, 0)
    publications.recorded(second, 0)
    publications.acknowledged(second, 0)
    assert list(sent(publications).values()) == ["d"]
    assert third
    assert publications.connected() == 3
    assert list(sent(publications).values()) == ["a", "c", "d"]


def test_a_packet_id_of_an_old_connection_is_not_used_at_once() -> None:
    publications, _ = filled(10, *"abc")
    before = set(sent(publications))
    publications.connected()
    assert before.isdisjoint(sent(publications))


def test_packet_ids_go_round_and_pass_over_those_in_flight() -> None:
    publications, _ = filled(1000, "first")
    (first,) = sent(publications)
    for number in range(70_000):
        publications.put(message(str(number)))
        (one,) = sent(publications)
        assert one != first
        assert 1 <= one <= 65535
        publications.acknowledged(one, 0)


def test_a_refused_message_is_given_up_and_the_source_is_acknowledged() -> None:
    publications, (one, two) = filled(10, "a", "b")
    first, second = sent(publications)
    assert publications.acknowledged(first, 0x87) is one
    assert one.delivery is not None
    assert one.delivery.done
    assert publications.acknowledged(second, 0x10) is None
    assert two.delivery is not None
    assert two.delivery.done
    publications, (three,) = filled(10, "c", qos=2)
    (third,) = sent(publications)
    assert publications.recorded(third, 0x99) == (False, three)


def test_a_target_that_asks_for_patience_gets_the_messages_later_in_their_order() -> None:
    publications, _ = filled(10, *"abcd")
    numbers = list(sent(publications))
    assert publications.acknowledged(numbers[0], 0x97) is None
    assert publications.acknowledged(numbers[2], 0x97) is None
    assert publications.acknowledged(numbers[1], 0x97) is None
    assert publications.held_back
    assert sent(publications) == {}
    publications.held_back = False
    assert list(sent(publications).values()) == ["a", "b", "c"]


def test_a_message_that_ends_connections_is_found_alone_and_given_up() -> None:
    publications, messages = filled(10, "poison", *"abc")
    given_up = []
    for _ in range(4):
        sent(publications)
        given_up.append(publications.ended(over_a_message=True))
        publications.connected()
    assert given_up == [None, None, None, messages[0]]
    rest: list[str] = []
    while sending := sent(publications):
        rest += sending.values()
        for number in sending:
            publications.acknowledged(number, 0)
    assert rest == ["a", "b", "c"]
    assert len(publications) == publications.bytes == 0


def test_connections_that_end_for_other_reasons_or_with_progress_give_up_nothing() -> None:
    publications, _ = filled(10, *"abcdefghijklmnopqrstuvwxyz")
    for turn in range(20):
        number = next(iter(sent(publications)))
        if turn % 2:
            publications.acknowledged(number, 0)
        assert publications.ended(over_a_message=bool(turn % 2)) is None
        publications.connected()
    assert len(publications) == 16


def test_qos_0_is_finished_when_it_is_sent_and_waits_for_its_turn() -> None:
    publications, _ = filled(1, "a")
    publications.put(message("b", 0))
    publications.put(message("c"))
    assert list(sent(publications).items()) == [(1, "a"), (0, "b")]
    assert len(publications) == 2


def test_a_target_with_a_lower_qos_gets_that() -> None:
    publications, (one,) = filled(10, "a", qos=2)
    publications.connected(highest_qos=1)
    (number,) = sent(publications)
    assert one.qos == 1
    publications.acknowledged(number, 0)
    assert len(publications) == 0
