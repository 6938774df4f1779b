"""What crosses the bridge that is a program, who it is at both brokers, and that nothing comes back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from images.worker.bridge.figures import SERIES
from lab.progress import Silent
from lab.tools import ensure
from lab.waiting import wait_until
from model.incumbent_bridge import CROSSED
from tests.support.counted_messages import Came, await_all, doubled
from tests.support.two_brokers import (
    BRIDGE,
    OURS,
    SITE,
    THEIRS,
    BridgeProgram,
    Pair,
    crosses,
    pair_of_brokers,
    quiet,
)

MARK = (CROSSED, SITE)
WINDOW = 200
DIRECTIONS = ["ingress", "egress"]
VERSIONS = ["5", "3.1.1"]


@pytest.fixture(scope="module")
def program() -> Path:
    """The lab's broker."""
    return ensure({"mqtt"}, Silent())["mqtt"] / "mqtt"


@pytest.fixture
def pair(program: Path, tmp_path: Path) -> Iterator[Pair]:
    """Two brokers, and nothing between them."""
    with pair_of_brokers(program, tmp_path) as made:
        yield made


# What crosses


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_messages_cross_with_their_bytes_and_qos(direction: str, version: str, pair: Pair) -> None:
    source, target = pair.sides(direction)
    bridge, watcher = pair.bridge(direction, version), pair.watch(target)
    speaker = pair.speaker(source)
    origin, destination = (THEIRS, OURS) if direction == "ingress" else (OURS, THEIRS)
    payloads = [b"", bytes(range(256)), b"\xff" * 100_000, b'{"a": 1e400}']
    for number, payload in enumerate(payloads):
        for qos in (0, 1, 2):
            speaker.client.publish(f"{origin}/p/{number}/{qos}", payload, qos).wait_for_publish(10)
    wait_until(lambda: len(watcher.came) >= 12, 20, "all messages cross")
    quiet(bridge, watcher)
    # The mark needs user properties at the target, and only there.
    marks = () if version == "3.1.1" and direction == "egress" else (MARK,)
    # A reader has a message of QoS 2 when it is released, after those behind it.
    assert sorted(watcher.came) == [
        Came(f"{destination}/p/{number}/{qos}", payload, qos, False, marks)
        for number, payload in enumerate(payloads)
        for qos in (0, 1, 2)
    ]


@pytest.mark.parametrize(("version", "kept"), [("5", True), ("3.1.1", False)])
def test_the_retain_flag_crosses_from_a_source_of_mqtt_5(version: str, kept: bool, pair: Pair) -> None:
    bridge, watcher = pair.bridge("ingress", version), pair.watch(pair.here)
    speaker = pair.speaker(pair.there)
    for payload in (b"open", b""):
        speaker.client.publish(f"{THEIRS}/p/state", payload, 1, retain=True).wait_for_publish(10)
    wait_until(lambda: len(watcher.came) == 2, 20, "both cross")
    assert [message.retain for message in watcher.came] == [kept, kept]
    assert bridge.figure("held") == 0


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("asked", "found"), [(False, []), (True, [b"open"])])
def test_what_the_source_had_retained_crosses_where_that_is_asked_for(
    version: str, asked: bool, found: list[bytes], pair: Pair
) -> None:
    speaker, watcher = pair.speaker(pair.there), pair.watch(pair.here)
    speaker.client.publish(f"{THEIRS}/p/state", b"open", 1, retain=True).wait_for_publish(10)
    bridge = pair.bridge("ingress", version, retained=asked)
    speaker.client.publish(f"{THEIRS}/p/end", b"end", 1).wait_for_publish(10)
    await_all(watcher, lambda: {b"end"})
    for _ in range(2):
        pair.to_there.cut()
        wait_until(lambda: not bridge.is_ready(), 10, "the cut is noticed")
        bridge.await_ready()
    quiet(bridge, watcher)
    assert [message.payload for message in watcher.came if message.payload != b"end"] == found


