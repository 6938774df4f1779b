"""Which routes to Kafka a message takes: the rules' own filters and conditions, evaluated word for word."""

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
