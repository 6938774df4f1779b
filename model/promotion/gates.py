"""Which gates stand at which step between phases: a record names exactly these, each once."""

from model.promotion.record import Kind
from model.rollout import Leave


def gates_of(kind: Kind, leave: Leave | None) -> tuple[str, ...]:
    """Return the names of a step's gates, in the order in which they are measured.

    `leave` is what the phase that is left asks for; only a promotion needs it. A rollback may be needed at any hour, so
    no change window is asked for.
    """
    if kind == "rollback":
        return ("rollback-window",)
    if kind == "retirement":
        return "rollback-window", "change-window"
    policy = ("policy",) if leave is None or leave.clean_policy else ()
    comparison = ("comparison",) if leave is not None and leave.comparison is not None else ()
    first = ("soak", "service-level", "dashboards", "alerts", "routes")
    return *first, *policy, *comparison, "training", "change-window"
