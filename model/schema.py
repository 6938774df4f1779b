"""Generates the JSON Schema of the data files from the model: `python -m model.schema` writes it.

A data file holds a part of a site, so nothing is required but the name of a named item; anything may be `null`,
which removes it, and a named item may say `remove: true`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from model.site import Site

SCHEMA_FILE = Path(__file__).resolve().parent.parent / "stacks" / "site.schema.json"


def site_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of every file under `stacks/`."""
    schema = Site.model_json_schema(ref_template="#/$defs/{model}")
    definitions: dict[str, Any] = schema.pop("$defs")
    named = _named_items([schema, *definitions.values()])
    for name, definition in definitions.items():
        _as_layer(definition, removable=name in named)
    _as_layer(schema, removable=False)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A layer of a site: defaults, a profile, a phase, or a site's own file",
        **{key: value for key, value in schema.items() if key != "title"},
        "$defs": definitions,
    }


def written_schema() -> str:
    """Return the schema as the file's text."""
    return json.dumps(site_schema(), indent=2, ensure_ascii=False) + "\n"


def _named_items(definitions: list[dict[str, Any]]) -> set[str]:
    items = [
        field.get("items", {}) for entry in definitions for field in entry.get("properties", {}).values()
    ]
    return {item["$ref"].rsplit("/", 1)[-1] for item in items if "$ref" in item}


def _as_layer(definition: dict[str, Any], *, removable: bool) -> None:
    definition.pop("required", None)
    for name, field in definition.get("properties", {}).items():
        _simplify(field)
        definition["properties"][name] = field if name == "name" else _nullable(field)
    if removable and "name" in definition.get("properties", {}):
        definition["required"] = ["name"]
        remove = {"const": True, "description": "Removes the item of this name that a lower layer has set."}
        definition["properties"]["remove"] = remove


def _simplify(field: dict[str, Any]) -> None:
    for noise in ("title", "default", "minItems"):
        field.pop(noise, None)


def _nullable(field: dict[str, Any]) -> dict[str, Any]:
    description = {"description": field.pop("description")} if "description" in field else {}
    choices = field.pop("anyOf", None) or field.pop("oneOf", None) or [field]
    kept = [choice for choice in choices if choice != {"type": "null"}]
    return {**description, "anyOf": [*kept, {"type": "null"}]}


def main() -> None:
    """Write the schema beside the data."""
    SCHEMA_FILE.write_text(written_schema(), encoding="utf-8")
    sys.stdout.write(f"wrote {SCHEMA_FILE.name}\n")


if __name__ == "__main__":
    main()
