"""The JSON Schema that editors use is the model's, and every data file names it."""

import json
from pathlib import Path
from typing import Any

import pytest

from model.schema import FOLDER, FORMS, form_schema, schemas, site_schema
from tests.unit.model.bad_sites import STACKS

FILES = sorted(
    file.relative_to(STACKS) for file in STACKS.rglob("*.yaml") if not file.name.startswith("Pulumi.")
)


LAYERS = {"defaults.yaml", "profiles", "phases", "sites"}


@pytest.mark.parametrize("file", schemas(), ids=lambda file: file.name)
def test_the_schema_files_are_fresh(file: Path) -> None:
    assert file.read_text() == schemas()[file], "run `python -m model.schema`"


def test_no_schema_file_is_left_over() -> None:
    assert set(FOLDER.glob("*.schema.json")) == schemas().keys()


@pytest.mark.parametrize("file", FILES, ids=str)
def test_each_data_file_names_the_schema_in_its_first_line(file: Path) -> None:
    up = "../" * (len(file.parts) - 1)
    name = "site" if file.parts[0] in LAYERS else file.stem
    first = (STACKS / file).read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={up}{name}.schema.json"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_each_data_file_says_what_it_is_for(file: Path) -> None:
    lines = (STACKS / file).read_text().splitlines()
    assert lines[1] == "#"
    assert lines[2].startswith("# ")


@pytest.mark.parametrize("schema", [site_schema(), *(form_schema(form) for form in FORMS.values())])
def test_every_key_is_described(schema: dict[str, Any]) -> None:
    for definition in [schema, *schema.get("$defs", {}).values()]:
        for name, field in definition.get("properties", {}).items():
            assert field.get("description"), name


def test_a_layer_need_not_hold_everything() -> None:
    schema = site_schema()
    required = {name: entry["required"] for name, entry in schema["$defs"].items() if "required" in entry}
    assert "required" not in schema
    assert all(keys == ["name"] for keys in required.values())
    items = {"Topic", "StreamUser", "RealmRole", "RealmGroup", "TopicRule", "Asset"}
    items |= {"AlertSeverity", "BridgedTopics", "Freeze", "NetworkZone", "Owner", "Sink", "Window"}
    items |= {"EdgeGateway", "Host", "ZoneListener"}
    assert items == set(required)


def test_what_can_be_removed_says_so() -> None:
    topic: dict[str, Any] = site_schema()["$defs"]["Topic"]
    assert topic["properties"]["remove"]["const"] is True
    assert {"type": "null"} in topic["properties"]["retention"]["anyOf"]
    assert json.dumps(site_schema())
