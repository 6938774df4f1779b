"""Writes the subject of a certificate as text (RFC 4514): a value cannot be taken for another attribute."""

from collections.abc import Mapping

_SPECIAL = str.maketrans({character: f"\\{character}" for character in '"+,;<>\\='} | {0: "\\00"})


def text(attributes: Mapping[str, str]) -> str:
    """Return `CN=…, O=…` of the attributes, in their order."""
    return ", ".join(f"{name}={_value(value)}" for name, value in attributes.items())


def _value(value: str) -> str:
    escaped = value.translate(_SPECIAL)
    if value.startswith(("#", " ")):
        escaped = f"\\{escaped}"
    return f"{escaped[:-1]}\\ " if value.endswith(" ") and len(value) > 1 else escaped
