"""What crosses the bridge to the incumbent crosses once: the rules' own conditions and mappings, word for word."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import emqx_incumbent
from model import Site, load_site
from model.incumbent_bridge import (
    INWARD_RULE,
    NOT_BROUGHT_IN,
    NOT_CROSSED_BEFORE,
    Crossing,
    crossings,
    marked,
    overlapping,
)
from tests.support import rule_sql
from tests.support.variants import STACKS, variants

FIELD = load_site(STACKS, "eagle-ford")
LEVEL = st.text(st.sampled_from("abAB-._01"), min_size=1, max_size=3)
SPACES = st.lists(LEVEL, min_size=1, max_size=3).map("/".join)
TOPICS = st.lists(LEVEL | st.just(""), min_size=1, max_size=5).map("/".join)


@st.composite
def one_to_one(draw: st.DrawFn) -> tuple[Crossing, ...]:
    """Spaces as the model takes them: none overlaps another on either side."""
    found: list[Crossing] = []
    for crossing in draw(st.lists(st.builds(Crossing, SPACES, SPACES), min_size=1, max_size=4)):
        if not any(
            overlapping(crossing.theirs, other.theirs) or overlapping(crossing.ours, other.ours)
            for other in found
        ):
            found.append(crossing)
    return tuple(found)


@dataclass(frozen=True)
class Message:
    """A message as a rule sees it."""

    topic: str
    clientid: str | None = "a-device"
    pub_props: dict[str, Any] = field(default_factory=dict)


def evaluated(expression: str, message: Message) -> Any:
    """What an expression of rule SQL gives for a message."""
    return rule_sql.evaluated(expression, asdict(message))


def brought_in(crossing: Crossing, message: Message) -> Message | None:
    """What a node with the inward bridge publishes here for a message of the incumbent's."""
    if not f"{message.topic}/".startswith(f"{crossing.theirs}/"):
        return None
    if not evaluated(NOT_CROSSED_BEFORE, message):
        return None
    return Message(evaluated(crossing.inward_sql, message), clientid=f"{INWARD_RULE}_space_1")


def sent_out(crossing: Crossing, message: Message) -> Message | None:
    """What a node with the outward bridge publishes at the incumbent for a message of ours."""
    if not f"{message.topic}/".startswith(f"{crossing.ours}/") or not evaluated(NOT_BROUGHT_IN, message):
        return None
    topic = evaluated(crossing.outward_sql, message)
    return Message(topic, clientid="eagle-ford-bridge", pub_props=evaluated(marked(FIELD), message))


@given(one_to_one(), TOPICS)
def test_a_topic_crosses_by_one_space_at_most_and_comes_back_to_its_own_name(
    spaces: tuple[Crossing, ...], topic: str
) -> None:
    inward = [moved for crossing in spaces if (moved := crossing.inward(topic)) is not None]
    assert len(inward) <= 1
    for moved in inward:
        assert [back for crossing in spaces if (back := crossing.outward(moved)) is not None] == [topic]


@given(one_to_one(), TOPICS, TOPICS)
def test_no_two_topics_become_one(spaces: tuple[Crossing, ...], one: str, other: str) -> None:
    for crossing in spaces:
        moved = crossing.inward(one)
        if moved is not None and moved == crossing.inward(other):
            assert one == other


@given(one_to_one(), TOPICS)
def test_the_broker_moves_a_topic_as_the_model_says(spaces: tuple[Crossing, ...], topic: str) -> None:
    for crossing in spaces:
        if (inward := crossing.inward(topic)) is not None:
            assert evaluated(crossing.inward_sql, Message(topic)) == inward
        if (outward := crossing.outward(topic)) is not None:
            assert evaluated(crossing.outward_sql, Message(topic)) == outward


