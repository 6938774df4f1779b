"""The roots that EMQX knows, in each edition: those the kit writes are checked against them."""

from collections.abc import Iterable

# EMQX takes an unknown root name without a word, so a slip would silently do nothing: we refuse it ourselves.
# Source: the 5.8.9 schemas of both editions, and the valid roots that those dumps hide
# (`rule_engine`, `overload_protection`, `crl_cache`, `node_rebalance`, `zones`).
_COMMON_ROOTS = frozenset(
    {
        "actions",
        "alarm",
        "api_key",
        "authentication",
        "authorization",
        "cluster",
        "connectors",
        "crl_cache",
        "dashboard",
        "delayed",
        "durable_sessions",
        "durable_storage",
        "flapping_detect",
        "force_gc",
        "force_shutdown",
        "gateway",
        "listeners",
        "log",
        "mqtt",
        "node",
        "overload_protection",
        "plugins",
        "prometheus",
        "psk_authentication",
        "retainer",
        "rpc",
        "rule_engine",
        "slow_subs",
        "sources",
        "sys_topics",
        "sysmon",
        "zones",
    }
)
KNOWN_ROOTS = {
    "opensource": _COMMON_ROOTS | {"telemetry"},
    "enterprise": _COMMON_ROOTS
    | {"exhook", "opentelemetry", "license", "schema_registry", "file_transfer", "node_rebalance"},
}


# Roots of later versions, whose schema is not at hand: from the publisher's documentation.
LATER_ROOTS = {"opensource": frozenset[str](), "enterprise": frozenset({"authentication_settings"})}


class UnknownRootError(ValueError):
    """The configuration has a root that this edition does not know."""

    def __init__(self, edition: str, roots: set[str]) -> None:
        super().__init__(f"EMQX {edition} has no root {', '.join(sorted(roots))}")
        self.edition = edition
        self.roots = roots


def check_roots(edition: str, roots: Iterable[str]) -> None:
    """Refuse a root that the edition does not know; raises UnknownRootError."""
    unknown = set(roots) - KNOWN_ROOTS[edition] - LATER_ROOTS[edition]
    if unknown:
        raise UnknownRootError(edition, unknown)
