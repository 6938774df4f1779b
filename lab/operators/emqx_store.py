"""What an EMQX broker keeps of its configuration, and what it refuses: `PUT /api/v5/configs?mode=replace`.

As EMQX 5.8 to 6.3 have it (`emqx_conf_cli.erl`, and seen on a running 5.8.9): each root that the request has is put in
the place of the old one, and a root that it has not stays as it was. Before that, actions and sources that their root
no longer has are taken away. A connector is refused to go while an action or source still uses it. Each root stands
for itself: one that is refused stays, the others are replaced all the same, and the answer is 400.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Roots = dict[str, Any]

CHANNELS = ("actions", "sources")
# What is read when a node starts, and left out of the request by the operator of either generation.
READ_ONLY = {
    "v2beta1": ("node", "cluster", "dashboard", "rpc"),
    "v2": ("node", "cluster", "rpc", "durable_sessions", "durable_storage"),
}
BAD_REQUEST = "400 Bad Request"


class RefusedError(Exception):
    """The broker answered 400: its words, and what it keeps all the same."""

    def __init__(self, problems: list[str], kept: Roots) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
        self.kept = kept


def runtime(given: Mapping[str, Any], version: str) -> Roots:
    """Return what the operator of an API version sends to a running broker."""
    return {root: value for root, value in given.items() if root not in READ_ONLY[version]}


def replaced(held: Mapping[str, Any], given: Mapping[str, Any]) -> Roots:
    """Return what a broker that holds `held` holds after it was given `given`; raises RefusedError.

    Neither is changed; what is returned shares their values.
    """
    kept: Roots = dict(held)
    for root in CHANNELS:
        if root in given:
            kept[root] = _only(kept.get(root, {}), given[root])
    problems: list[str] = []
    # Connectors come first: actions and sources need theirs.
    for root in sorted(given, key=lambda name: (name != "connectors", name)):
        wrong = [*_removed_while_used(kept, given[root])] if root == "connectors" else []
        if root in CHANNELS:
            wrong = [*_without_connector(kept, root, given[root])]
        if not wrong:
            kept[root] = given[root]
        problems += wrong
    if problems:
        raise RefusedError(problems, kept)
    return kept


def _only(held: Mapping[str, Any], given: Mapping[str, Any]) -> Roots:
    """Return of the held actions or sources those that are given, too."""
    return {
        kind: {name: entry for name, entry in entries.items() if name in given.get(kind, {})}
        for kind, entries in held.items()
    }


def _removed_while_used(kept: Roots, given: Mapping[str, Any]) -> Iterator[str]:
    for kind, entries in kept.get("connectors", {}).items():
        for name in entries:
            if name in given.get(kind, {}):
                continue
            active = [f"{root}:{kind}:{channel}" for root, channel in _users(kept, kind, name)]
            if active:
                yield (
                    f"connectors: {{reason: connector_has_active_channels, type: {kind}, connector_name: {name}, "
                    f"active_channels: [{', '.join(active)}]}}"
                )


def _users(kept: Roots, kind: str, connector: str) -> Iterator[tuple[str, str]]:
    for root in CHANNELS:
        for name, entry in kept.get(root, {}).get(kind, {}).items():
            if entry["connector"] == connector:
                yield root, name


def _without_connector(kept: Roots, root: str, given: Mapping[str, Any]) -> Iterator[str]:
    for kind, entries in given.items():
        for name, entry in entries.items():
            if entry["connector"] not in kept.get("connectors", {}).get(kind, {}):
                yield (
                    f"{root}: {{reason: connector_not_found_or_wrong_type, type: {kind}, bridge_name: {name}, "
                    f"connector_name: {entry['connector']}}}"
                )
