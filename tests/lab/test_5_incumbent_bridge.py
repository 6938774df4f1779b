"""The bridge to the incumbent between two real brokers: its rendered configuration, carried out word for word.

No EMQX runs here: `tests/support/bridge_node.py` stands for the bridge of one EMQX node. What crossed is counted when
everything has come to rest behind a fence, a message that comes after all others.
"""

from pathlib import Path

import pytest

from components import names
from components.emqx_mounts import INCUMBENT_FOLDER
from lab.certificates import Authority
from model.incumbent_bridge import CROSSED
from tests.support.bridge_bench import Bench
from tests.support.bridge_node import NotConnected, at_rest
from tests.support.mqtt import SECONDS
from tests.support.watch import Seen, say


def test_in_parallel_what_is_said_there_comes_here_once_with_at_most_qos_1_and_not_retained(
    bench: Bench,
) -> None:
    told = (("unit", "m3/h"), ("source", "meter 7"))
    with bench.node(bench.configuration("parallel")) as node, bench.old_device() as pump:
        for qos in (0, 1, 2):
            sent = bytes([0, 255, qos])
            assert pump.publish(f"Field/Pads/pump/{qos}", sent, qos, user_properties=told) == "Success"
        assert pump.publish("Sparkplug/Pads/NDATA/gw-1", b"", 2, retain=True) == "Success"
        at_rest(node)
    assert bench.here.seen() == [
        Seen("eagle-ford/pump/0", b"\x00\xff\x00", 0, properties=told),
        Seen("eagle-ford/pump/1", b"\x00\xff\x01", 1, properties=told),
        # EMQX takes nothing of QoS 2 from another broker, and MQTT 5 gives it no retain flag.
        Seen("eagle-ford/pump/2", b"\x00\xff\x02", 1, properties=told),
        Seen("spBv1.0/eagle-ford/NDATA/gw-1", b"", 1),
    ]
    assert [message.qos for message in bench.there.seen()] == [0, 1, 2, 2]


def test_in_parallel_a_service_of_the_site_reads_what_came(bench: Bench) -> None:
    certificate = bench.front.enrolled("service", "reader")
    with (
        bench.front.device(certificate, "reader") as reader,
        bench.node(bench.configuration("parallel")),
        bench.old_device() as pump,
    ):
        assert reader.subscribe("eagle-ford/#") == "Granted QoS 1"
        assert pump.publish("Field/Pads/pump-1/flow", "4.2") == "Success"
        assert reader.next() == ("eagle-ford/pump-1/flow", "4.2")


def test_in_parallel_what_is_said_here_stays_here(bench: Bench) -> None:
    said = [f"{bench.own()}/{number}" for number in range(5)]
    with bench.node(bench.configuration("parallel")) as node, bench.device() as device:
        say(device, said)
        at_rest(node)
    assert (bench.here.topics(), bench.there.topics()) == (said, [])


def test_in_parallel_what_the_incumbent_had_retained_before_does_not_come(bench: Bench) -> None:
    with bench.old_device() as pump:
        assert pump.publish("Field/Pads/pump-1/state", "open", 2, retain=True) == "Success"
        with bench.node(bench.configuration("parallel")) as node:
            at_rest(node)
        assert pump.publish("Field/Pads/pump-1/state", "", 2, retain=True) == "Success"
    assert bench.here.topics() == []


def test_in_the_rollback_window_what_is_said_here_goes_there_once_with_its_qos_and_retain_flag(
    bench: Bench,
) -> None:
    own = bench.own()
    with bench.node(bench.configuration("cutover")) as node, bench.device() as device:
        for qos in (0, 1, 2):
            for retain in (False, True):
                topic = f"{own}/{retain}/{qos}"
                assert device.publish(topic, bytes([0, 255]), qos, retain=retain) == "Success"
        assert device.publish(f"{own}/told", "4.2", 2, user_properties=[("unit", "bar")]) == "Success"
        at_rest(node)
    theirs, mark = bench.there_called(own), (CROSSED, bench.site.name)
    assert bench.there.seen() == [
        *(
            Seen(f"{theirs}/{retain}/{qos}", b"\x00\xff", qos, retain, (mark,))
            for retain in (False, True)
            for qos in (0, 1, 2)
        ),
        Seen(f"{theirs}/told", b"4.2", 2, False, (("unit", "bar"), mark)),
    ]


