"""Upstream's own definitions of custom resources, where the tools' cache has them, and what an object breaks."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.support.tools import tool

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": Mapping,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def definitions(project: str) -> dict[tuple[str, str], Any]:
    """Return a project's schemas by API version and kind; skips the test where they are not built."""
    found = {}
    for file in sorted((tool("crds") / project).glob("*.yaml")):
        spec = yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]
        for version in spec["versions"]:
            key = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
            found[key] = version["schema"]["openAPIV3Schema"]
    return found


def problems(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    """Yield what an API server would refuse, and each field that it would drop in silence."""
    # A number or a text, such as an amount.
    if schema.get("x-kubernetes-int-or-string"):
        return
    kind = schema.get("type")
    if kind in TYPES and (not isinstance(value, TYPES[kind]) or (kind != "boolean" and value is True)):
        yield f"{path}: {value!r} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if isinstance(value, Mapping):
        yield from _field_problems(schema, value, path)
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from problems(schema.get("items", {}), inner, f"{path}[{number}]")


def _field_problems(schema: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Iterator[str]:
    fields, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    free = schema.get("x-kubernetes-preserve-unknown-fields") or bool(others)
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: is missing"
    for name, inner in value.items():
        if name in fields:
            yield from problems(fields[name], inner, f"{path}.{name}")
        elif not free:
            yield f"{path}.{name}: is not known"
        elif isinstance(others, Mapping):
            yield from problems(others, inner, f"{path}.{name}")
