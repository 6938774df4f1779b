"""Which routes to Kafka a message or event takes: the rules' own filters and conditions, evaluated word for word."""

from collections.abc import Mapping
from typing import Any

from model import Site
from model.ingest import Route, routes
from tests.support.rule_sql import evaluated, matches


def taken(site: Site, topic: str, payload: str, *, readable: bool = True) -> list[Route]:
    """The routes that take a message, by the filters and conditions as they stand in the rules."""
    message = {"topic": topic, "payload": payload}
    return [
        route
        for route in routes(site)
        if any(matches(pattern, topic) for pattern in route.filters)
        and evaluated(route.condition, message, {"schema_check": lambda *_: readable})
    ]


def taken_event(site: Site, event: str, columns: Mapping[str, Any]) -> list[Route]:
    """The routes that take one of EMQX's own events."""
    return [
        route
        for route in routes(site)
        if f"$events/{event}" in route.filters and evaluated(route.condition, columns)
    ]
