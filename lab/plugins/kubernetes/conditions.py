"""What `pulumi.com/waitFor` can ask of an object: a condition, or a JSON path with a value."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from lab.plugins.errors import PluginError
from lab.plugins.values import Object, Value

_STEP = re.compile(
    r"""\.?\[\?\(@\.(?P<field>[\w.]+)\s*==\s*["'](?P<wanted>[^"']*)["']\)\]"""
    r"""|\[(?P<index>-?\d+)\]"""
    r"""|\[["'](?P<quoted>[^"']+)["']\]"""
    r"""|\.(?P<name>(?:\\.|[^.\[\]\\])+)"""
)


@dataclass(eq=False)
class WaitForError(PluginError):
    """A `pulumi.com/waitFor` that says nothing that could be waited for."""

    text: str

    def sentence(self) -> str:
        """The words for people."""
        return (
            f"the annotation pulumi.com/waitFor says {self.text!r}; it takes `condition=Type`, "
            "`condition=Type=Status`, `jsonpath={.path}`, `jsonpath={.path}=value`, or a JSON list of these"
        )


@dataclass(frozen=True)
class Demand:
    """One thing to wait for: the value at a path, or any value when none is given."""

    text: str
    path: tuple[tuple[str, str | int | tuple[str, str]], ...]
    wanted: str | None

    def met(self, found: Object) -> bool:
        """Whether the object is so, by a status that is about what is asked for now."""
        if found.get("status", {}).get("observedGeneration", sys.maxsize) < found["metadata"].get(
            "generation", 0
        ):
            return False
        values = self.values(found)
        if self.wanted is None:
            return any(value != "" for value in values)
        return any(value.lower() == self.wanted.lower() for value in values)

    def values(self, found: Object) -> list[str]:
        """What the object has at the path, as text."""
        values: list[Value] = [found]
        for kind, step in self.path:
            values = [inner for value in values for inner in _down(value, kind, step)]
        return [_written(value) for value in values if value is not None]


def demands(annotation: str) -> Sequence[Demand]:
    """What an annotation asks for; raises WaitForError."""
    if annotation.lstrip().startswith("["):
        try:
            parts = json.loads(annotation)
        except ValueError as error:
            raise WaitForError(annotation) from error
        if not isinstance(parts, list) or not parts:
            raise WaitForError(annotation)
        return [_demand(str(part)) for part in parts]
    return [_demand(annotation)]


def _demand(text: str) -> Demand:
    kind, _, rest = text.partition("=")
    if kind == "condition" and rest:
        name, _, status = rest.partition("=")
        steps = (("name", "status"), ("name", "conditions"), ("filter", ("type", name)), ("name", "status"))
        return Demand(text, steps, status or "True")
    match = re.fullmatch(r"\{(?P<path>[^}]+)\}(?:=(?P<value>.*))?", rest)
    if kind == "jsonpath" and match is not None:
        return Demand(text, _steps(match["path"], text), match["value"])
    raise WaitForError(text)


def _steps(path: str, text: str) -> tuple[tuple[str, str | int | tuple[str, str]], ...]:
    steps: list[tuple[str, str | int | tuple[str, str]]] = []
    rest = path if path[0] in ".[" else f".{path}"
    while rest:
        match = _STEP.match(rest)
        if match is None:
            raise WaitForError(text)
        if match["field"] is not None:
            steps.append(("filter", (match["field"], match["wanted"])))
        elif match["index"] is not None:
            steps.append(("index", int(match["index"])))
        else:
            steps.append(("name", match["quoted"] or match["name"].replace("\\", "")))
        rest = rest[match.end() :]
    return tuple(steps)


def _down(value: Value, kind: str, step: str | int | tuple[str, str]) -> list[Value]:
    if kind == "name" and isinstance(value, dict):
        return [value[step]] if step in value else []
    if kind == "index" and isinstance(value, list) and isinstance(step, int):
        return value[step : step + 1] if step != -1 else value[-1:]
    if kind == "filter" and isinstance(value, list) and isinstance(step, tuple):
        return [item for item in value if isinstance(item, dict) and _written(item.get(step[0])) == step[1]]
    return []


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)
