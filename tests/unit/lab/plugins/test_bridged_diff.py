"""A bridged resource's changes are told path by path, and replace where the type says so."""

from lab.plugins import base
from lab.plugins.base import Kind
from lab.plugins.bridged import DEFAULTS, Property, ResourceType, Shape
from lab.plugins.bridged_diff import difference
from lab.plugins.values import UNKNOWN, Object

DOOR = ResourceType(
    "house:index/door:Door",
    (
        Property("name", autoname=True, replaces=True),
        Property("width", Shape.NUMBER),
        Property("wood", computed=True),
        Property("locked", Shape.FLAG, default=False),
        Property("hinges", Shape.LIST),
        Property("colours", Shape.SET),
        Property("labels", Shape.MAP),
        Property("height", same=lambda stored, wanted: stored == str(wanted).removesuffix(" cm")),
        Property("lock", Shape.BLOCK, fields=(Property("kind", replaces=True), Property("key"))),
        Property("serial", output_only=True, replaces=True),
    ),
)
STATE: Object = {
    "name": "d",
    "width": 90,
    "wood": "oak",
    "locked": False,
    "hinges": ["a", "b"],
    "colours": ["red", "blue"],
    "labels": {"x": "1"},
    "height": "200",
    "lock": {"kind": "bolt", "key": "k"},
    "serial": "1",
}
INPUTS: Object = {key: value for key, value in STATE.items() if key not in ("serial", "wood")}


def compared(changes: Object, old: Object | None = None, ignored: tuple[str, ...] = ()) -> base.Difference:
    news = {key: value for key, value in {**INPUTS, DEFAULTS: [], **changes}.items() if value is not None}
    request = base.Diff("urn:door", DOOR.token, "d", "d", news, INPUTS, {**STATE, **(old or {})}, ignored)
    return difference(DOOR, request)


def test_equal_inputs_change_nothing() -> None:
    found = compared({})
    assert found.paths == {}
    assert found.stables == ("name", "serial")


def test_a_changed_value_is_an_update() -> None:
    assert compared({"width": 80}).paths == {"width": Kind.UPDATE}


def test_a_value_no_longer_given_is_deleted() -> None:
    assert compared({"width": None}).paths == {"width": Kind.DELETE}


def test_a_value_given_for_the_first_time_is_added() -> None:
    assert compared({}, {"width": None}).paths == {"width": Kind.ADD}


def test_nothing_and_zero_mean_the_same() -> None:
    assert compared({"width": None, "hinges": None}, {"width": 0, "hinges": []}).paths == {}


def test_what_the_server_chose_is_no_change() -> None:
    assert compared({"wood": None}).paths == {}


def test_a_drifted_default_is_put_right() -> None:
    assert compared({"locked": None}, {"locked": True}).paths == {"locked": Kind.UPDATE}


def test_an_unknown_value_is_a_change() -> None:
    assert compared({"width": UNKNOWN}).paths == {"width": Kind.UPDATE}


def test_two_spellings_of_one_value_are_no_change() -> None:
    assert compared({"height": "200 cm"}).paths == {}


def test_lists_differ_by_place() -> None:
    assert compared({"hinges": ["a", "c", "d"]}).paths == {
        "hinges[1]": Kind.UPDATE,
        "hinges[2]": Kind.ADD,
    }


def test_the_order_of_a_set_means_nothing() -> None:
    assert compared({"colours": ["blue", "red"]}).paths == {}


def test_maps_differ_by_key() -> None:
    assert compared({"labels": {"a.b": "2"}}).paths == {'labels["a.b"]': Kind.ADD, "labels.x": Kind.DELETE}


def test_a_replacing_property_replaces_and_a_fixed_name_is_freed_first() -> None:
    found = compared({"lock": {"kind": "latch", "key": "k"}})
    assert found.paths == {"lock.kind": Kind.UPDATE_REPLACE}
    assert found.replaces == ["lock"]
    assert found.delete_before_replace


def test_a_new_name_needs_no_deletion_first() -> None:
    found = compared({"name": "e"})
    assert found.replaces == ["name"]
    assert not found.delete_before_replace


def test_ignored_paths_are_left_out() -> None:
    assert compared({"width": 80, "labels": {"x": "2"}}, ignored=("width", "labels")).paths == {}
