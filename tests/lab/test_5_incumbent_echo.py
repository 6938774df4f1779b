"""Nothing that crossed the bridge comes back, and nothing crosses that must not: between two real brokers.

While a rollout goes through the broker's nodes, one still has the old direction and another the new one: so have the
two here. The lab shows each what is published at the other as well, which EMQX does not, so that the rules' own guards
alone keep a message from going round. Each guard is also taken away, to see that it would be missed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from model.incumbent_bridge import NOT_BROUGHT_IN, NOT_CROSSED_BEFORE
from tests.support.bridge_bench import THEIRS, Bench
from tests.support.bridge_node import Node, at_rest
from tests.support.mqtt import Session
from tests.support.watch import say

UPTIME = "$SYS/broker/uptime"
"""What the lab's brokers say of themselves each second."""


@dataclass(frozen=True)
class Rollout:
    """Two nodes of one broker, the one with the old direction, inwards, and the other with the new one."""

    old: Node
    new: Node


@pytest.fixture
def rollout(bench: Bench) -> Iterator[Rollout]:
    with (
        bench.node(bench.configuration("parallel"), "old") as old,
        bench.node(bench.configuration("cutover"), "new") as new,
    ):
        yield Rollout(old, new)


def test_what_crossed_never_comes_back_while_nodes_have_both_directions(
    rollout: Rollout, bench: Bench
) -> None:
    ours = [f"{bench.own()}/{number}" for number in range(10)]
    theirs = [f"{THEIRS}/old-pump/{number}" for number in range(10)]
    with bench.device() as device, bench.old_device() as pump:
        say(device, ours)
        say(pump, theirs)
        at_rest(rollout.old, rollout.new)
    came = [topic.replace(THEIRS, bench.site.name, 1) for topic in theirs]
    went = [bench.there_called(topic) for topic in ours]
    assert bench.here.topics() == sorted(ours + came)
    assert bench.there.topics() == sorted(theirs + went)


def test_nothing_of_the_mirror_or_of_a_broker_itself_crosses_in_either_direction(
    rollout: Rollout, bench: Bench
) -> None:
    pressure = f"ot/{bench.site.name}/separator/pressure"
    certificate = bench.front.enrolled("mirror", "plant")
    with (
        bench.front.device(certificate, "mirror") as mirror,
        bench.front.rules("listener") as listener_here,
        bench.incumbent.client("listener") as listener_there,
        bench.old_device() as plant,
    ):
        say(mirror, [pressure])
        say(plant, [pressure])
        for listener in (listener_here, listener_there):
            hear_the_broker(listener)
        at_rest(rollout.old, rollout.new)
    # Each side has its own, and only that.
    assert (bench.here.topics(), bench.there.topics()) == ([pressure], [pressure])
    assert rollout.old.carried == rollout.new.carried == []


@pytest.mark.parametrize("space", ["ot/eagle-ford", "$SYS/broker"])
def test_a_map_that_named_such_a_space_would_be_noticed(space: str, bench: Bench) -> None:
    """The control of the test above: with another map the same messages do cross."""
    text = bench.configuration("parallel")
    broken = text.replace(THEIRS, space).replace(
        f"substr(topic, {len(THEIRS)})", f"substr(topic, {len(space)})"
    )
    with (
        bench.node(broken) as node,
        bench.incumbent.client("listener") as listener,
        bench.old_device() as plant,
    ):
        say(plant, ["ot/eagle-ford/uptime"])
        hear_the_broker(listener)
        at_rest(node)
    assert "eagle-ford/uptime" in bench.here.topics()


def hear_the_broker(listener: Session) -> None:
    """Wait until a broker has spoken of itself once more."""
    assert listener.subscribe(UPTIME) == "Granted QoS 1"
    # What it said last is retained; what comes then it says now.
    while listener.received.get(timeout=10).retain:
        pass


@pytest.mark.parametrize(
    ("phase", "guard", "without", "back_here", "back_there"),
    [
        ("parallel", NOT_CROSSED_BEFORE, "true", 1, 0),
        ("cutover", NOT_BROUGHT_IN, "true", 0, 1),
        # Properties that are selected by name alone do not leave the broker, and the mark is one of them.
        ("cutover", "SELECT *, ", "SELECT payload, qos, ", 1, 0),
    ],
)
def test_without_one_of_the_guards_there_is_an_echo(
    phase: str, guard: str, without: str, back_here: int, back_there: int, bench: Bench
) -> None:
    """A control: each guard is needed, and a missing one is noticed."""
    texts = {name: bench.configuration(name) for name in ("parallel", "cutover")}
    texts[phase] = exchanged(texts[phase], guard, without)
    ours, theirs = f"{bench.own()}/flow", f"{THEIRS}/old-pump/flow"
    with (
        bench.node(texts["parallel"], "old") as old,
        bench.node(texts["cutover"], "new") as new,
        bench.device() as device,
        bench.old_device() as pump,
    ):
        say(device, [ours])
        say(pump, [theirs])
        at_rest(old, new)
    assert bench.here.topics().count(ours) == 1 + back_here
    assert bench.there.topics().count(theirs) == 1 + back_there


def test_without_any_guard_a_message_goes_round_until_somebody_stops_it(bench: Bench) -> None:
    """A control: the nodes stop after twenty messages each."""
    old = exchanged(bench.configuration("parallel"), NOT_CROSSED_BEFORE, "true")
    new = exchanged(bench.configuration("cutover"), NOT_BROUGHT_IN, "true")
    with (
        bench.node(old, "old", limit=20) as inwards,
        bench.node(new, "new", limit=20) as outwards,
        bench.old_device() as pump,
    ):
        say(pump, [f"{THEIRS}/old-pump/flow"])
        at_rest(inwards, outwards)
    assert len(inwards.carried) == len(outwards.carried) == 20
    assert bench.there.topics() == [f"{THEIRS}/old-pump/flow"] * 21


def exchanged(text: str, guard: str, without: str) -> str:
    assert guard in text
    return text.replace(guard, without)