def test_user_properties_cross_and_neither_commands_nor_the_mirror_nor_what_is_not_named(pair: Pair) -> None:
    bridge, watcher = pair.bridge("ingress"), pair.watch(pair.here)
    speaker = pair.speaker(pair.there)
    for topic in (
        f"{THEIRS}/p/command/open",
        f"{THEIRS}/NCMD/gw",
        f"{THEIRS}2/p/flow",
        "ot/eagle-ford/separator/pressure",
        "elsewhere",
        f"{THEIRS}/p/flow",
    ):
        speaker.client.publish(topic, topic.encode(), 2).wait_for_publish(10)
    wait_until(lambda: bool(watcher.came), 20, "the last crosses")
    quiet(bridge, watcher)
    assert watcher.came == [Came(f"{OURS}/p/flow", f"{THEIRS}/p/flow".encode(), 2, False, (MARK,))]
    assert bridge.figure("not_crossed_total", reason="unmapped") == 2


def test_commands_cross_where_the_space_says_so(pair: Pair) -> None:
    topics = {"pads": {"theirs": THEIRS, "ours": OURS, "commands": True}}
    pair.bridge("egress", topics=topics)
    watcher, speaker = pair.watch(pair.there), pair.speaker(pair.here)
    speaker.client.publish(f"{OURS}/p/command/open", b"now", 1).wait_for_publish(10)
    await_all(watcher, lambda: {b"now"})
    assert watcher.came[0].topic == f"{THEIRS}/p/command/open"


# Who the bridge is


def test_a_renewed_certificate_is_shown_and_nothing_is_lost_or_doubled(pair: Pair, tmp_path: Path) -> None:
    first = pair.here.authority.client("bridge-1", BRIDGE)
    second = pair.here.authority.client("bridge-2", BRIDGE)
    shown = type(first)(tmp_path / "shown.crt", tmp_path / "shown.key")
    for name in ("certificate", "key"):
        shutil.copy(getattr(first, name), getattr(shown, name))
    bridge = pair.bridge("ingress", broker=pair.here.end(pair.to_here.port, pair=shown))
    watcher, speaker = pair.watch(pair.here), pair.speaker(pair.there)
    speaker.say(200)
    # The certificate alone is no identity: the bridge waits for its key.
    shutil.copy(second.certificate, shown.certificate)
    wait_until(lambda: '"identity"' in bridge.log, 30, "half of a renewal is noticed")
    assert bridge.figure("connections_total", end="target") == 1
    shutil.copy(second.key, shown.key)
    while bridge.figure("connections_total", end="target") < 2:
        speaker.say(50, per_second=200)
    speaker.rest()
    crosses(bridge, watcher, speaker.acknowledged, most=0)


def test_a_source_whose_certificate_is_renewed_keeps_the_session(pair: Pair, tmp_path: Path) -> None:
    first = pair.here.authority.client("bridge-1", BRIDGE)
    second = pair.here.authority.client("bridge-2", BRIDGE)
    shown = type(first)(tmp_path / "shown.crt", tmp_path / "shown.key")
    for pairs in (first, second):
        for name in ("certificate", "key"):
            shutil.copy(getattr(pairs, name), getattr(shown, name))
        if pairs is first:
            bridge = pair.bridge("egress", broker=pair.here.end(pair.to_here.port, pair=shown))
            watcher, speaker = pair.watch(pair.there), pair.speaker(pair.here)
    while bridge.figure("connections_total", end="source") < 2:
        speaker.say(50, per_second=200)
    speaker.rest()
    crosses(bridge, watcher, speaker.acknowledged, most=WINDOW)
    assert bridge.figure("session_lost_total") == 0


def test_a_wrong_password_is_named(pair: Pair) -> None:
    wrong = pair.folder / "wrong"
    wrong.write_text("a wrong one\n")
    end = pair.there.end(pair.to_there.port) | {"password_file": str(wrong)}
    bridge = pair.bridge("ingress", start=False, incumbent=end)
    with bridge.begun():
        wait_until(lambda: "not let in: Bad user name or password" in bridge.log, 20, "it is said")
        assert not bridge.is_ready()


# No echo


