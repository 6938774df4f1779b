"""The bridge that is a program, between two of the lab's brokers: every message is counted, whatever breaks.

The lab's brokers keep sessions in memory. So there are two kinds of absence here: of the way to a broker, which goes on
taking messages meanwhile and keeps the bridge's session, and of the broker itself, which then knows nothing any more.
"""

import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.progress import Silent
from lab.tools import ensure
from lab.waiting import wait_until
from tests.support.counted_messages import await_all
from tests.support.cut_network import busy
from tests.support.two_brokers import (
    THEIRS,
    Pair,
    crosses,
    pair_of_brokers,
    quiet,
)

WINDOW = 200
DIRECTIONS = ["ingress", "egress"]
VERSIONS = ["5", "3.1.1"]
ALL = "IOT_BROKER_LONG_ABSENCES" in os.environ
"""Of each kind some cases run always; with the variable all do, also absences of a minute (`make absences`)."""


def cases(always: list[tuple[Any, ...]], *also: list[Any]) -> list[Any]:
    """All combinations of `also`, or those of them that are in `always`."""
    return [case for case in itertools.product(*also) if ALL or case in always]


SECONDS = [1, 2, 20, 60]


@pytest.fixture(scope="module")
def program() -> Path:
    """The lab's broker."""
    return ensure({"mqtt"}, Silent())["mqtt"] / "mqtt"


@pytest.fixture
def pair(program: Path, tmp_path: Path) -> Iterator[Pair]:
    """Two brokers, and nothing between them."""
    with pair_of_brokers(program, tmp_path) as made:
        yield made


# What breaks


@pytest.mark.parametrize(
    ("direction", "version", "seconds"),
    cases(
        [("ingress", "5", 1), ("ingress", "5", 20), ("ingress", "3.1.1", 2), ("egress", "5", 2)],
        DIRECTIONS,
        VERSIONS,
        SECONDS,
    ),
)
def test_while_there_is_no_way_to_the_source_it_keeps_the_session_and_nothing_is_lost(
    direction: str, version: str, seconds: int, pair: Pair
) -> None:
    source, target = pair.sides(direction)
    way, _ = pair.ways(direction)
    bridge, watcher, speaker = pair.bridge(direction, version), pair.watch(target), pair.speaker(source)
    speaker.say(200, per_second=400)
    way.close()
    way.cut()
    start = time.monotonic()
    speaker.say(200, per_second=400)
    time.sleep(max(0.0, seconds - (time.monotonic() - start)))
    way.reopen()
    speaker.say(200, per_second=400)
    speaker.rest()
    crosses(bridge, watcher, speaker.acknowledged, most=WINDOW)
    assert bridge.figure("session_lost_total") == 0


@pytest.mark.parametrize(
    ("version", "seconds"), cases([("5", 1), ("3.1.1", 2), ("5", 20)], VERSIONS, SECONDS)
)
def test_after_a_restart_of_the_source_the_bridge_subscribes_again_and_says_that_the_session_is_lost(
    version: str, seconds: int, pair: Pair
) -> None:
    """What EMQX's own source does not after a second or two: nothing came any more, and nothing said so."""
    bridge, watcher = pair.bridge("ingress", version), pair.watch(pair.here)
    for turn in range(2):
        speaker = pair.speaker(pair.there, f"speaker-{turn}")
        speaker.say(200)
        speaker.rest()
        crosses(bridge, watcher, speaker.acknowledged, most=0)
        speaker.end()
        pair.there.kill()
        wait_until(lambda: not bridge.is_ready(), 20, "the absence is noticed")
        time.sleep(seconds if not turn else 1)
        pair.there.start()
        bridge.await_ready()
    speaker = pair.speaker(pair.there, "speaker-last")
    said = set(speaker.say(200))
    speaker.rest()
    crosses(bridge, watcher, said, most=0)
    assert bridge.figure("session_lost_total", end="source") == 2


@pytest.mark.parametrize(("version", "seconds"), cases([("5", 1), ("3.1.1", 2)], VERSIONS, SECONDS))
def test_a_restart_of_the_target_loses_nothing_that_waits(version: str, seconds: int, pair: Pair) -> None:
    bridge, speaker = pair.bridge("egress", version), pair.speaker(pair.here)
    watcher = pair.watch(pair.there)
    speaker.say(200)
    crosses(bridge, watcher, speaker.acknowledged, most=0)
    pair.to_there.close()
    pair.there.kill()
    start = time.monotonic()
    before = speaker.acknowledged
    speaker.say(500, per_second=500)
    time.sleep(max(0.0, seconds - (time.monotonic() - start)))
    pair.there.start()
    # Nothing goes there before there is somebody who sees it.
    again = pair.watch(pair.there, "watcher-again")
    pair.to_there.reopen()
    speaker.rest()
    crosses(bridge, again, speaker.acknowledged - before, most=0)
    assert bridge.figure("refused_total") == 0


