"""Describes a resource type of a bridged plugin: its properties as data, and what its handler does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Protocol, runtime_checkable

from lab.plugins.values import Object, Value

DEFAULTS = "__defaults"
"""The input that lists which other inputs the plugin filled in."""


class Shape(Enum):
    """What kind of value a property holds."""

    TEXT = "string"
    NUMBER = "number"
    FLAG = "bool"
    LIST = "list"
    SET = "set"
    MAP = "map"
    BLOCK = "object"
    """One nested object with `fields`."""
    BLOCKS = "list of objects"
    """Nested objects with `fields`; never null in the state, at least empty."""


@dataclass(frozen=True)
class Property:
    """One property of a resource type, or of a nested block."""

    name: str
    shape: Shape = Shape.TEXT
    required: bool = False
    default: Value = None
    """Filled in when not given; shown in `__defaults` unless zero, which is only kept in outputs."""
    computed: bool = False
    """The server chooses when the program does not: unknown in a creation's preview, no difference later."""
    output_only: bool = False
    """Never an input (implies `computed`)."""
    replaces: bool = False
    secret: bool = False
    wire_name: str | None = None
    """Terraform's name, where it is not this name in snake case."""
    autoname: bool = False
    """Made from the resource's name and a random suffix when not given."""
    one_of: tuple[str, ...] = ()
    deprecated: str | None = None
    not_covered: str | None = None
    """Why the stand-in refuses any value of it."""
    same: Callable[[Value, Value], bool] | None = None
    """Whether two values (stored, wanted) that are written differently mean the same."""
    fields: tuple[Property, ...] = ()
    """The properties of a BLOCK or of each of the BLOCKS."""

    @property
    def terraform_name(self) -> str:
        """The name in Terraform's schema, which error messages use."""
        return self.wire_name or re.sub(r"(?<!^)([A-Z])", r"_\1", self.name).lower()

    @property
    def is_computed(self) -> bool:
        """Whether the server may fill it in."""
        return self.computed or self.output_only

    def same_value(self, stored: Value, wanted: Value) -> bool:
        """Whether a stored and a wanted value mean the same."""
        if stored == wanted or (is_zero(stored) and is_zero(wanted)):
            return True
        return (
            self.same is not None and stored is not None and wanted is not None and self.same(stored, wanted)
        )


@dataclass(frozen=True)
class ResourceType:
    """One type of resource."""

    token: str
    properties: tuple[Property, ...]
    schema_version: int | None = None
    """Terraform's version of the state's form, kept in `__meta` where it is not 0."""
    delete_before_replace: bool = False

    @cached_property
    def inputs(self) -> tuple[Property, ...]:
        """What a program can set."""
        return tuple(item for item in self.properties if not item.output_only)

    @cached_property
    def stables(self) -> tuple[str, ...]:
        """What does not change as long as the resource is not replaced, sorted."""
        return tuple(sorted(item.name for item in self.properties if item.replaces))


class Handler(Protocol):
    """What a type does on its server; plain values, None for what is not given; raises PluginError."""

    def create(self, planned: Object) -> tuple[str, Object]:
        """Make it: its id, and its properties as the server has them."""

    def read(self, identity: str, state: Object) -> Object | None:
        """Its properties as the server has them (`state` is empty for an import), None when it is gone."""

    def update(self, identity: str, prior: Object, planned: Object) -> Object:
        """Change it from `prior` to `planned`: its properties as the server has them then."""

    def delete(self, identity: str, state: Object) -> None:
        """Remove it; one that is gone already is no error."""


@runtime_checkable
class Importer(Protocol):
    """A handler whose import id is not the id, or does not say all that `read` needs."""

    def locate(self, identity: str) -> tuple[str, Object]:
        """The id, and the properties that `read` needs beside it."""


@runtime_checkable
class Mover(Protocol):
    """A handler whose resources can change their id in an update."""

    def identity_of(self, planned: Object) -> str:
        """The id after the update."""


def is_zero(value: Value) -> bool:
    """Whether a value means "nothing given" to Terraform."""
    return value is None or (
        value in ("", [], {}) or value is False or (value == 0 and not isinstance(value, bool))
    )


def given(values: Mapping[str, Value]) -> Object:
    """`values` without the list of defaults and without what is none, nested blocks included."""
    return {key: _given(value) for key, value in values.items() if key != DEFAULTS and value is not None}


def _given(value: Value) -> Value:
    if isinstance(value, Mapping):
        return given(value)
    if isinstance(value, list):
        return [_given(item) for item in value]
    return value
