"""Inputs of a bridged resource are completed and every mistake is told at once, in the official words."""

from lab.plugins import base
from lab.plugins.bridged import DEFAULTS, Property, ResourceType, Shape
from lab.plugins.bridged_check import check_inputs
from lab.plugins.values import UNKNOWN, Object, Secret

DOOR = ResourceType(
    "house:index/door:Door",
    (
        Property("name", autoname=True, replaces=True),
        Property("houseName", required=True),
        Property("width", Shape.NUMBER, default=90),
        Property("locked", Shape.FLAG, default=False),
        Property("material", one_of=("oak", "steel")),
        Property("code", secret=True),
        Property("owner", deprecated="doors have no owners"),
        Property("serial", output_only=True),
        Property("alarm", not_covered="there is no alarm here"),
        Property(
            "lock",
            Shape.BLOCK,
            fields=(Property("kind", required=True), Property("keys", Shape.NUMBER, default=2)),
        ),
    ),
)


def checked(news: Object, olds: Object | None = None, warnings: list[str] | None = None) -> base.Checked:
    request = base.Check("urn:door", DOOR.token, "front", news, olds or {}, b"seed")
    return check_inputs(DOOR, request, (warnings if warnings is not None else []).append)


def reasons(news: Object) -> list[str]:
    return [failure.reason for failure in checked({"houseName": "a", **news}).failures]


def test_a_default_is_filled_in_and_listed() -> None:
    inputs = checked({"name": "d", "houseName": "a"}).inputs
    assert inputs == {DEFAULTS: ["width"], "name": "d", "houseName": "a", "width": 90}


def test_a_default_that_means_nothing_is_not_an_input() -> None:
    assert "locked" not in checked({"houseName": "a"}).inputs


def test_a_nested_block_has_its_own_defaults() -> None:
    inputs = checked({"houseName": "a", "lock": {"kind": "bolt"}}).inputs
    assert inputs["lock"] == {DEFAULTS: ["keys"], "kind": "bolt", "keys": 2}


def test_a_name_is_made_up_once_and_kept() -> None:
    first = checked({"houseName": "a"}).inputs
    again = checked({"houseName": "b"}, first).inputs
    assert first["name"].startswith("front-")
    assert again["name"] == first["name"]
    assert again[DEFAULTS] == ["name", "width"]


def test_a_secret_property_is_marked() -> None:
    assert checked({"houseName": "a", "code": "1234"}).inputs["code"] == Secret("1234")


def test_numbers_and_flags_may_come_as_text() -> None:
    inputs = checked({"houseName": 7, "width": "80", "locked": "true"}).inputs
    assert (inputs["houseName"], inputs["width"], inputs["locked"]) == ("7", 80, True)


def test_what_is_not_known_yet_is_no_mistake() -> None:
    assert reasons({"houseName": UNKNOWN, "width": UNKNOWN, "material": UNKNOWN}) == []


def test_a_missing_required_property_is_told_by_both_its_names() -> None:
    assert [failure.reason for failure in checked({}).failures] == [
        'Missing required argument. The argument "house_name" is required, but no definition was found.. '
        "Examine values at 'front.houseName'."
    ]


def test_an_unknown_property_is_told() -> None:
    assert reasons({"colour": "red"}) == ["Invalid or unknown key. Examine values at 'front.colour'."]


def test_an_unknown_property_of_a_block_is_told_with_its_path() -> None:
    assert reasons({"lock": {"kind": "bolt", "size": 1}}) == [
        "Invalid or unknown key. Examine values at 'front.lock.size'."
    ]


def test_a_value_out_of_its_choices_is_told_with_the_choices() -> None:
    assert reasons({"material": "paper"}) == [
        'expected material to be one of ["oak" "steel"], got paper. Examine values at \'front.material\'.'
    ]


def test_a_wrong_type_is_told() -> None:
    assert reasons({"width": "wide"}) == [
        'Incorrect attribute value type. Inappropriate value for attribute "width": number required. '
        "Examine values at 'front.width'."
    ]


def test_an_output_cannot_be_given() -> None:
    assert reasons({"serial": "1"})[0].startswith("Value for unconfigurable attribute.")


def test_what_the_stand_in_does_not_cover_is_refused_with_the_reason() -> None:
    assert reasons({"alarm": "loud"}) == [
        "The lab's stand-in plugin does not cover alarm: there is no alarm here. "
        "Examine values at 'front.alarm'."
    ]


def test_a_deprecated_property_warns() -> None:
    warnings: list[str] = []
    checked({"houseName": "a", "owner": "me"}, warnings=warnings)
    assert warnings == ["owner verification warning: doors have no owners"]


def test_all_mistakes_are_told_at_once() -> None:
    assert len(checked({"colour": "red", "material": "paper"}).failures) == 3