@pytest.mark.parametrize(
    ("direction", "version", "side"),
    cases(
        [
            ("ingress", "5", "source"),
            ("ingress", "5", "target"),
            ("ingress", "3.1.1", "both"),
            ("egress", "5", "both"),
        ],
        DIRECTIONS,
        VERSIONS,
        ["source", "target", "both"],
    ),
)
def test_over_a_network_that_flaps_under_load_nothing_is_lost(
    direction: str, version: str, side: str, pair: Pair
) -> None:
    source, target = pair.sides(direction)
    bridge, watcher, speaker = pair.bridge(direction, version), pair.watch(target), pair.speaker(source)
    near, far = pair.ways(direction)
    ways = {"source": [near], "target": [far], "both": [near, far]}[side]
    with busy():
        with contextlib.ExitStack() as flapping:
            for seed, way in enumerate(ways):
                flapping.enter_context(way.flapping(0.2, 1.5, seed))
            speaker.say(1500, per_second=250)
            speaker.rest()
        connections = sum(way.connections for way in (near, far))
        assert connections > 2 + len(ways), "the network did not flap"
        crosses(bridge, watcher, speaker.acknowledged, most=WINDOW * connections)
    assert bridge.figure("session_lost_total") == 0


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_bridge_that_is_killed_under_load_loses_nothing(direction: str, pair: Pair) -> None:
    source, target = pair.sides(direction)
    bridge, watcher, speaker = pair.bridge(direction), pair.watch(target), pair.speaker(source)
    with busy():
        for _ in range(3):
            speaker.say(300, per_second=300)
            bridge.kill()
            speaker.say(200, per_second=400)
            bridge.child.start()
        speaker.rest()
        crosses(bridge, watcher, speaker.acknowledged, most=3 * WINDOW)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_bridge_that_is_stopped_in_order_loses_and_doubles_nothing(direction: str, pair: Pair) -> None:
    source, target = pair.sides(direction)
    bridge, watcher, speaker = pair.bridge(direction), pair.watch(target), pair.speaker(source)
    for _ in range(3):
        speaker.say(300)
        bridge.child.stop()
        speaker.say(100)
        bridge.child.start()
    speaker.rest()
    crosses(bridge, watcher, speaker.acknowledged, most=0)


# Bounds


def test_a_source_keeps_as_much_as_its_bound_and_the_oldest_go(program: Path, tmp_path: Path) -> None:
    with pair_of_brokers(program, tmp_path, Session={"Queue": 100}) as pair:
        bridge, watcher = pair.bridge("ingress"), pair.watch(pair.here)
        speaker = pair.speaker(pair.there)
        bridge.child.stop()
        said = speaker.say(300)
        speaker.rest()
        bridge.child.start()
        await_all(watcher, lambda: set(said[-100:]))
        quiet(bridge, watcher)
        assert set(watcher.payloads()) == set(said[-100:])


def test_a_target_that_is_away_slows_the_source_and_the_bridge_holds_no_more_than_its_window(
    pair: Pair,
) -> None:
    window = 50
    bridge, watcher = pair.bridge("ingress", window=window), pair.watch(pair.here)
    speaker = pair.speaker(pair.there)
    pair.to_here.close()
    pair.to_here.cut()
    speaker.say(1000)
    speaker.rest()
    wait_until(lambda: bridge.figure("held") == window, 20, "the window is full")
    assert bridge.figure("received_total") == window
    assert bridge.figure("lag_seconds") > 0
    pair.to_here.reopen()
    crosses(bridge, watcher, speaker.acknowledged, most=window)


def test_messages_of_qos_0_that_a_target_does_not_take_are_not_held_without_bound(pair: Pair) -> None:
    bridge, watcher = pair.bridge("ingress", held_bytes=2**20), pair.watch(pair.here)
    speaker = pair.speaker(pair.there)
    # The target's connection stands, and takes nothing.
    pair.to_here.close()
    for _ in range(400):
        speaker.client.publish(f"{THEIRS}/p/picture", b"x" * 50_000, 0)
    wait_until(lambda: bridge.figure("paused") == 1, 30, "the bridge reads no more")
    assert bridge.figure("held_bytes") < 2 * 2**20
    pair.to_here.reopen()
    wait_until(lambda: bridge.figure("paused") == 0, 60, "the bridge reads again")
    said = set(speaker.say(50))
    speaker.rest()
    await_all(watcher, lambda: said)
