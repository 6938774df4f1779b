"""Who of a group gets a message, by EMQX's strategies: every message once, and whom a publisher's messages go to."""

from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab.waiting import wait_until
from tests.support.broker_alone import RULES, SECONDS, Alone, Counter, alone, there

GROUP = "$share/kafka/field/#"
PUBLISHERS = 24
EACH = 10


def members(broker: Alone, count: int = 2, **options: int) -> list[Counter]:
    return [broker.counter(f"worker-{number}", **options) for number in range(count)]


def publish(broker: Alone, first: int, topic: str = "") -> None:
    """Let each publisher say its messages, numbered through from `first`, each on a connection of its own."""
    for number in range(PUBLISHERS):
        with there(device := broker.counter(f"pump-{number}", clean=True, expiry=0)):
            begin = first + number * EACH
            device.say(topic or f"field/pump-{number}", range(begin, begin + EACH))


def owners(workers: list[Counter]) -> dict[str, set[str]]:
    """Return which workers got something of each topic."""
    found: dict[str, set[str]] = {}
    for worker in workers:
        for message in worker.came:
            found.setdefault(message.topic, set()).add(worker.client_id)
    return found


def all_once(broker: Alone, workers: list[Counter], total: int) -> None:
    wait_until(lambda: sum(len(worker.came) for worker in workers) >= total, SECONDS, f"{total} have come")
    for worker in workers:
        broker.says(worker.client_id, Queued=0, InFlight=0)
    assert sorted(number for worker in workers for number in worker.numbers()) == list(range(total))


@pytest.fixture
def strategy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Alone]:
    with alone(tmp_path, {"shared_subscription_strategy": request.param}) as broker:
        yield broker


