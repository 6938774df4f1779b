"""A bridged resource's state: what a preview knows, what the server says, what an import needs."""

import threading

import pytest

from lab.plugins import base
from lab.plugins.bridged import DEFAULTS, BridgedResource, Property, ResourceType, Shape
from lab.plugins.values import UNKNOWN, Object, Secret

DOOR = ResourceType(
    "house:index/door:Door",
    (
        Property("name", required=True, replaces=True),
        Property("width", Shape.NUMBER, default=90),
        Property("wood", computed=True),
        Property("hinges", Shape.LIST),
        Property("colours", Shape.SET, wire_name="colour"),
        Property("code", secret=True),
        Property("lock", Shape.BLOCK, computed=True, fields=(Property("keys", Shape.LIST),)),
        Property("serial", output_only=True),
    ),
    schema_version=1,
)


class House:
    """A server with at most one door."""

    def __init__(self, door: Object | None = None) -> None:
        self.door = door
        self.asked: list[str] = []

    def create(self, planned: Object) -> tuple[str, Object]:
        self.asked.append("create")
        self.door = {**planned, "serial": "7", "wood": "oak", "hinges": [], "lock": {"keys": ["k"]}}
        return planned["name"], self.door

    def read(self, identity: str, state: Object) -> Object | None:
        del identity, state
        return self.door

    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        del identity, prior
        self.asked.append("update")
        self.door = {**(self.door or {}), **planned}
        return self.door

    def delete(self, identity: str, state: Object) -> None:
        del identity, state
        self.door = None


INPUTS: Object = {DEFAULTS: ["width"], "name": "d", "width": 90, "colours": ["red", "blue"], "code": "1234"}


@pytest.fixture
def context() -> base.Context:
    """A handler's way to talk back, into the void."""
    return base.Context("urn:door", threading.Event(), lambda *_: None)


def created(house: House, context: base.Context, preview: bool = False) -> base.Created:
    request = base.Create("urn:door", DOOR.token, "d", INPUTS, preview)
    return BridgedResource(DOOR, house).create(request, context)


def read(house: House, context: base.Context, inputs: Object, outputs: Object) -> base.Found | None:
    request = base.Read("urn:door", DOOR.token, "d", "d", inputs, outputs)
    return BridgedResource(DOOR, house).read(request, context)


def test_a_preview_asks_no_server_and_knows_what_is_given(context: base.Context) -> None:
    house = House()
    outputs = created(house, context, preview=True).outputs
    assert house.asked == []
    assert outputs == {
        "id": UNKNOWN,
        "name": "d",
        "width": 90,
        "wood": UNKNOWN,
        "hinges": None,
        "colours": ["blue", "red"],
        "code": Secret("1234"),
        "lock": UNKNOWN,
        "serial": UNKNOWN,
    }


def test_a_creation_keeps_what_the_server_says(context: base.Context) -> None:
    outputs = created(House(), context).outputs
    assert (outputs["id"], outputs["serial"], outputs["wood"]) == ("d", "7", "oak")


def test_a_list_that_was_not_given_and_is_empty_stays_none(context: base.Context) -> None:
    assert created(House(), context).outputs["hinges"] is None


def test_the_state_can_be_turned_back_into_terraforms(context: base.Context) -> None:
    outputs = created(House(), context).outputs
    assert outputs["__meta"] == '{"schema_version":"1"}'
    assert outputs["__pulumi_raw_state_delta"] == {
        "obj": {
            "ps": {
                "colours": {"arr": {}},
                "lock": {"plu": {"i": {"obj": {"ps": {"keys": {"arr": {}}}}}}},
            },
            "renamed": {"colours": "colour"},
        }
    }


def test_a_refresh_finds_an_edited_value_in_inputs_and_outputs(context: base.Context) -> None:
    house = House()
    outputs = created(house, context).outputs
    house.door = {**(house.door or {}), "width": 70}
    found = read(house, context, INPUTS, outputs)
    assert found is not None
    assert (found.inputs["width"], found.outputs["width"]) == (70, 70)


def test_a_set_is_kept_in_one_order(context: base.Context) -> None:
    house = House()
    outputs = created(house, context).outputs
    house.door = {**(house.door or {}), "colours": ["red", "blue"]}
    found = read(house, context, INPUTS, outputs)
    assert found is not None
    assert found.outputs["colours"] == outputs["colours"] == ["blue", "red"]


def test_a_refresh_finds_that_it_is_gone(context: base.Context) -> None:
    assert read(House(None), context, INPUTS, {"name": "d"}) is None


def test_an_import_gives_the_inputs_that_a_program_needs(context: base.Context) -> None:
    house = House({"name": "d", "width": 90, "wood": "oak", "hinges": [], "serial": "7", "code": "1234"})
    found = read(house, context, {}, {})
    assert found is not None
    assert found.inputs == {DEFAULTS: ["width"], "name": "d", "width": 90, "code": Secret("1234")}


def test_the_preview_of_an_update_keeps_what_the_server_chose(context: base.Context) -> None:
    house = House()
    outputs = created(house, context).outputs
    request = base.Update("urn:door", DOOR.token, "d", "d", {**INPUTS, "width": 80}, INPUTS, outputs, True)
    planned = BridgedResource(DOOR, house).update(request, context)
    assert house.asked == ["create"]
    assert (planned["width"], planned["wood"], planned["serial"]) == (80, "oak", "7")
