"""What is not YAML, or flat where it should be nested, is reported where it is mended, in a form that can be pasted."""

from pathlib import Path

import pytest

from model import Stacks
from model.document import read_document
from model.nodes import Mapping

UNCLOSED = {
    'a: 1\nb: "abc\nc: 2\nd: 3\n': 2,
    'a: 1\nb: "abc\n\n\nc: "x"\nd: 3\n': 2,
    "a: 1\nb: 'abc\nc: 'x'\n": 2,
    'a: ["x, y]\nb: "q"\n': 1,
    '"ab: 1\nc: 2\n': 1,
    'x: 1\nl:\n  - "a\n  - "b"\n': 3,
    "a: 1\nb: [1,\n 2\nc: 3\n": 2,
    "a: {x: 1\nb: 3\n": 1,
    "a: 1\nb: {c: [1, 2}\nd: 1\n": 2,
    "a: 1\nb: [\n": 2,
}


@pytest.mark.parametrize("text", UNCLOSED)
def test_what_is_not_closed_is_reported_where_it_opens(text: str) -> None:
    (error,) = read_document(Path("site.yaml"), text.encode()).errors
    assert error.line == UNCLOSED[text]
    assert "here that is" in error.problem
    assert error.remedy.startswith("close ")


def test_another_mistake_in_yaml_is_reported_where_it_is() -> None:
    text = 'a: "on two\n  lines"\nb: [1, 2]\nc: d: e\n'
    (error,) = read_document(Path("site.yaml"), text.encode()).errors
    assert (error.line, "mapping values" in error.problem) == (4, True)


FLAT = {
    "broker.replicas: 5": ("broker", "broker: {replicas: 5}"),
    "broker.storage.size: 30GiB": ("broker", "broker: {storage: {size: 30GiB}}"),
    'broker.storage.approved: "12"': ("broker", 'broker: {storage: {approved: "12"}}'),
    "streams.topics.raw.share: 2": ("streams", "streams: {topics: [{name: raw, share: 2}]}"),
    "retention.cold: {store: iceberg}": ("retention", "retention: {cold: …}"),
}


@pytest.mark.parametrize("line", FLAT)
def test_a_flat_key_is_given_back_nested(data: Path, line: str) -> None:
    file = data / "sites" / "eagle-ford.yaml"
    file.write_text(file.read_text() + line + "\n")
    (error,) = Stacks(data).layers("eagle-ford").errors
    first, nested = FLAT[line]
    assert error.remedy == f"write it nested: `{nested}`, or add to the `{first}:` that is there"
    # The form that is shown can be pasted: YAML reads it.
    assert isinstance(read_document(file, nested.encode()).root, Mapping)


def test_a_flat_key_below_another_is_given_back_nested(data: Path) -> None:
    file = data / "sites" / "eagle-ford.yaml"
    file.write_text(file.read_text().replace("\nbroker:\n", "\nbroker:\n  image.tag: x\n"))
    (error,) = Stacks(data).layers("eagle-ford").errors
    assert "`image: {tag: x}`" in error.remedy


def test_a_key_with_a_dot_that_is_none_gets_the_known_ones(data: Path) -> None:
    file = data / "sites" / "eagle-ford.yaml"
    file.write_text(file.read_text() + "colour.green: 1\n")
    (error,) = Stacks(data).layers("eagle-ford").errors
    assert error.remedy.startswith("known: `assets`")
