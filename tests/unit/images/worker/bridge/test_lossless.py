"""Whatever breaks, and wherever: nothing of QoS 1 and 2 is lost, and what is doubled was unacknowledged."""

from collections import Counter

import pytest

from images.worker.bridge.packets import Publish
from tests.support.bridge_simulation import Simulation

BROKERS = [(at_once, reuses) for at_once in (True, False) for reuses in (True, False)]
SEEDS = range(12)


def messages(count: int, qos: int | None = None, payload: bytes | None = None) -> list[Publish]:
    return [
        Publish(f"a/{number % 3}", payload or str(number).encode(), qos or 1 + number % 2, False)
        for number in range(count)
    ]


@pytest.mark.parametrize(("at_once", "reuses_ids"), BROKERS)
def test_over_whole_connections_each_message_crosses_once_in_order(at_once: bool, reuses_ids: bool) -> None:
    for qos in (1, 2):
        simulation = Simulation(1, at_once=at_once, reuses_ids=reuses_ids)
        simulation.run(messages(200, qos), breaks=0.0)
        assert simulation.to_broker.took == [str(number).encode() for number in range(200)]


@pytest.mark.parametrize(("at_once", "reuses_ids"), BROKERS)
def test_over_connections_that_break_nothing_is_lost_and_little_doubled(
    at_once: bool, reuses_ids: bool
) -> None:
    for seed in SEEDS:
        simulation = Simulation(seed, at_once=at_once, reuses_ids=reuses_ids)
        simulation.run(messages(100), breaks=0.03)
        came = Counter(simulation.to_broker.took)
        assert set(came) == {str(number).encode() for number in range(100)}, f"seed {seed}"
        doubled = sum(number - 1 for number in came.values())
        assert doubled <= 8 * simulation.breaks, f"seed {seed}"


def test_messages_with_the_same_words_are_not_taken_for_one() -> None:
    for seed in SEEDS:
        simulation = Simulation(seed, at_once=True, reuses_ids=True)
        simulation.run(messages(100, payload=b"on"), breaks=0.03)
        assert len(simulation.to_broker.took) >= 100, f"seed {seed}"


@pytest.mark.parametrize("qos", [1, 2])
def test_what_comes_for_the_first_time_comes_in_order_though_connections_break(qos: int) -> None:
    for seed in SEEDS:
        simulation = Simulation(seed, at_once=True, reuses_ids=False)
        simulation.run(messages(100, qos), breaks=0.03)
        first = list(dict.fromkeys(simulation.to_broker.took))
        assert first == [str(number).encode() for number in range(100)], f"seed {seed}"


def test_a_bridge_that_is_killed_loses_nothing() -> None:
    for seed in SEEDS:
        simulation = Simulation(seed, at_once=False, reuses_ids=False)
        said = messages(100)
        for part in range(0, 100, 20):
            simulation.from_broker.waiting.extend(said[part : part + 20])
            for _ in range(simulation.chance.randint(1, 60)):
                simulation._step(0.01)
            simulation.kill()
        simulation.run([], breaks=0.01)
        came = Counter(simulation.to_broker.took)
        assert set(came) == {message.payload for message in said}, f"seed {seed}"


def test_finishing_at_pubrec_would_lose_what_a_broker_keeps_back_until_pubrel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: some brokers give a message of QoS 2 on when it is released, and forget it with the session."""
    from images.worker.bridge.publications import Publication, Publications

    whole = Publications.recorded

    def early(self: Publications, packet_id: int, reason: int) -> tuple[bool, Publication | None]:
        publication = self._flying.get(packet_id)
        follows = whole(self, packet_id, reason)
        if publication is not None:
            self.acknowledged(packet_id, 0)
        return follows

    monkeypatch.setattr(Publications, "recorded", early)
    lost = 0
    for seed in SEEDS:
        simulation = Simulation(seed, at_once=False, reuses_ids=False)
        simulation.run(messages(100, 2), breaks=0.03)
        lost += 100 - len(set(simulation.to_broker.took))
    assert lost > 0
