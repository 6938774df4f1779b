"""Validates a tree against the model: the parts that are right, and the mistakes with their places."""

from collections.abc import Mapping as Facts
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from model.base import Part
from model.errors import SiteError
from model.nodes import Mapping, Node, Origin, Plain, Step, plain, trail
from model.site import Site
from model.wording import worded


@dataclass(frozen=True, slots=True)
class Checked:
    """What validation found: the parts as far as they are right, and the mistakes."""

    parts: dict[str, Any]
    errors: tuple[SiteError, ...]
    site: Site | None = None
    partial: frozenset[str] = frozenset()
    """Names of the parts that have mistakes."""


def check(tree: Mapping, home: Path, *, whole: bool) -> Checked:
    """Validate a tree.

    `home` is the file in which a missing key is to be written. A tree that is not `whole` (one layer, or what
    is left when a layer could not be read) is not blamed for what is missing.
    """
    data = plain(tree)
    assert isinstance(data, dict)  # noqa: S101 - the root is a map
    try:
        site = Site.model_validate(data)
    except ValidationError as error:
        found = _real(error.errors(include_url=False))
        wrong = {str(detail["loc"][0]) for detail in found}
        blamed = [detail for detail in found if whole or detail["type"] not in {"missing", "too_short"}]
        errors = tuple(worded(detail, tree, home, Site) for detail in blamed)
        return Checked(_right_parts(data, wrong), errors, partial=frozenset(wrong))
    return Checked({key: getattr(site, key) for key in Site.model_fields}, (), site)


def _real(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out what only follows: values that are derived, lists of which pydantic does not count the wrong items."""
    places = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        # Nothing is derived from a field that is not right: that one is told.
        if detail["type"] != "default_factory_not_called"
        if detail["type"] != "too_short"
        or not any(
            len(place) > len(detail["loc"]) and place[: len(detail["loc"])] == detail["loc"]
            for place in places
        )
    ]


def _right_parts(data: Facts[str, Plain], wrong: set[str]) -> dict[str, object]:
    """Return each part of the site; of a part with mistakes, what is right in it."""
    parts: dict[str, object] = {}
    for key, field in Site.model_fields.items():
        value = data.get(key)
        if key in data and key not in wrong:
            parts[key] = _adapter(Site, key).validate_python(value, strict=True)
        elif (
            isinstance(value, dict)
            and isinstance(field.annotation, type)
            and issubclass(field.annotation, Part)
        ):
            parts[key] = _partial(field.annotation, value)
    return parts


def _partial(model: type[Part], data: Facts[str, Plain]) -> Part:
    """Return a part that has only its right fields: a rule that reads another one raises AttributeError."""
    right: dict[str, object] = {}
    for key, field in model.model_fields.items():
        if key not in data:
            # What is derived from a field that is not right is left out as well.
            with suppress(KeyError):
                if not field.is_required():
                    right[key] = field.get_default(call_default_factory=True, validated_data=right)
            continue
        try:
            right[key] = _adapter(model, key).validate_python(data[key], strict=True)
        except ValidationError:
            continue
    # A name for each field keeps pydantic from filling in the missing ones; these go again.
    named: dict[str, object] = dict.fromkeys(model.model_fields) | right
    partial = model.model_construct(_fields_set=None, **named)
    for key in model.model_fields.keys() - right.keys():
        partial.__dict__.pop(key, None)
    return partial


@cache
def _adapter(model: type[Part], key: str) -> TypeAdapter[Any]:
    field = model.model_fields[key]
    form: Any = Annotated[field.annotation, field]
    if field.default_factory_takes_validated_data:
        # A value by itself has no fields beside it to be derived from.
        form = Annotated[(field.annotation, *field.metadata)]
    return TypeAdapter(form)


def locate(tree: Node, path: tuple[Step, ...]) -> Origin:
    """Return the place of the path, or of the nearest thing above it that exists."""
    return trail(tree, path)[-1].origin
