"""Checks and completes a bridged resource's inputs, with the official plugins' words for what is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping

from lab.plugins import base
from lab.plugins.bridged_schema import DEFAULTS, Property, ResourceType, Shape, is_zero
from lab.plugins.values import UNKNOWN, Object, Secret, Value, plain

_SUFFIX_LENGTH = 7
"""Hexadecimal digits of an automatic name's random end (the Pulumi SDK's own)."""


def check_inputs(described: ResourceType, request: base.Check, warn: Callable[[str], None]) -> base.Checked:
    """The inputs with defaults and names filled in and secrets marked, and every failure at once."""
    news = plain(request.news)
    inputs = _completed(described.inputs, news)
    _name(described, request, inputs)
    failures = [
        base.Failure("", f"{reason}. Examine values at '{request.name}.{path}'.")
        for path, reason in _failures(described.properties, inputs, "")
    ]
    for item in described.inputs:
        if item.deprecated and item.name in news:
            warn(f"{item.name} verification warning: {item.deprecated}")
        if item.secret and item.name in inputs:
            inputs[item.name] = Secret(inputs[item.name])
    return base.Checked(inputs, failures)


def _completed(properties: Iterable[Property], values: Mapping[str, Value]) -> Object:
    """`values` in their properties' types, with `__defaults`, nested blocks included."""
    inputs: Object = {key: value for key, value in values.items() if key != DEFAULTS and value is not None}
    defaulted = []
    for item in properties:
        if item.name in inputs:
            inputs[item.name] = _typed(item, inputs[item.name])
        elif not is_zero(item.default):
            inputs[item.name] = item.default
            defaulted.append(item.name)
    return {DEFAULTS: sorted(defaulted), **inputs}


def _typed(item: Property, value: Value) -> Value:
    """A value in the property's type where Terraform converts it, else as it is."""
    if item.shape is Shape.BLOCK and isinstance(value, Mapping):
        return _completed(item.fields, value)
    if item.shape is Shape.BLOCKS and isinstance(value, list):
        return [_completed(item.fields, one) if isinstance(one, Mapping) else one for one in value]
    if item.shape is Shape.TEXT and isinstance(value, bool):
        return "true" if value else "false"
    if item.shape is Shape.TEXT and isinstance(value, int | float):
        return str(value)
    if item.shape is Shape.FLAG and value in ("true", "false"):
        return value == "true"
    if item.shape is Shape.NUMBER and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value


def _name(described: ResourceType, request: base.Check, inputs: Object) -> None:
    for item in described.inputs:
        if not item.autoname or item.name in inputs:
            continue
        if item.name in (request.olds.get(DEFAULTS) or ()) and request.olds.get(item.name):
            inputs[item.name] = plain(request.olds[item.name])
        else:
            suffix = hashlib.sha256(request.seed + request.urn.encode()).hexdigest()[:_SUFFIX_LENGTH]
            inputs[item.name] = request.proposed_name or f"{request.name}-{suffix}"
        inputs[DEFAULTS] = sorted([*inputs[DEFAULTS], item.name])


def _failures(
    properties: Iterable[Property], inputs: Mapping[str, Value], above: str
) -> Iterator[tuple[str, str]]:
    by_name = {item.name: item for item in properties}
    for name in sorted(inputs.keys() - by_name.keys() - {DEFAULTS}):
        yield above + name, "Invalid or unknown key"
    for item in by_name.values():
        if item.name in inputs:
            yield from _value_failures(item, inputs[item.name], above + item.name)
        elif item.required:
            yield (
                above + item.name,
                f'Missing required argument. The argument "{item.terraform_name}" is required, but no '
                "definition was found.",
            )


def _value_failures(item: Property, value: Value, path: str) -> Iterator[tuple[str, str]]:
    if value is UNKNOWN:
        return
    if item.output_only:
        yield (
            path,
            f'Value for unconfigurable attribute. Can\'t configure a value for "{item.terraform_name}": its '
            "value will be decided automatically based on the result of applying this configuration.",
        )
    elif item.not_covered and not is_zero(value):
        yield path, f"The lab's stand-in plugin does not cover {item.name}: {item.not_covered}"
    elif not _fits(item.shape, value):
        yield (
            path,
            "Incorrect attribute value type. Inappropriate value for attribute "
            f'"{item.terraform_name}": {item.shape.value} required',
        )
    elif item.one_of and value not in item.one_of:
        choices = " ".join(f'"{choice}"' for choice in item.one_of)
        yield path, f"expected {item.terraform_name} to be one of [{choices}], got {value}"
    elif item.shape is Shape.BLOCK:
        yield from _failures(item.fields, value, f"{path}.")
    elif item.shape is Shape.BLOCKS:
        for at, one in enumerate(value):
            if isinstance(one, Mapping):
                yield from _failures(item.fields, one, f"{path}[{at}].")


def _fits(shape: Shape, value: Value) -> bool:
    if shape is Shape.TEXT:
        return isinstance(value, str)
    if shape is Shape.NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if shape is Shape.FLAG:
        return isinstance(value, bool)
    if shape in (Shape.MAP, Shape.BLOCK):
        return isinstance(value, Mapping)
    return isinstance(value, list)
