"""EMQX's rule SQL as far as the kit writes it: statements are read, and their expressions evaluated word for word."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import regex

_STATEMENT = re.compile(
    r'SELECT (?P<columns>.+?) FROM (?P<sources>"[^"]+"(?:, "[^"]+")*) WHERE (?P<condition>.+)'
)
_QUOTED = re.compile(r"('[^']*')")
_CASE = re.compile(r"CASE WHEN (.+?) THEN (.+?) ELSE (.+?) END")


class NotUnderstood(Exception):
    """A configuration or rule with something that the tests' stand-ins for EMQX do not know; the message says what."""


@dataclass(frozen=True)
class Output:
    """What a rule hands to its actions: its columns, with all of the event's before them where it selects `*`."""

    columns: Mapping[str, Any]
    whole: bool


@dataclass(frozen=True)
class Statement:
    """A rule's SQL: the columns it selects (name and expression), where events come from, and which of them."""

    columns: tuple[tuple[str, str], ...]
    whole: bool
    sources: tuple[str, ...]
    condition: str

    def output(self, event: Mapping[str, Any]) -> Output | None:
        """What the rule makes of an event; None where its condition does not hold.

        As EMQX does it: a column is there for the ones after it, and what is undefined becomes no column.
        """
        known, made = dict(event), dict(event) if self.whole else {}
        for name, expression in self.columns:
            value = evaluated(expression, known)
            if value is not None:
                known[name] = made[name] = value
        return Output(made, self.whole) if evaluated(self.condition, known) else None


def statement(sql: str) -> Statement:
    """Read a rule's SQL; raises NotUnderstood."""
    found = _STATEMENT.fullmatch(sql)
    if found is None:
        raise NotUnderstood(f"not as the kit writes rules: {sql}")
    columns = [_column(text) for text in _parts(found["columns"])]
    whole = columns[0] == ("*", "*")
    sources = tuple(text.strip('"') for text in found["sources"].split(", "))
    return Statement(tuple(columns[1:] if whole else columns), whole, sources, found["condition"])


def evaluated(expression: str, names: Mapping[str, Any], functions: Mapping[str, Any] | None = None) -> Any:
    """Evaluate an expression; `functions` come before the usual ones. Raises NotUnderstood for a name it does not know.

    Words that Python writes otherwise are exchanged.
    """
    unquoted = _QUOTED.split(expression)
    unquoted[::2] = [text.replace(" = ", " == ").replace(" <> ", " != ") for text in unquoted[::2]]
    python = _CASE.sub(r"(\2 if \1 else \3)", "".join(unquoted))
    values = {name: _Fields(value) if isinstance(value, dict) else value for name, value in names.items()}
    try:
        return eval(python, {"__builtins__": {}}, {**WORDS, **(functions or {}), **values})  # noqa: S307
    except (NameError, SyntaxError) as error:
        raise NotUnderstood(f"{expression}: {error}") from error


def matches(pattern: str, topic: str) -> bool:
    """MQTT's own rule: `+` is one level, `#` the level before it and everything below."""
    wanted, levels = pattern.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, levels = wanted[:-1], levels[: len(wanted) - 1]
    return len(wanted) == len(levels) and all(
        one in ("+", other) for one, other in zip(wanted, levels, strict=True)
    )


class _Fields(dict[str, Any]):
    """A map whose values are reached by a dot, too."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name)


def _column(text: str) -> tuple[str, str]:
    expression, _, name = text.rpartition(" as ")
    return (name, expression) if expression else (text, text)


def _parts(columns: str) -> Iterator[str]:
    """The texts between commas that are in no brackets and no quotes."""
    depth, start, quoted = 0, 0, False
    for place, character in enumerate(columns):
        quoted ^= character == "'"
        if not quoted:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if character == "," and depth == 0:
                yield columns[start:place].strip()
                start = place + 1
    yield columns[start:].strip()


def _got(path: str, values: Mapping[str, Any], default: Any = None) -> Any:
    first, _, rest = path.partition(".")
    found = values.get(first)
    if rest and found is not None:
        return _got(rest, found, default)
    return default if found is None else found


def _put(path: str, value: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {**values, first: _put(rest, value, values.get(first) or {}) if rest else value}


def _split(text: str, separator: str, option: str = "") -> list[str]:
    """Part a text as EMQX does: empty parts are left out, unless it is told not to."""
    if option not in {"", "notrim"}:
        raise NotUnderstood(f"split with {option}")
    return [part for part in text.split(separator) if part or option]


WORDS: dict[str, Any] = {
    "true": True,
    "false": False,
    "is_null": lambda value: value is None,
    "is_not_null": lambda value: value is not None,
    "json_encode": json.dumps,
    "tokens": lambda text, separator: [part for part in text.split(separator) if part],
    "split": _split,
    "nth": lambda number, parts: parts[number - 1],
    "regex_match": lambda text, pattern: regex.search(pattern, text) is not None,
    "base64_decode": lambda text: base64.b64decode(text).decode(),
    "concat": lambda one, other: one + other,
    "str": str,
    "substr": lambda text, start: text[start:],
    "map_new": dict,
    "map_get": _got,
    "map_put": _put,
}
