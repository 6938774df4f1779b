"""Generates the JSON Schemas of the data files from the model: `python -m model.schema` writes them.

A layer of a site holds a part of a site, so nothing is required but the name of a named item; anything may be `null`,
which removes it, and a named item may say `remove: true`.
"""

import json
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from model import contracts
from model.base import Part
from model.promotion.record import Approvals, Approvers, Record
from model.promotion.reports import REPORTS
from model.promotion.review import Waves
from model.promotion.signers import Signers
from model.site import Site

FOLDER = Path(__file__).resolve().parent.parent / "stacks"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
FORMS: dict[str, type[Part]] = {
    "promotion": Record,
    "approvals": Approvals,
    "approvers": Approvers,
    "signers": Signers,
    "waves": Waves,
    **contracts.FORMS,
    **{f"{name}-report": form for name, form in REPORTS.items()},
}
"""The form of each data file that is no layer of a site, by the name of its schema."""


def schemas() -> dict[Path, str]:
    """Return the text of every schema file."""
    found = {"site": site_schema()} | {name: form_schema(form) for name, form in FORMS.items()}
    return {
        FOLDER / f"{name}.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in found.items()
    }


def form_schema(form: type[Part]) -> dict[str, Any]:
    """Return the JSON Schema of a data file that stands for itself."""
    schema = form.model_json_schema(ref_template="#/$defs/{model}")
    for definition in (schema, *schema.get("$defs", {}).values()):
        for name, field in definition.get("properties", {}).items():
            for noise in ("title", "default"):
                field.pop(noise, None)
            if "anyOf" in field:
                kept = [choice for choice in field["anyOf"] if choice != {"type": "null"}]
                rest = {key: value for key, value in field.items() if key != "anyOf"}
                definition["properties"][name] = rest | (kept[0] if len(kept) == 1 else {"anyOf": kept})
    title = str(schema.pop("description")).partition("\n")[0]
    return {
        "$schema": DIALECT,
        "title": title,
        **{key: value for key, value in schema.items() if key != "title"},
    }


def site_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of every layer of a site."""
    schema = Site.model_json_schema(ref_template="#/$defs/{model}")
    definitions: dict[str, Any] = schema.pop("$defs")
    named = _named_items([schema, *definitions.values()])
    for name, definition in definitions.items():
        _as_layer(definition, removable=name in named)
    _as_layer(schema, removable=False)
    return {
        "$schema": DIALECT,
        "title": "A layer of a site: defaults, a profile, a phase, or a site's own file",
        **{key: value for key, value in schema.items() if key != "title"},
        "$defs": definitions,
    }


def description(key: str, items: Collection[str]) -> str | None:
    """Say what a key of a site is that may be set; None when there is no such key.

    `key` is dotted, as in `streams.topics.raw.share`; of the things in a list only those are known that `items` names,
    by their own dotted keys.
    """
    schema = site_schema()
    place: dict[str, Any] = schema
    steps = key.split(".")
    while steps:
        if "items" in place:
            if ".".join(key.split(".")[: -len(steps)] + steps[:1]) not in items:
                return None
            place = _resolved(place["items"], schema)
            steps.pop(0)
            continue
        found = place.get("properties", {}).get(steps.pop(0))
        if found is None:
            return None
        place = _resolved(found, schema)
    return str(place["description"]) if "description" in place else None


def paths() -> Iterator[str]:
    """Yield every dotted key of a site that is in no list, set or not."""
    schema = site_schema()

    def below(place: dict[str, Any], above: str) -> Iterator[str]:
        for name, field in place.get("properties", {}).items():
            yield f"{above}{name}"
            yield from below(_resolved(field, schema), f"{above}{name}.")

    return below(schema, "")


def _resolved(field: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a field with the keys of the map that it stands for, and its own description."""
    for choice in field.get("anyOf", (field,)):
        if "$ref" in choice:
            part: dict[str, Any] = schema["$defs"][choice["$ref"].rsplit("/", 1)[-1]]
            return part | field
        if "items" in choice:
            return {**choice, **field}
    return field


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
    """Write the schemas beside the data."""
    for file, text in schemas().items():
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {file.name}\n")


if __name__ == "__main__":
    main()
