"""Writes values as TOML, the language of the dashboard proxy's settings."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = bool | int | str | Sequence["Value"]

# A basic string takes every character as it is, but for these and the other controls.
_ESCAPES = str.maketrans(
    {number: f"\\u{number:04x}" for number in (*range(0x20), 0x7F)} | {ord('"'): '\\"', ord("\\"): "\\\\"}
)


def render(values: Mapping[str, Value]) -> str:
    """Return the document's text, one setting a line; keys are bare ones."""
    return "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: Value) -> str:
    # A yes/no is an int to Python, so it comes first.
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    return f"[{', '.join(_value(entry) for entry in value)}]"
