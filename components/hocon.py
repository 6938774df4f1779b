"""Writes typed values as HOCON, the language of EMQX's configuration; the same values give the same text."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

Value: TypeAlias = bool | int | Decimal | str | Sequence["Value"] | Mapping[str, "Value"]
Document: TypeAlias = Mapping[str, Value]

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INDENT = "  "
# HOCON takes JSON's strings: every other control character is written by its number.
_ESCAPES = str.maketrans(
    {number: f"\\u{number:04x}" for number in range(0x20)}
    | {ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
)


class HoconError(TypeError):
    """A value that HOCON has no form for: where it stands, and its type."""

    def __init__(self, path: str, value: object) -> None:
        super().__init__(f"{path or 'the document'}: {type(value).__name__} has no form in HOCON")
        self.path = path


def render(document: Document) -> str:
    """Return the document's text, one setting a line, keys in the order given; raises HoconError."""
    return "".join(f"{line}\n" for line in _settings(document, "", ""))


def _settings(values: Mapping[str, Value], path: str, indent: str) -> list[str]:
    lines: list[str] = []
    for key, value in values.items():
        where = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            lines += [
                f"{indent}{_key(key)} {{",
                *_settings(value, where, indent + _INDENT),
                f"{indent}}}",
            ]
        else:
            lines.append(f"{indent}{_key(key)} = {_value(value, where, indent)}")
    return lines


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else _text(key)


def _value(value: Value, path: str, indent: str) -> str:
    # A yes/no is an int to Python, so it comes first.
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        inner = _settings(value, path, indent + _INDENT)
        return "\n".join(["{", *inner, f"{indent}}}"]) if inner else "{}"
    if isinstance(value, Sequence):
        return _list(value, path, indent)
    raise HoconError(path, value)


def _list(values: Sequence[Value], path: str, indent: str) -> str:
    if not any(isinstance(value, Mapping) for value in values):
        return f"[{', '.join(_value(value, f'{path}[]', indent) for value in values)}]"
    inner = indent + _INDENT
    items = [f"{inner}{_value(value, f'{path}[]', inner)}" for value in values]
    return "\n".join(["[", ",\n".join(items), f"{indent}]"])


def _text(text: str) -> str:
    # Always quoted: unquoted, `${…}` would be HOCON's own reference instead of EMQX's placeholder.
    return f'"{text.translate(_ESCAPES)}"'
