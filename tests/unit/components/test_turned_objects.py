"""The turns that the lab's test makes by hand reach every field that the kit states in Kubernetes."""

from collections.abc import Sequence
from typing import Any

from components.recording import Composition
from tests.support.other_values import other_values
from tests.support.turned_objects import Stated, rendered, stated, turns
from tests.support.turns import Path, Turn, chosen, named


def test_every_field_of_every_object_is_turned(composition: Composition) -> None:
    for made in composition.manifests:
        found = list(turns(Stated(made.inputs["kind"], None, made.name, made.inputs), made.inputs))
        # A topic of one partition cannot be asked for fewer.
        reached = {turn.path for turn in found} | {("spec", "partitions")}
        assert [path for path in _leaves(made.inputs) if not _within(path, reached)] == []


def test_entries_of_lists_and_maps_go_and_come() -> None:
    said = {"rules": [{"a": "x"}, {"a": "y"}], "words": ["x"], "labels": {"one": "1", "two": "2"}, "data": {}}
    found = list(turns(Stated("Thing", None, "x", said), {**said, "metadata": {}}))
    assert [(turn.operation, named(turn.path)) for turn in found] == [
        ("replace", "rules.*.a"),
        ("remove", "rules.*"),
        ("replace", "words.*"),
        ("add", "words.*"),
        ("replace", "labels.one"),
        ("remove", "labels.two"),
        ("add", "labels.turned-by-hand"),
    ]
    assert [named(turn.path) for turn in found[5].instead] == ["labels.two"]


def test_what_tells_an_entry_from_another_is_left_and_differs_in_a_new_one() -> None:
    live: dict[str, Any] = {
        "metadata": {
            "managedFields": [
                {"fieldsV1": {"f:spec": {"f:ports": {'k:{"port":1}': {"f:port": {}, "f:name": {}}}}}}
            ]
        },
        "spec": {"ports": [{"port": 1, "name": "one"}], "free": [{"port": 1}], "other": 5},
    }
    one = Stated("Service", None, "x", {"spec": {"ports": [{"port": 1, "name": "n"}], "free": [{"port": 2}]}})
    found = {(turn.operation, named(turn.path)): turn for turn in turns(one, live)}
    assert list(found) == [
        ("replace", "spec.ports.*.name"),
        ("add", "spec.ports.*"),
        ("replace", "spec.free.*.port"),
        ("add", "spec.free.*"),
    ]
    assert found["add", "spec.ports.*"].values[0] == {"port": 2, "name": "one"}
    assert found["add", "spec.free.*"].values == ({"port": 1},)


def test_what_the_program_leaves_to_others_is_not_turned() -> None:
    said = {"spec": {"replicas": 3, "x": 1}}
    found = turns(
        Stated("KafkaBridge", None, "x", said, frozenset({"spec.replicas"})), {**said, "metadata": {}}
    )
    assert [named(turn.path) for turn in found] == ["spec.x"]


def test_a_topic_is_asked_for_fewer_partitions_alone() -> None:
    def values(partitions: int) -> list[tuple[Any, ...]]:
        said = {"spec": {"partitions": partitions}}
        return [
            turn.values for turn in turns(Stated("KafkaTopic", None, "x", said), {**said, "metadata": {}})
        ]

    assert (values(6), values(1)) == ([(5,)], [])


def test_a_secret_is_read_and_expected_as_the_server_has_it() -> None:
    said = {"data": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}, "type": "x"}
    live = {"data": {"password": "eA=="}, "type": "y", "more": 1}
    assert stated(said, live) == {"data": {"password": "eA=="}, "type": "y"}
    assert rendered(Stated("Secret", None, "x", said), live) == {"data": {"password": "eA=="}, "type": "x"}


def test_what_a_hand_added_is_read() -> None:
    said = {"labels": {"one": "1"}, "rules": [1]}
    live = {"labels": {"one": "1", "turned-by-hand": "x", "by-a-controller": "y"}, "rules": [1, 2]}
    assert stated(said, live) == {"labels": {"one": "1", "turned-by-hand": "x"}, "rules": [1, 2]}


def test_other_values_are_of_the_same_kind() -> None:
    assert list(other_values(True)) == [False]
    assert list(other_values(3)) == [4, 2]
    assert next(other_values("720h0m0s")) == "721h0m0s"
    assert next(other_values("128Mi")) == "129Mi"
    assert next(other_values("10.41.8.21/32")) == "0.0.0.0/0"
    assert next(other_values("restricted")) == "privileged"


def test_as_many_as_the_server_takes_are_chosen() -> None:
    instead = Turn("replace", ("spec", "h", 1), ("other",))
    wanted = [
        Turn("remove", ("spec", "h", 1), instead=(instead,)),
        Turn("remove", ("spec", "i", 1)),
        *(Turn("replace", ("spec", name), (f"{name}-turned", "turned")) for name in "abcdefg"),
    ]

    def agrees(edits: Sequence[tuple[Turn, int]]) -> bool:
        values = {named(turn.path): (turn.operation, turn.values[number]) for turn, number in edits}
        # `c` takes the second value alone, `e` none, `f` goes with no other `g`, and no entry of `h` goes.
        together = {"spec.f", "spec.g"} <= values.keys()
        refused = ("replace", "c-turned"), ("remove", None)
        return not (
            values.get("spec.c") == refused[0]
            or "spec.e" in values
            or together
            or values.get("spec.h.*") == refused[1]
        )

    edits, stuck = chosen(wanted, agrees)
    assert [(turn.operation, named(turn.path), turn.values[number]) for turn, number in edits] == [
        ("replace", "spec.a", "a-turned"),
        ("replace", "spec.b", "b-turned"),
        ("replace", "spec.d", "d-turned"),
        ("replace", "spec.f", "f-turned"),
        ("replace", "spec.c", "turned"),
        ("replace", "spec.h.*", "other"),
        ("remove", "spec.i.*", None),
    ]
    assert [named(turn.path) for turn in stuck] == ["spec.e", "spec.g"]


def _within(path: Path, reached: set[Path]) -> bool:
    return any(path[:length] in reached for length in range(1, len(path) + 1))


def _leaves(value: Any, path: Path = ()) -> list[Path]:
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in _leaves(inner, (*path, name))]
    if isinstance(value, list):
        return [leaf for place, inner in enumerate(value) for leaf in _leaves(inner, (*path, place))]
    return [path]