def test_in_the_rollback_window_what_is_retained_here_is_retained_there_until_it_is_removed(
    bench: Bench,
) -> None:
    state = f"{bench.own()}/state"
    with bench.node(bench.configuration("cutover")) as node, bench.device() as device:
        for payload in (b"open", b""):
            assert device.publish(state, payload, 2, retain=True) == "Success"
            at_rest(node)
            assert retained_there(bench, bench.there_called(state)) == ([payload] if payload else [])


def retained_there(bench: Bench, topic: str) -> list[bytes]:
    """What somebody who comes to the incumbent finds."""
    with bench.incumbent.client("newcomer") as newcomer:
        assert newcomer.subscribe(topic, 2) == "Granted QoS 2"
        # What is retained comes first.
        assert newcomer.publish(topic, "the end", 2) == "Success"
        found = []
        while (message := newcomer.received.get(timeout=SECONDS)).payload != b"the end":
            assert message.retain
            found.append(bytes(message.payload))
        return found


def test_in_the_rollback_window_edge_nodes_go_there_too(bench: Bench) -> None:
    name = f"gw-1.{names.client_domain(bench.site, 'gateway')}"
    certificate = bench.front.enrolled("gateway", "gw-1")
    with (
        bench.node(bench.configuration("cutover")) as node,
        bench.front.device(certificate, "gw-1") as gateway,
    ):
        say(gateway, [f"spBv1.0/eagle-ford/{kind}/{name}" for kind in ("NBIRTH", "NDATA")])
        at_rest(node)
    assert bench.there.topics() == [f"Sparkplug/Pads/{kind}/{name}" for kind in ("NBIRTH", "NDATA")]


def test_in_the_rollback_window_what_is_said_there_stays_there(bench: Bench) -> None:
    said = [f"Field/Pads/pump-1/{number}" for number in range(5)]
    with bench.node(bench.configuration("cutover")) as node, bench.old_device() as pump:
        say(pump, said)
        at_rest(node)
    assert (bench.here.topics(), bench.there.topics()) == ([], said)


@pytest.mark.parametrize(("phase", "state"), [("pilot", "untouched"), ("cutover", "retired")])
def test_before_parallel_and_after_retirement_nothing_crosses(phase: str, state: str, bench: Bench) -> None:
    ours, theirs = f"{bench.own()}/flow", "Field/Pads/pump-1/flow"
    with (
        bench.node(bench.configuration(phase, state=state)) as node,
        bench.device() as device,
        bench.old_device() as pump,
    ):
        assert (node.bridge.connectors, node.bridge.rules) == ({}, ())
        say(device, [ours])
        say(pump, [theirs])
        at_rest(node)
    assert (bench.here.topics(), bench.there.topics()) == ([ours], [theirs])


def test_by_itself_a_topic_has_the_same_name_here(bench: Bench) -> None:
    said = ["eagle-ford/pump-1/flow", "spBv1.0/eagle-ford/NDATA/gw-1"]
    beside = ["eagle-ford-2/pump-1/flow", "elsewhere/pump-1/flow", "spBv1.0/STATE/scada"]
    with bench.node(bench.configuration("parallel", ())) as node, bench.old_device() as pump:
        say(pump, [*beside, *said])
        at_rest(node)
    assert (bench.here.topics(), bench.there.topics()) == (said, sorted(beside + said))


