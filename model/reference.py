"""Generates `docs/reference/site.md` from the model: `python -m model.reference` writes it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.base import PATTERN_MEANINGS
from model.schema import site_schema

REFERENCE_FILE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "site.md"
HEAD = """<!-- Written by `python -m model.reference`; edit the model's descriptions instead. -->
# What a site file can say

A site is the merge of `stacks/defaults.yaml`, `stacks/profiles/<kind>.yaml`, `stacks/phases/<phase>.yaml` and
`stacks/sites/<site>.yaml`, in that order. Each may say any of this, but for what belongs to one of them alone.

- Maps merge, key by key.
- A list of things that have a `name` merges by it; `remove: true` beside the name takes one away.
- Any other list, and every single value, replaces what a lower file says.
- `null` removes what a lower file says.

Quantities are written as people write them: `90d` or `1h30m`, `64MiB`, `500/s`, `99.5%`, `180000 USD`, `2026-08-24`.
`sitectl explain SITE KEY` names the file and line that decided; `sitectl validate` finds every mistake at once.
"""


def written_reference() -> str:
    """Return the reference as the file's text."""
    schema = site_schema()
    return HEAD + "\n" + "\n".join(_sections("site", schema, schema["$defs"], set())) + "\n"


def _sections(title: str, part: dict[str, Any], definitions: dict[str, Any], done: set[str]) -> Iterator[str]:
    yield f"## `{title}`\n"
    if title != "site" and "description" in part:
        yield f"{part['description']}\n"
    yield "| key | written as | what it is |\n|---|---|---|"
    inner: dict[str, str] = {}
    for key, field in part["properties"].items():
        form, used = _form(field)
        inner |= dict.fromkeys(used, f"{title}.{key}" if title != "site" else key)
        yield f"| `{key}` | {form} | {field.get('description', '')} |"
    yield ""
    for name, place in inner.items():
        if name not in done:
            done.add(name)
            yield from _sections(place, definitions[name], definitions, done)


def _form(field: dict[str, Any]) -> tuple[str, list[str]]:
    """Return how a value is written, and the names of the parts in it."""
    if "$ref" in field:
        return "a map, below", [field["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in field:
        forms = [_form(choice) for choice in field["anyOf"] if choice != {"type": "null"}]
        return " or ".join(form for form, _ in forms), [name for _, names in forms for name in names]
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"]), []
    if "const" in field:
        return f"`{'true' if field['const'] is True else field['const']}`", []
    if field.get("type") == "array":
        form, names = _form(field.get("items", {}))
        return ("a list of maps, below" if names else f"a list of: {form}"), names
    if field.get("type") == "object":
        return "a map of texts", []
    if field.get("pattern") in PATTERN_MEANINGS:
        return PATTERN_MEANINGS[field["pattern"]], []
    if "examples" in field:
        return " or ".join(f"`{example}`" for example in field["examples"]), []
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "`true` or `false`",
        "string": "a text",
    }
    bounds = " to ".join(str(field[key]) for key in ("minimum", "maximum") if key in field)
    form = words.get(str(field.get("type")), "a value")
    return (f"{form}, {bounds}" if bounds else form), []


def main() -> None:
    """Write the reference."""
    REFERENCE_FILE.parent.mkdir(parents=True, exist_ok=True)
    REFERENCE_FILE.write_text(written_reference(), encoding="utf-8")
    sys.stdout.write(f"wrote {REFERENCE_FILE.name}\n")


if __name__ == "__main__":
    main()