@given(one_to_one(), st.lists(LEVEL, max_size=3), st.dictionaries(LEVEL, LEVEL, max_size=2))
def test_a_message_that_crossed_once_never_comes_back_even_where_nodes_have_both_bridges(
    spaces: tuple[Crossing, ...], rest: list[str], properties: dict[str, str]
) -> None:
    for crossing in spaces:
        ours = Message("/".join([crossing.ours, *rest]), pub_props={"User-Property": properties})
        out = sent_out(crossing, ours)
        assert out is not None
        # The sender's own properties cross with it.
        assert properties.items() <= out.pub_props["User-Property"].items()
        assert [brought_in(other, out) for other in spaces] == [None] * len(spaces)
        theirs = Message("/".join([crossing.theirs, *rest]), pub_props={"User-Property": properties})
        came = brought_in(crossing, theirs)
        assert came is not None
        assert [sent_out(other, came) for other in spaces] == [None] * len(spaces)


COMMANDED = (
    "eagle-ford/pump/command",
    "eagle-ford/pump/command/stop",
    "spBv1.0/eagle-ford/NCMD/node",
    "spBv1.0/eagle-ford/DCMD/node/pump",
)
# What only looks like one.
SAID = (
    "eagle-ford/pump/commands",
    "eagle-ford/pump/flow",
    "spBv1.0/eagle-ford/NDATA/NCMD-1",
    "eagle-ford/x\ncommand",
)


def held(crossing: Crossing, topic: str) -> bool:
    """Whether the rule's own condition lets a topic cross."""
    return crossing.condition_sql is None or bool(evaluated(crossing.condition_sql, Message(topic)))


@pytest.mark.parametrize("topic", COMMANDED)
def test_a_command_crosses_in_neither_direction_unless_the_site_names_its_space(topic: str) -> None:
    """What a client says to devices at one broker moves none at the other."""
    for crossing in crossings(FIELD):
        assert crossing.inward(topic) is None
        assert crossing.outward(topic) is None
        assert not held(crossing, topic)
        named = replace(crossing, commands=True)
        assert held(named, topic)
        assert (named.inward(topic) is None) is not f"{topic}/".startswith(f"{named.theirs}/")


@pytest.mark.parametrize("topic", SAID)
def test_what_is_no_command_crosses(topic: str) -> None:
    assert any(crossing.inward(topic) == topic and held(crossing, topic) for crossing in crossings(FIELD))


@given(
    st.lists(st.sampled_from(["a", "command", "NCMD", "DCMD", "", "command2", "\n"]), min_size=1).map(
        "/".join
    )
)
def test_the_rule_knows_commands_as_the_model_does(topic: str) -> None:
    space = Crossing("a", "a")
    inside = f"{topic}/".startswith("a/")
    assert (space.inward(topic) is not None) == (inside and held(space, topic))


@pytest.mark.parametrize("phase", ["parallel", "cutover"])
def test_every_rule_of_the_bridge_keeps_commands_back(phase: str, tmp_path: Path) -> None:
    for site in variants(tmp_path, phase, "opensource"):
        for rule in emqx_incumbent.rules(site).values():
            condition = rule_sql.statement(rule.sql).condition
            for topic in (f"{site.name}/pump/command/stop", f"spBv1.0/{site.name}/NCMD/node"):
                assert not evaluated(condition, Message(topic))
            assert evaluated(condition, Message(f"{site.name}/pump/flow"))


def test_a_message_without_properties_or_client_crosses() -> None:
    (crossing, *_) = crossings(FIELD)
    bare = Message("eagle-ford/pump/flow", clientid=None)
    assert sent_out(crossing, bare) is not None
    assert brought_in(crossing, replace(bare, clientid="x")) is not None


def test_by_itself_all_that_devices_and_edge_nodes_say_crosses_under_the_same_name() -> None:
    spaces = crossings(FIELD)
    assert {(space.theirs, space.ours) for space in spaces} == {
        ("eagle-ford", "eagle-ford"),
        ("spBv1.0/eagle-ford", "spBv1.0/eagle-ford"),
    }


@pytest.mark.parametrize("name", ["eagle-ford", "north-cormorant", "baytown"])
def test_nothing_of_the_ot_mirror_crosses(name: str) -> None:
    site: Site = load_site(STACKS, name)
    for crossing in crossings(site):
        assert crossing.inward(f"ot/{name}/separator/pressure") is None
        assert crossing.outward(f"ot/{name}/separator/pressure") is None