def test_what_crossed_never_comes_back_while_both_directions_run(pair: Pair) -> None:
    """A phase change starts one after the other; here they are both at once, which the mark alone must bear."""
    inward, outward = pair.bridge("ingress"), _other(pair, "egress", "5")
    here, there = pair.watch(pair.here), pair.watch(pair.there)
    ours, theirs = pair.speaker(pair.here), pair.speaker(pair.there)
    ours.say(100)
    theirs.say(100)
    for speaker in (ours, theirs):
        speaker.rest()
    everything = ours.acknowledged | theirs.acknowledged
    for watcher in (here, there):
        await_all(watcher, lambda: everything)
        quiet(inward, watcher)
        assert doubled(watcher.payloads()) == 0
    for bridge in (inward, outward):
        assert bridge.figure("not_crossed_total", reason="echo") == 100


def test_without_the_mark_a_message_comes_back(pair: Pair) -> None:
    """The control: MQTT 3.1.1 bears no mark, so that both directions must never run at once there."""
    inward = pair.bridge("ingress", "3.1.1")
    outward = _other(pair, "egress", "3.1.1")
    here, ours = pair.watch(pair.here), pair.speaker(pair.here)
    ours.say(1)
    wait_until(lambda: len(here.came) > 1, 20, "it comes back")
    # With its mark then, so that it goes no further.
    wait_until(lambda: outward.figure("not_crossed_total", reason="echo") == 1, 20, "it is known")
    quiet(inward, here)
    assert len(here.came) == 2


def _other(pair: Pair, direction: str, version: str) -> BridgeProgram:
    """A second bridge, which is another client at both brokers."""
    other = pair.here.authority.client("other", "other-bridge")
    broker = pair.here.end(pair.to_here.port, pair=other) | {"client_id": "other-bridge"}
    incumbent = pair.there.end(pair.to_there.port, version) | {"client_id": "other-bridge"}
    return pair.bridge(direction, broker=broker, incumbent=incumbent, heartbeat={"topic": "bridge/other"})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_direction_that_turned_brings_back_nothing_of_what_went_out(version: str, pair: Pair) -> None:
    """The former source's session would keep what the bridge publishes there: the new direction ends it."""
    inward = pair.bridge("ingress", version)
    inward.child.stop()
    outward = pair.bridge("egress", version)
    here, there, ours = pair.watch(pair.here), pair.watch(pair.there), pair.speaker(pair.here)
    ours.say(100)
    ours.rest()
    crosses(outward, there, ours.acknowledged, most=0)
    outward.child.stop()
    inward.child.start()
    theirs = pair.speaker(pair.there)
    theirs.say(10)
    theirs.rest()
    crosses(inward, here, ours.acknowledged | theirs.acknowledged, most=0)


# What is seen


def test_a_source_that_falls_silent_is_seen_and_connected_to_anew(pair: Pair) -> None:
    bridge = pair.bridge("ingress")
    wait_until(lambda: bridge.figure("source_silent_seconds") < 1, 10, "the heartbeat is heard")
    pair.to_there.close()
    wait_until(lambda: bridge.figure("source_silent_seconds") > 2, 20, "the silence is seen")
    wait_until(lambda: '"source silent"' in bridge.log, 20, "the connection is given up")
    pair.to_there.reopen()
    bridge.await_ready()
    watcher, speaker = pair.watch(pair.here), pair.speaker(pair.there)
    speaker.say(20)
    speaker.rest()
    crosses(bridge, watcher, speaker.acknowledged, most=0)


def test_every_figure_has_its_series(pair: Pair) -> None:
    bridge = pair.bridge("ingress")
    text = requests.get(f"http://127.0.0.1:{bridge.port}/metrics", timeout=10).text
    for name in SERIES:
        assert f"# TYPE bridge_{name}" in text


def test_at_the_end_of_the_bridge_neither_broker_keeps_a_session(pair: Pair) -> None:
    bridge, watcher = pair.bridge("ingress", "3.1.1"), pair.watch(pair.here)
    bridge.child.stop()
    assert bridge.end() == 0
    speaker = pair.speaker(pair.there)
    speaker.say(50)
    speaker.rest()
    bridge.child.start()
    last = set(speaker.say(1))
    speaker.rest()
    crosses(bridge, watcher, last, most=0)
    assert set(watcher.payloads()) == last