def test_by_itself_a_topic_has_the_same_name_there(bench: Bench) -> None:
    said = [f"{bench.own()}/{number}" for number in range(3)]
    with bench.node(bench.configuration("cutover", ())) as node, bench.device() as device:
        say(device, said)
        at_rest(node)
    assert (bench.here.topics(), bench.there.topics()) == (said, said)


@pytest.mark.parametrize("phase", ["parallel", "cutover"])
def test_over_one_connection_a_devices_messages_keep_their_order(phase: str, bench: Bench) -> None:
    inwards = phase == "parallel"
    topic, watch = ("Field/Pads/pump-1/flow", bench.here) if inwards else (f"{bench.own()}/flow", bench.there)
    with (
        bench.node(bench.configuration(phase)) as node,
        bench.old_device() if inwards else bench.device() as sender,
    ):
        for number in range(50):
            assert sender.publish(topic, str(number)) == "Success"
        say(sender, [topic.replace("flow", "end")])
        at_rest(node)
    came = [message.payload for message in watch.came() if message.topic.endswith("flow")]
    assert came == [str(number).encode() for number in range(50)]


def test_nodes_share_what_comes_so_that_each_message_comes_once(bench: Bench) -> None:
    text = bench.configuration("parallel")
    with bench.node(text, "one") as one, bench.node(text, "two") as two, bench.old_device() as pump:
        say(pump, [f"Field/Pads/pump-{number:02}/flow" for number in range(40)])
        at_rest(one, two)
    assert bench.here.topics() == [f"eagle-ford/pump-{number:02}/flow" for number in range(40)]
    assert len(one.carried) + len(two.carried) == 40
    assert one.carried
    assert two.carried


def test_a_node_that_turned_takes_no_share_of_what_still_comes_by_another(bench: Bench) -> None:
    old, new = bench.configuration("parallel"), bench.configuration("cutover")
    with bench.node(old, "two") as two:
        with bench.node(old, "one"):
            pass
        with bench.node(new, "one") as turned, bench.old_device() as pump:
            say(pump, [f"Field/Pads/pump-{number:02}/flow" for number in range(20)])
            at_rest(turned, two)
    assert bench.here.topics() == [f"eagle-ford/pump-{number:02}/flow" for number in range(20)]


@pytest.mark.parametrize("phase", ["parallel", "cutover"])
def test_a_wrong_password_is_refused_and_named(phase: str, bench: Bench, tmp_path: Path) -> None:
    copy(bench, tmp_path)
    (tmp_path / "password").write_text("a wrong one")
    refusal = (
        r"connector incumbent: mqtt-old\.eagle-ford\.field\.example:8883 does not let in eagle-ford-bridge: "
        "Bad user name or password"
    )
    with (
        pytest.raises(NotConnected, match=refusal),
        bench.node(bench.configuration(phase), mounted=tmp_path),
    ):
        pass


def test_an_incumbent_of_another_authority_is_not_believed(bench: Bench, tmp_path: Path) -> None:
    copy(bench, tmp_path)
    foreign = Authority(tmp_path / "foreign", "Somebody else")
    (tmp_path / "ca.crt").write_bytes(foreign.ensure().read_bytes())
    with (
        pytest.raises(NotConnected, match="certificate verify failed"),
        bench.node(bench.configuration("parallel"), mounted=tmp_path),
    ):
        pass


def copy(bench: Bench, folder: Path) -> None:
    for file in bench.ends.mounted[INCUMBENT_FOLDER].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())


def test_a_certificate_is_shown_where_the_incumbent_asks_for_one(bench: Bench) -> None:
    port = bench.incumbent.certified_port
    with pytest.raises(NotConnected), bench.node(bench.configuration("parallel"), port=port):
        pass
    shown = bench.configuration("parallel", client_certificate=True)
    with bench.node(shown, port=port) as node, bench.old_device() as pump:
        say(pump, ["Field/Pads/pump-1/flow"])
        at_rest(node)
    assert bench.here.topics() == ["eagle-ford/pump-1/flow"]
