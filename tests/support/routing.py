"""Which routes to Kafka a message takes: the rules' own filters and conditions, evaluated word for word."""

import base64
from typing import Any

import regex

from model import Site
from model.ingest import Route, routes


def taken(site: Site, topic: str, payload: str, *, readable: bool = True) -> list[Route]:
    """The routes that take a message, by the filters and conditions as they stand in the rules."""
    functions: dict[str, Any] = {
        "topic": topic,
        "payload": payload,
        "tokens": lambda text, separator: [part for part in text.split(separator) if part],
        "nth": lambda number, parts: parts[number - 1],
        "regex_match": lambda text, pattern: regex.search(pattern, text) is not None,
        "base64_decode": lambda text: base64.b64decode(text).decode(),
        "schema_check": lambda *_: readable,
        "false": False,
    }
    return [
        route
        for route in routes(site)
        if any(matches(pattern, topic) for pattern in route.filters)
        # Words of rule SQL that Python writes otherwise; a condition holds no others.
        and eval(route.condition.replace(" = ", " == "), {"__builtins__": {}}, functions)  # noqa: S307
    ]


def matches(pattern: str, topic: str) -> bool:
    """MQTT's own rule: `+` is one level, `#` the level before it and everything below."""
    wanted, levels = pattern.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, levels = wanted[:-1], levels[: len(wanted) - 1]
    return len(wanted) == len(levels) and all(
        one in ("+", other) for one, other in zip(wanted, levels, strict=True)
    )
