"""Every value of a site knows the file and line that set it, and what it overrode."""

from pathlib import Path

import pytest

from model import Stacks
from model.nodes import Mapping
from model.provenance import Explanation, explain, keys
from tests.unit.model.bad_sites import STACKS


def tree(data: Path, name: str = "eagle-ford") -> Mapping:
    found = Stacks(data).layers(name).tree
    assert found is not None
    return found


def one(data: Path, key: str, name: str = "eagle-ford") -> Explanation:
    (found,) = explain(tree(data, name), key)
    return found


def line(file: Path, text: str) -> int:
    return next(number for number, found in enumerate(file.read_text().splitlines(), 1) if text in found)


def test_a_value_is_traced_to_the_line_that_set_it() -> None:
    found = one(STACKS, "broker.memory")
    file = STACKS / "profiles" / "onshore-field.yaml"
    assert (found.value, found.origin.file, found.origin.line) == ("4GiB", file, line(file, "memory: 4GiB"))


def test_a_value_names_what_it_overrode_the_nearest_first(data: Path) -> None:
    (data / "profiles" / "onshore-field.yaml").write_text("retention: {hot: 45d}\n")
    site = data / "sites" / "eagle-ford.yaml"
    site.write_text(site.read_text() + "retention: {hot: 60d}\n")
    found = one(data, "retention.hot")
    assert found.value == "60d"
    assert [(lower.value, lower.origin.file.name) for lower in found.overrode] == [
        ("30d", "pilot.yaml"),
        ("45d", "onshore-field.yaml"),
    ]


def test_a_named_item_is_explained_key_by_key() -> None:
    found = {entry.key: entry.origin.file.name for entry in explain(tree(STACKS), "streams.topics.sparkplug")}
    assert found["streams.topics.sparkplug.share"] == "onshore-field.yaml"
    assert found["streams.topics.sparkplug.cleanup"] == "defaults.yaml"


def test_a_removal_is_explained(data: Path) -> None:
    site = data / "sites" / "north-cormorant.yaml"
    removal = "streams:\n  topics:\n    - name: events\n      remove: true\n"
    site.write_text(site.read_text().replace("streams:\n", removal, 1) + "monitoring: null\n")
    assert one(data, "streams.topics.events", "north-cormorant").removed
    assert one(data, "monitoring", "north-cormorant").removed
    assert one(data, "monitoring", "north-cormorant").overrode[0].origin.file.name == "pilot.yaml"


def test_a_list_without_names_is_one_value() -> None:
    assert one(STACKS, "scope").value == ("pad-kenedy-12", "separator-runge")
    assert one(STACKS, "scope[1]").value == "separator-runge"


def test_a_key_with_dots_is_found(data: Path) -> None:
    site = data / "sites" / "north-cormorant.yaml"
    site.write_text(site.read_text() + "monitoring:\n  labels:\n    prometheus.io/scrape: core\n")
    assert one(data, "monitoring.labels.prometheus.io/scrape", "north-cormorant").value == "core"


@pytest.mark.parametrize(
    "key", ["brokr", "broker.replicas.x", "scope[9]", "streams.topics.row", "a" * 1000, "..."]
)
def test_a_key_that_is_not_there_has_no_explanation(key: str) -> None:
    assert explain(tree(STACKS), key) == () or key == "..."


def test_every_key_of_a_site_is_explained() -> None:
    whole = tree(STACKS)
    for key in keys(whole):
        assert explain(whole, key), key
    assert all(entry.origin.line >= 1 for entry in explain(whole))
