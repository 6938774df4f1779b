"""The schema of a Kubernetes custom resource: what an object has that it does not know, and what does not fit."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": Mapping,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}
# What a definition may say of a value, which one that copies it must say alike.
_SAID = ("type", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "format")


@cache
def definition(file: Path, version: str) -> dict[str, Any]:
    """Return the schema of a version in a CustomResourceDefinition's file."""
    with file.open(encoding="utf-8") as stream:
        # The quick reader: the official definition has 14,000 lines.
        whole: dict[str, Any] = yaml.load(stream, Loader=yaml.CSafeLoader)
    (found,) = (entry for entry in whole["spec"]["versions"] if entry["name"] == version)
    schema: dict[str, Any] = found["schema"]["openAPIV3Schema"]
    return schema


def problems(schema: Mapping[str, Any], value: Any, path: str = "") -> Iterator[str]:
    """Yield each field that the schema does not know or that is missing, and each value that does not fit."""
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            yield f"{path}: neither a number nor a text"
        return
    wanted = schema.get("type")
    if wanted is not None and not _is(wanted, value):
        yield f"{path}: {value!r} is no {wanted}"
        return
    yield from _bounds(schema, value, path)
    if isinstance(value, Mapping):
        yield from _fields(schema, value, path)
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            yield from problems(schema.get("items", {}), entry, f"{path}[{place}]")


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield what a definition of ours says of a field otherwise than theirs; fields that it leaves out are none."""
    for key in _SAID:
        if key in ours and key in theirs and ours[key] != theirs[key]:
            yield f"{path}: {key} is {theirs[key]!r}, not {ours[key]!r}"
    if missing := set(theirs.get("required", ())) & ours.get("properties", {}).keys() - set(
        ours.get("required", ())
    ):
        yield f"{path}: requires {sorted(missing)}"
    known = theirs.get("properties", {})
    for name, field in ours.get("properties", {}).items():
        if name in known:
            yield from differences(field, known[name], f"{path}.{name}")
        elif (
            not theirs.get("x-kubernetes-preserve-unknown-fields")
            and theirs.get("type") == "object"
            and known
        ):
            yield f"{path}.{name}: is not in theirs"
    if "items" in ours:
        yield from differences(ours["items"], theirs.get("items", {}), f"{path}[]")


def _is(wanted: str, value: Any) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    # Numbers from a plan are whole numbers written with a point.
    if wanted == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[wanted])


def _bounds(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if isinstance(value, str):
        # Go's `\d-_` is three characters; Python's wants the dash escaped.
        if "pattern" in schema and not re.search(schema["pattern"].replace(r"\d-_", r"\d_-"), value):
            yield f"{path}: {value!r} does not follow {schema['pattern']}"
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{path}: {value!r} is too short or too long"
    elif isinstance(value, (int, float)) and not schema.get("minimum", value) <= value <= schema.get(
        "maximum", value
    ):
        yield f"{path}: {value!r} is out of bounds"


def _fields(schema: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Iterator[str]:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: is required"
    for name, entry in value.items():
        if name in known:
            yield from problems(known[name], entry, f"{path}.{name}")
        elif isinstance(others, Mapping):
            yield from problems(others, entry, f"{path}.{name}")
        elif not _open(schema, path):
            yield f"{path}.{name}: no such field"


def _open(schema: Mapping[str, Any], path: str) -> bool:
    """Say whether fields that the schema does not name are taken."""
    kept = schema.get("additionalProperties") or schema.get("x-kubernetes-preserve-unknown-fields")
    # The object's own metadata is Kubernetes', and is in no definition.
    return bool(kept) or schema.get("type") is None or path == ".metadata"
