"""Status conditions as Kubernetes operators write them: a time of transition that moves only when the status does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Condition:
    """One condition: `status` is True, False or Unknown; `reason` one CamelCase word; `message` for people."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


def conditions_document(
    conditions: Iterable[Condition], before: Iterable[Mapping[str, Any]], now: datetime | None = None
) -> list[dict[str, str]]:
    """Return the conditions as an object's status carries them.

    A condition whose status is as in `before` keeps its lastTransitionTime; empty reason and message are left out.
    """
    moment = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    earlier = {old["type"]: old for old in before}
    return [_document(condition, earlier.get(condition.type), moment) for condition in conditions]


def _document(condition: Condition, before: Mapping[str, Any] | None, moment: str) -> dict[str, str]:
    unmoved = before is not None and before.get("status") == condition.status
    since = before["lastTransitionTime"] if before is not None and unmoved else moment
    fields = {
        "type": condition.type,
        "status": condition.status,
        "lastTransitionTime": since,
        "reason": condition.reason,
        "message": condition.message,
    }
    return {name: value for name, value in fields.items() if value}