def use(strategy: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("strategy", [strategy], indirect=True)


@use("round_robin")
def test_round_robin_gives_each_member_the_same_of_each_publisher(strategy: Alone) -> None:
    with there(*(workers := members(strategy))):
        assert {worker.subscribe(GROUP) for worker in workers} == {"Granted QoS 2"}
        publish(strategy, 0)
        all_once(strategy, workers, PUBLISHERS * EACH)
        assert [len(worker.came) for worker in workers] == [PUBLISHERS * EACH // 2] * 2
        assert all(len(found) == 2 for found in owners(workers).values())


def test_round_robin_is_what_emqx_does_when_nothing_is_said(tmp_path: Path) -> None:
    with alone(tmp_path) as broker, there(*(workers := members(broker))):
        for worker in workers:
            worker.subscribe(GROUP)
        publish(broker, 0)
        all_once(broker, workers, PUBLISHERS * EACH)
        assert [len(worker.came) for worker in workers] == [PUBLISHERS * EACH // 2] * 2


@use("random")
def test_random_spreads_what_a_publisher_says(strategy: Alone) -> None:
    with there(*(workers := members(strategy))):
        for worker in workers:
            worker.subscribe(GROUP)
        publish(strategy, 0)
        all_once(strategy, workers, PUBLISHERS * EACH)
        assert sum(len(found) == 2 for found in owners(workers).values()) > PUBLISHERS // 2


@pytest.mark.parametrize("strategy", ["hash_clientid", "sticky"], indirect=True)
def test_a_publisher_has_one_member_whatever_its_topic(strategy: Alone) -> None:
    with there(*(workers := members(strategy))):
        for worker in workers:
            worker.subscribe(GROUP)
        for number in range(PUBLISHERS):
            with there(device := strategy.counter(f"pump-{number}", clean=True, expiry=0)):
                for place in range(EACH):
                    device.client.publish(f"field/{number}/{place}", str(number * EACH + place), 1)
                device.published(EACH)
        all_once(strategy, workers, PUBLISHERS * EACH)
        found: dict[str, set[str]] = {}
        for topic, clients in owners(workers).items():
            found.setdefault(topic.split("/")[1], set()).update(clients)
        assert all(len(clients) == 1 for clients in found.values())
        assert len(set.union(*found.values())) == 2


@use("hash_topic")
def test_a_topic_has_one_member_whoever_publishes(strategy: Alone) -> None:
    with there(*(workers := members(strategy))):
        for worker in workers:
            worker.subscribe(GROUP)
        publish(strategy, 0, "field/shared")
        all_once(strategy, workers, PUBLISHERS * EACH)
        assert sorted(len(worker.came) for worker in workers) == [0, PUBLISHERS * EACH]


def moved(broker: Alone) -> int:
    """Return how many publishers have another member once one has come again, with its session."""
    workers = members(broker)
    with there(workers[0], workers[1]):
        for worker in workers:
            worker.subscribe(GROUP)
        with ExitStack() as stack:
            devices = [broker.counter(f"pump-{number}", clean=True, expiry=0) for number in range(PUBLISHERS)]
            stack.enter_context(there(*devices))

            def say(first: int) -> None:
                for number, device in enumerate(devices):
                    begin = first + number * EACH
                    device.say(f"field/pump-{number}", range(begin, begin + EACH))

            say(0)
            all_once(broker, workers, PUBLISHERS * EACH)
            before = owners(workers)
            workers[0].leave()
            say(PUBLISHERS * EACH)
            mine = sum(found == {"worker-0"} for found in before.values())
            # Who is away has its share: it waits in its session.
            broker.says("worker-0", Queued=mine * EACH)
            workers[0].begin()
            assert workers[0].resumed == [False, True]
            say(2 * PUBLISHERS * EACH)
        all_once(broker, workers, 3 * PUBLISHERS * EACH)
        return sum(found != before[topic] for topic, found in owners(workers).items())


@use("sticky")
def test_sticky_keeps_a_member_that_is_away_and_comes_again(strategy: Alone) -> None:
    assert moved(strategy) == 0


def test_in_emqx_itself_a_member_that_comes_again_is_another(tmp_path: Path) -> None:
    """As read in its source; and the control of the test above."""
    with alone(tmp_path, {"shared_subscription_strategy": "sticky"}, by_connection=True) as broker:
        assert moved(broker) > 0


@pytest.mark.parametrize("by_connection", [False, True])
def test_sticky_and_a_publisher_that_comes_again(tmp_path: Path, by_connection: bool) -> None:
    keys = {"shared_subscription_strategy": "sticky"}
    with alone(tmp_path, keys, by_connection=by_connection) as broker, there(*(workers := members(broker))):
        for worker in workers:
            worker.subscribe(GROUP)
        publish(broker, 0)
        publish(broker, PUBLISHERS * EACH)
        all_once(broker, workers, 2 * PUBLISHERS * EACH)
        assert any(len(found) == 2 for found in owners(workers).values()) is by_connection


@use("sticky")
def test_when_a_session_ends_another_member_has_what_it_left_and_what_comes(strategy: Alone) -> None:
    first, second = strategy.counter("worker-0", expiry=1), strategy.counter("worker-1")
    with there(first, device := strategy.counter("pump", clean=True, expiry=0)):
        first.subscribe(GROUP)
        device.say("field/pump", range(EACH))
        assert first.has(EACH) == list(range(EACH))
        with there(second):
            second.subscribe(GROUP)
            first.leave()
            device.say("field/pump", range(EACH, 2 * EACH))
            assert second.numbers() == []
            strategy.says("worker-0", Session=False)
            device.say("field/pump", range(2 * EACH, 3 * EACH))
            assert sorted(second.has(2 * EACH)) == list(range(EACH, 3 * EACH))
    assert strategy.figures("worker-0")["Ended"] == 0


@use("sticky")
def test_a_group_is_given_nothing_that_begins_with_a_dollar_unless_it_names_it(strategy: Alone) -> None:
    everything, audit = strategy.counter("everything"), strategy.counter("audit")
    with there(everything, audit, device := strategy.counter("pump", clean=True, expiry=0)):
        everything.subscribe("$share/kafka/#")
        audit.subscribe("$share/kafka/$kit/audit/#")
        device.say("$kit/audit/session", range(1))
        device.say("field/pump", range(1, 2))
        assert (audit.has(1), everything.has(1)) == ([0], [1])


@use("round_robin")
def test_each_group_and_each_subscription_of_ones_own_gets_every_message(strategy: Alone) -> None:
    groups = {name: strategy.counter(name) for name in ("kafka", "other", "own")}
    groups["engine"] = strategy.counter("engine", listener=RULES)
    with there(*groups.values(), device := strategy.counter("pump", clean=True, expiry=0)):
        groups["kafka"].subscribe(GROUP)
        groups["other"].subscribe(GROUP.replace("kafka", "other"))
        for name in ("own", "engine"):
            groups[name].subscribe("field/#")
            groups[name].subscribe("field/+")
        device.say("field/pump", range(EACH))
        for name, count in (("kafka", EACH), ("other", EACH), ("own", 2 * EACH)):
            # EMQX gives a client a message for each of its subscriptions that fit.
            assert Tally(groups[name].has(count)) == dict.fromkeys(range(EACH), count // EACH)
        # A rule sees it once, however many of its filters fit.
        strategy.says("engine", Queued=0, InFlight=0)
        assert groups["engine"].numbers() == list(range(EACH))
