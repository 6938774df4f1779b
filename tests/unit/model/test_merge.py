"""The laws of merging, by example and for any trees."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as any_

from model.merge import merge, settle
from model.nodes import Mapping, Node, Origin, Plain, Scalar, Sequence, plain

HERE = Origin(Path("here.yaml"), 1)


def tree(data: object) -> Node:
    """Make a tree of plain data."""
    if isinstance(data, dict):
        return Mapping(HERE, {key: tree(value) for key, value in data.items()})
    if isinstance(data, list):
        return Sequence(HERE, tuple(tree(item) for item in data))
    assert data is None or isinstance(data, str | int)
    return Scalar(HERE, data, str(data))


def layer(text: str) -> Mapping:
    made = tree(yaml.safe_load(text))
    assert isinstance(made, Mapping)
    return made


def settled(node: Node) -> Plain:
    assert isinstance(node, Mapping)
    return plain(settle(node))


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        ("a: {x: 1, y: 2}", "a: {y: 3}", "a: {x: 1, y: 3}"),
        ("a: [1, 2]", "a: [3]", "a: [3]"),
        ("a: [1, 2]", "a: []", "a: []"),
        ("a: 1", "a: null", "{}"),
        ("a: {x: 1}", "a: {x: null}", "a: {}"),
        ("a: {x: 1}", "a: 1", "a: 1"),
        ("a: 1", "a: {x: 1}", "a: {x: 1}"),
        ("a: [{name: p, v: 1}, {name: q}]", "a: [{name: q, v: 2}]", "a: [{name: p, v: 1}, {name: q, v: 2}]"),
        ("a: [{name: p}]", "a: [{name: q}]", "a: [{name: p}, {name: q}]"),
        ("a: [{name: p}, {name: q}]", "a: [{name: p, remove: true}]", "a: [{name: q}]"),
        ("a: [{name: p}]", "a: [1]", "a: [1]"),
        ("a: [{name: p}]", "a: []", "a: []"),
        ("a: [{name: p, l: [1]}]", "a: [{name: p, l: [2]}]", "a: [{name: p, l: [2]}]"),
    ],
)
def test_layers_merge_by_the_written_law(lower: str, upper: str, expected: str) -> None:
    assert settled(merge(layer(lower), layer(upper))) == settled(layer(expected))


def test_what_was_removed_comes_back_from_nothing() -> None:
    removed = merge(layer("a: {x: 1}"), layer("a: null"))
    assert settled(merge(removed, layer("a: {y: 2}"))) == {"a": {"y": 2}}


def test_a_removed_item_comes_back_from_nothing() -> None:
    removed = merge(layer("a: [{name: p, v: 1}]"), layer("a: [{name: p, remove: true}]"))
    assert settled(merge(removed, layer("a: [{name: p, w: 2}]"))) == {"a": ({"name": "p", "w": 2},)}


def test_a_value_remembers_all_that_it_overrode_the_nearest_first() -> None:
    merged = merge(merge(layer("a: 1"), layer("a: 2")), layer("a: 3"))
    assert isinstance(merged, Mapping)
    assert [plain(node) for node in merged.entries["a"].overrode] == [2, 1]


values = any_.none() | any_.integers(0, 3) | any_.sampled_from(["x", "y"])
keys = any_.sampled_from(["a", "b", "c"])
items = any_.dictionaries(keys, values, max_size=2)
named = any_.lists(
    any_.tuples(any_.sampled_from(["p", "q", "r"]), items, any_.booleans()),
    max_size=3,
    unique_by=lambda item: item[0],
).map(lambda found: [{"name": n, **rest, **({"remove": True} if gone else {})} for n, rest, gone in found])
data = any_.recursive(
    values | any_.lists(values, max_size=2) | named, lambda inner: any_.dictionaries(keys, inner, max_size=3)
)
layers = any_.dictionaries(keys, data, max_size=3).map(tree)


@given(layers, layers, layers)
def test_merging_is_associative(first: Node, second: Node, third: Node) -> None:
    assert settled(merge(merge(first, second), third)) == settled(merge(first, merge(second, third)))


@given(layers)
def test_merging_is_idempotent(one: Node) -> None:
    assert settled(merge(one, one)) == settled(one)


@given(layers)
def test_an_empty_layer_changes_nothing(one: Node) -> None:
    nothing = Mapping(HERE, {})
    assert settled(merge(one, nothing)) == settled(merge(nothing, one)) == settled(one)


@given(layers, layers)
def test_merging_leaves_the_layers_as_they_are(first: Node, second: Node) -> None:
    before = plain(first), plain(second)
    merge(first, second)
    assert (plain(first), plain(second)) == before
