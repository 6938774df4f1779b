"""Small words for describing Vault's types and moving their values between Pulumi's and Vault's names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from lab.plugins.bridged import Property, Shape
from lab.plugins.values import Object, Value

NAMESPACE = Property("namespace", replaces=True, not_covered="namespaces belong to Vault Enterprise")
BACKEND = Property("backend", required=True, replaces=True)


def texts(*names: str) -> tuple[Property, ...]:
    """Optional texts."""
    return tuple(Property(name) for name in names)


def lists(*names: str) -> tuple[Property, ...]:
    """Optional lists of texts."""
    return tuple(Property(name, Shape.LIST) for name in names)


def flags(*names: str, default: bool | None = None) -> tuple[Property, ...]:
    """Optional yes-or-no values."""
    return tuple(Property(name, Shape.FLAG, default=default) for name in names)


def numbers(*names: str) -> tuple[Property, ...]:
    """Optional whole numbers."""
    return tuple(Property(name, Shape.NUMBER) for name in names)


def computed(properties: Iterable[Property]) -> tuple[Property, ...]:
    """The same, chosen by Vault when not given."""
    return tuple(replace(item, computed=True) for item in properties)


def outputs(*names: str, shape: Shape = Shape.TEXT) -> tuple[Property, ...]:
    """What only Vault sets."""
    return tuple(Property(name, shape, output_only=True) for name in names)


def fixed(properties: Iterable[Property]) -> tuple[Property, ...]:
    """The same, replacing the resource when they change."""
    return tuple(replace(item, replaces=True) for item in properties)


def to_vault(properties: Iterable[Property], planned: Mapping[str, Value]) -> Object:
    """What is given, by Vault's names."""
    return {
        item.terraform_name: planned[item.name]
        for item in properties
        if not item.output_only and planned.get(item.name) is not None
    }


def joined(values: Value) -> str | None:
    """A list as Vault's comma-separated text."""
    return ",".join(values) if values else None


def duration_text(value: Value) -> str | None:
    """Seconds as the official plugin spells some durations: "768h", "1h30m", "30s"."""
    if value is None:
        return None
    hours, rest = divmod(int(value), 3600)
    minutes, seconds = divmod(rest, 60)
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if n) or "0s"


def same_duration(stored: Value, wanted: Value) -> bool:
    """Whether two durations ("768h", "30s", 2592000) are equally long."""
    return seconds_of(stored) == seconds_of(wanted)


def seconds_of(value: Value) -> int | None:
    """The seconds of a duration, None when it is not one."""
    text = str(value)
    if text.isdigit():
        return int(text)
    parts = re.findall(r"(\d+)(d|h|m|s)", text)
    if not parts or "".join(n + unit for n, unit in parts) != text:
        return None
    return sum(int(n) * {"d": 86400, "h": 3600, "m": 60, "s": 1}[unit] for n, unit in parts)
