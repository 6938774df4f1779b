"""Who owns which field: names of field managers, and the takeover of fields that were not written by an apply."""

from __future__ import annotations

import secrets

from lab.plugins.values import Object

CREATOR = "pulumi-kubernetes"
"""The manager that creations are written as (official plugin: a POST, not an apply)."""

TAKEN_OVER = (
    ("Apply", "kubectl"),
    ("Update", "kubectl"),
    ("Update", "before-first-apply"),
    ("Update", "pulumi-kubernetes"),
    ("Update", "pulumi-resource-kubernetes"),
)
"""Whose fields the official plugin makes its own before it applies: operation and how the name begins."""


def new_manager() -> str:
    """A field manager of one resource's own."""
    return f"{CREATOR}-{secrets.token_hex(4)}"


def takeover(live: Object, manager: str) -> list[Object] | None:
    """A JSON patch that gives `manager` the fields which the plugin's creation or a hand wrote; None without any.

    Without it a field that the program no longer names would stay, and what kubectl added: server-side apply removes
    only what the same manager applied before.
    """
    metadata = live["metadata"]
    entries: list[Object] = metadata.get("managedFields") or []
    written = [entry for entry in entries if _is_taken_over(entry)]
    if not written:
        return None
    applied = next((entry for entry in entries if _is_apply_of(entry, manager)), None)
    fields: Object = dict(applied["fieldsV1"]) if applied else {}
    for entry in written:
        fields = _union(fields, entry["fieldsV1"])
    taken = {**(applied or written[0]), "manager": manager, "operation": "Apply", "fieldsV1": fields}
    others = [entry for entry in entries if entry not in written and entry is not applied]
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [taken, *others]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
    ]


def _is_taken_over(entry: Object) -> bool:
    return not entry.get("subresource") and any(
        entry.get("operation") == operation and str(entry.get("manager", "")).startswith(start)
        for operation, start in TAKEN_OVER
    )


def _is_apply_of(entry: Object, manager: str) -> bool:
    return (
        entry.get("operation") == "Apply" and entry.get("manager") == manager and not entry.get("subresource")
    )


def _union(first: Object, second: Object) -> Object:
    merged = dict(first)
    for key, value in second.items():
        merged[key] = _union(merged[key], value) if key in merged else value
    return merged
