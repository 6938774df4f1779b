"""Which messages cross: as the kit's model has it, for the two must agree."""

from hypothesis import given
from hypothesis import strategies as st

from images.worker.bridge import topics
from images.worker.bridge.topics import Space, crossing, faults, has_crossed
from model import incumbent_bridge
from model.incumbent_bridge import Crossing

PADS = Space("Field/Pads", "eagle-ford")
LEVELS = st.sampled_from(
    [
        "Field",
        "Pads",
        "eagle-ford",
        "ot",
        "$SYS",
        "command",
        "NCMD",
        "DCMD",
        "pump-1",
        "",
        "Pads2",
        "Commands",
    ]
)
TOPICS = st.lists(LEVELS, min_size=1, max_size=6).map("/".join)


@given(TOPICS, st.booleans())
def test_what_crosses_in_a_space_is_what_the_model_says(topic: str, commands: bool) -> None:
    model = Crossing("Field/Pads", "eagle-ford", commands)
    assert Space(model.theirs, model.ours, commands).moved(topic) == model.inward(topic)
    assert Space(model.ours, model.theirs, commands).moved(topic) == model.outward(topic)


@given(TOPICS)
def test_nothing_of_the_mirror_or_of_a_broker_itself_crosses_whatever_the_map_says(topic: str) -> None:
    everything = [Space(name, other) for name in ("ot", "$SYS", "Field") for other in ("ot", "$SYS", "a")]
    moved = crossing(everything, topic)
    for name in (topic, moved):
        if name is not None and (name.split("/")[0] == "ot" or name.startswith("$")):
            assert moved is None


def test_the_words_are_the_models() -> None:
    assert topics.CROSSED == incumbent_bridge.CROSSED
    assert frozenset(incumbent_bridge.COMMANDS) == topics.COMMANDS
    assert topics.MIRROR == incumbent_bridge.MIRROR


def test_a_topic_crosses_by_the_space_that_it_is_in() -> None:
    spaces = [PADS, Space("Sparkplug", "spBv1.0/eagle-ford")]
    assert crossing(spaces, "Field/Pads/p/flow") == "eagle-ford/p/flow"
    assert crossing(spaces, "Sparkplug/NDATA/gw") == "spBv1.0/eagle-ford/NDATA/gw"
    assert crossing(spaces, "Field/Pads") == "eagle-ford"
    assert crossing(spaces, "Field/Pads2/p/flow") is None


def test_each_fault_of_a_map_is_named() -> None:
    assert faults([PADS]) == []
    assert faults([Space("ot/x", "a")]) == ["ot/x: nothing crosses the bridge there"]
    assert faults([Space("a", "$SYS/b")]) == ["$SYS/b: nothing crosses the bridge there"]
    assert len(faults([Space("a/#", "b"), Space("c/", "d")])) == 2
    assert faults([Space("a", "b"), Space("a/c", "d")]) == [
        "a and a/c: a topic could be in both, and would cross twice"
    ]
    assert faults([Space("a", "b"), Space("c", "b/d")]) == [
        "b and b/d: a topic could be in both, and would cross twice"
    ]


def test_a_mark_is_a_user_property_of_that_name_whoever_set_it() -> None:
    assert has_crossed([("unit", "bar"), ("iot-broker-crossed", "another-site")])
    assert not has_crossed([("unit", "iot-broker-crossed")])
