"""Words what pydantic found: the place in the files, the value, what is wrong with it and what would be right."""

import types
from collections.abc import Iterator
from collections.abc import Mapping as Facts
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from model.base import PATTERN_MEANINGS
from model.document import reads_as_text
from model.errors import SiteError
from model.nodes import Mapping, Node, Origin, Scalar, Sequence, Step, by_name, child, trail, written
from model.units import Unit
from model.words import did_you_mean, listed, printable, quoted, without_login

# The branch of `scope` that is not a list, as pydantic marks it in a location.
UNION_WORD = "one word"
_SHOULD_BE = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "`true` or `false`",
    "decimal_type": "a number",
    "is_instance_of": "a number",
    "tuple_type": "a list, like `[a, b]`",
    "dict_type": "a map of keys and values",
    "model_type": "a map of keys and values",
    "model_attributes_type": "a map of keys and values",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def worded(error: ErrorDetails, tree: Mapping, home: Path, form: type[BaseModel]) -> SiteError:
    """Word one of pydantic's errors about a tree that should have a form.

    `home` is the file for what is missing at the top.
    """
    path, node = _follow(tree, error["loc"])
    if error["type"] == "missing":
        return _missing(error, tree, path, home, form)
    problem, remedy = _words(error, node, path, form)
    origin = node.origin
    return SiteError(origin.file, origin.line, written(path), problem, remedy)


def _follow(tree: Node, location: tuple[int | str, ...]) -> tuple[tuple[Step, ...], Node]:
    """Turn pydantic's location into a path of names, and the node there (or the last one that exists)."""
    path: list[Step] = []
    node = tree
    for step in location:
        if (
            step == "[key]"
            or (isinstance(node, Sequence) and isinstance(step, str))
            or isinstance(node, Scalar)
        ):
            continue  # a marker of pydantic's own: a map's key, or the chosen branch of a union
        below = child(node, step)
        if below is None:
            path.append(step)
            continue
        path.append(step)
        node = below
    return by_name(tree, tuple(path)), node


def _missing(
    error: ErrorDetails, tree: Mapping, path: tuple[Step, ...], home: Path, form: type[BaseModel]
) -> SiteError:
    above = trail(tree, path)
    origin: Origin | None = None
    for node, outer in zip(reversed(above), [*reversed(above[:-1]), None], strict=True):
        if isinstance(outer, Sequence) or (node.origin.file == home and node is not tree):
            origin = node.origin
            break
    model, field = _field_at(form, error["loc"])
    description = model.model_fields[field].description if model else ""
    example = _expectation(model, field)
    remedy = (
        f"add `{field}: …`" + (f", {example}" if example else "") + f" ({str(description).removesuffix('.')})"
    )
    return SiteError(
        origin.file if origin else home, origin.line if origin else None, written(path), "is missing", remedy
    )


def _expectation(model: type[BaseModel] | None, field: str) -> str:
    annotation = model.model_fields[field].annotation if model else None
    if get_origin(annotation) is Literal:
        return listed(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Unit):
        return f"like {listed(annotation.EXAMPLES)}"
    return ""


def _words(error: ErrorDetails, node: Node, path: tuple[Step, ...], form: type[BaseModel]) -> tuple[str, str]:
    kind, facts = error["type"], error.get("ctx", {})
    value = quoted(without_login(node.text)) if isinstance(node, Scalar) else _shape(node)
    if kind == "extra_forbidden":
        return _unknown_key(error, node, path, form)
    if kind == "unit":
        return f"{value} {facts['problem']}", str(facts["remedy"])
    if kind in _SHOULD_BE:
        return f"{value} is not {_SHOULD_BE[kind]}", _retyped(kind, node)
    if kind in {"literal_error", "enum"}:
        _, choices = _choices(form, error["loc"])
        word = node.text if isinstance(node, Scalar) else ""
        if UNION_WORD in error["loc"]:
            return (
                f"{value} is neither a list nor {listed(choices)}",
                f"write {quoted(f'[{word}]')} or {listed(choices)}",
            )
        return f"{value} is not one of {listed(choices, 'and')}", did_you_mean(word, choices)
    if kind == "string_pattern_mismatch":
        problem = f"{quoted(without_login(str(error['input'])))} is not allowed here"
        return problem, f"write {PATTERN_MEANINGS.get(str(facts['pattern']), 'it differently')}"
    return _out_of_bounds(error, value, facts)


