"""Which gates stand at which edge between phases, and how all of them are measured."""

from collections.abc import Iterable, Iterator
from importlib import import_module

from model.promotion.gates import gates_of
from model.rollout import Leave
from sitectl.gates import Context, Gate, Outcome


def promotion(leave: Leave) -> Iterator[Gate]:
    """Yield the gates of a promotion, as the phase that is left asks for them."""
    yield from _named(gates_of("promotion", leave))


def rollback() -> Iterator[Gate]:
    """Yield the gate of a rollback."""
    from sitectl.gates import rollback_window

    yield from _named(gates_of("rollback", None), rollback_window.still_open)


def retirement() -> Iterator[Gate]:
    """Yield the gates of the incumbent's retirement."""
    from sitectl.gates import rollback_window

    yield from _named(gates_of("retirement", None), rollback_window.over)


def _named(names: Iterable[str], window: Gate | None = None) -> Iterator[Gate]:
    """Yield the gates of these names; `window` is how the rollback window is asked."""
    for name in names:
        if name == "rollback-window" and window is not None:
            yield window
        else:
            yield import_module(f"sitectl.gates.{name.replace('-', '_')}").measure


def measured(gates: Iterator[Gate], context: Context) -> tuple[Outcome, ...]:
    """Return what every gate found; one that does not pass keeps no other from being measured."""
    return tuple(gate(context) for gate in gates)
