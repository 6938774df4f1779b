"""Which gates stand at which edge between phases, and how all of them are measured."""

from collections.abc import Iterator

from model.rollout import Leave
from sitectl.gates import Context, Gate, Outcome


def promotion(leave: Leave) -> Iterator[Gate]:
    """Yield the gates of a promotion, as the phase that is left asks for them."""
    from sitectl.gates import (
        alerts,
        change_window,
        comparison,
        dashboards,
        policy,
        routes,
        service_level,
        soak,
        training,
    )

    yield soak.measure
    yield service_level.measure
    yield dashboards.measure
    yield alerts.measure
    yield routes.measure
    if leave.clean_policy:
        yield policy.measure
    if leave.comparison is not None:
        yield comparison.measure
    yield training.measure
    yield change_window.measure


def rollback() -> Iterator[Gate]:
    """Yield the gate of a rollback: it may be needed at any hour, so no change window is asked for."""
    from sitectl.gates import rollback_window

    yield rollback_window.still_open


def retirement() -> Iterator[Gate]:
    """Yield the gates of the incumbent's retirement."""
    from sitectl.gates import change_window, rollback_window

    yield rollback_window.over
    yield change_window.measure


def measured(gates: Iterator[Gate], context: Context) -> tuple[Outcome, ...]:
    """Return what every gate found; one that does not pass keeps no other from being measured."""
    return tuple(gate(context) for gate in gates)