def _out_of_bounds(error: ErrorDetails, value: str, facts: Facts[str, Any]) -> tuple[str, str]:
    kind = error["type"]
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{value} is out of bounds", f"write {words} {facts[name]}"
    if kind == "string_too_long":
        return f"{value} is too long", f"write at most {facts['max_length']} characters"
    if kind in {"too_short", "string_too_short"}:
        return f"{value} is too short", f"give at least {facts['min_length']}"
    return f"{value} is not right: {error['msg'][:1].lower()}{error['msg'][1:]}", "correct it"


def _shape(node: Node) -> str:
    return "a map" if isinstance(node, Mapping) else "a list"


def _retyped(kind: str, node: Node) -> str:
    if isinstance(node, Scalar) and kind == "string_type":
        return f'quote it: `"{printable(node.text)}"`' if node.value is not None else "write a text"
    if isinstance(node, Scalar) and kind == "tuple_type":
        return f"write {quoted(f'[{node.text}]')}"
    if kind in {"int_type", "int_from_float"}:
        return "write it like `3`"
    if kind in {"decimal_type", "is_instance_of"}:
        return "write it like `2` or `0.5`"
    return f"write {_SHOULD_BE[kind]}"


def _unknown_key(
    error: ErrorDetails, node: Node, path: tuple[Step, ...], form: type[BaseModel]
) -> tuple[str, str]:
    key = str(path[-1])
    if key == "<<":
        return "`<<` is not a key here", "leave it out: the layers merge by themselves (see model/merge.py)"
    if key == "remove":
        value = node.text if isinstance(node, Scalar) else _shape(node)
        return f"`remove: {value}` does nothing", "write `remove: true` to remove the item, or leave it out"
    model, _ = _field_at(form, error["loc"])
    problem = f"{quoted(key)} is not a known key"
    if "." in key and (nested := _nested(model, key.split("."), _as_yaml(node))):
        ((first, inner),) = nested.items()
        return (
            problem,
            f"write it nested: `{first}: {_on_one_line(inner)}`, or add to the `{first}:` that is there",
        )
    return problem, did_you_mean(key, model.model_fields if model else ())


def _nested(model: type[BaseModel] | None, steps: list[str], value: str) -> dict[str, Any] | None:
    """Return what a dotted key was meant to set, as maps and lists of named items; None where it is no key."""
    first, *rest = steps
    field = model.model_fields.get(first) if model else None
    if field is None or not rest:
        return None if field is None else {first: value}
    below = _model_in(field.annotation)
    if not _is_list(field.annotation):
        inner = _nested(below, rest, value)
        return None if inner is None else {first: inner}
    item = _nested(below, rest[1:], value) if rest[1:] else None
    return None if item is None else {first: [{"name": rest[0]} | item]}


def _as_yaml(node: Node) -> str:
    if not isinstance(node, Scalar):
        return "…"
    quote = isinstance(node.value, str) and not reads_as_text(node.text)
    return f'"{printable(node.text)}"' if quote else printable(node.text)


def _on_one_line(value: object) -> str:
    """Write maps, lists and texts, which are YAML already, as YAML on one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_on_one_line(entry)}' for key, entry in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_on_one_line, value))}]"
    return str(value)


def _is_list(annotation: Any) -> bool:
    if get_origin(annotation) in {Annotated, Union, types.UnionType}:
        return any(_is_list(inner) for inner in get_args(annotation))
    return get_origin(annotation) is tuple


def _choices(
    form: type[BaseModel], location: tuple[int | str, ...]
) -> tuple[type[BaseModel] | None, tuple[str, ...]]:
    model, field = _field_at(form, location)
    annotation = model.model_fields[field].annotation if model else None
    return model, tuple(_literals(annotation))


def _literals(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
    else:
        for inner in get_args(annotation):
            yield from _literals(inner)


def _field_at(form: type[BaseModel], location: tuple[int | str, ...]) -> tuple[type[BaseModel] | None, str]:
    """Return the model that holds the last key of a location in a form, and that key."""
    model: type[BaseModel] | None = form
    holder, key = model, ""
    for step in location:
        if isinstance(step, int) or model is None:
            continue
        holder, key = model, step
        field = model.model_fields.get(step)
        model = _model_in(field.annotation) if field else None
    return holder, key


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {tuple, Annotated, Union, types.UnionType}:
        for inner in get_args(annotation):
            found = _model_in(inner)
            if found is not None:
                return found
    return None
