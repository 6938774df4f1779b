"""What Strimzi's topic and user operators have in common: pausing, finalizers and how a status is written."""

from collections.abc import Iterable, Mapping
from typing import Any

from lab.operators.conditions import Condition, conditions_document
from lab.operators.kubernetes import CONFLICT, NOT_FOUND, Document, Kind, KubernetesClient, KubernetesError
from lab.operators.loop import Retry


class Refusal(Exception):
    """The operator itself refuses what a resource asks for: one CamelCase word and a sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def paused(document: Document) -> bool:
    """Return whether somebody asked the operator to leave this resource alone for now."""
    annotations = document["metadata"].get("annotations") or {}
    return bool(annotations.get("strimzi.io/pause-reconciliation") == "true")


def conclude(
    kubernetes: KubernetesClient,
    kind: Kind,
    document: Document,
    conditions: Iterable[Condition],
    found: Mapping[str, Any] | None = None,
) -> None:
    """Write a resource's status when it differs from the one it has; a resource that is gone needs none."""
    metadata, before = document["metadata"], document.get("status") or {}
    status = {
        "conditions": conditions_document(conditions, before.get("conditions") or []),
        "observedGeneration": metadata["generation"],
        **(found or {}),
    }
    if status == before:
        return
    removed = {key: None for key in before if key not in status}
    try:
        kubernetes.merge(
            kind, metadata["namespace"], metadata["name"], {"status": status | removed}, "status"
        )
    except KubernetesError as error:
        if error.status != NOT_FOUND:
            raise


def say_why_it_waits(kubernetes: KubernetesClient, kind: Kind, document: Document, away: Retry) -> None:
    """Say in the status of a resource that is new or changed that its server is away; what was done stays said."""
    status = document.get("status") or {}
    if status.get("observedGeneration") != document["metadata"]["generation"]:
        conclude(kubernetes, kind, document, [Condition("Ready", "False", "KafkaError", str(away))])


def set_finalizers(
    kubernetes: KubernetesClient, kind: Kind, document: Document, present: list[str], absent: list[str]
) -> None:
    """Add and take away finalizers, on exactly the version of the resource that was seen."""
    metadata = document["metadata"]
    before = metadata.get("finalizers") or []
    after = [name for name in before if name not in absent]
    after += [name for name in present if name not in after]
    if after == before:
        return
    patch = {"metadata": {"finalizers": after, "resourceVersion": metadata["resourceVersion"]}}
    try:
        kubernetes.merge(kind, metadata["namespace"], metadata["name"], patch)
    except KubernetesError as error:
        if error.status == CONFLICT:
            raise Retry("the resource changed meanwhile") from error
        if error.status != NOT_FOUND:
            raise
