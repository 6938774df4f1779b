"""How `sitectl capacity` shows a figure: the peak, what is carried, and when it is time to add what."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from model.capacity import Headroom

# Figures that are of a second.
RATES = (
    "messages",
    "records to Kafka",
    "bridged records",
    "worker records",
    "OT worker records",
    "decisions",
)


def described(figure: "Headroom") -> dict[str, object]:
    """Return a figure as plain data: numbers without units."""
    return {
        "what": figure.what,
        "peak": figure.peak,
        "carried": figure.carried,
        "used": round(float(figure.used), 4),
        "addAt": figure.add_at,
        "timeToAdd": figure.peak >= figure.add_at,
    }


def write(figures: Iterable[tuple["Headroom", str]]) -> None:
    """Print figures as a table, and the remedy of each whose time has come."""
    from sitectl import output

    rows = list(figures)
    output.write_table(("what", "peak", "carried", "used", "add at"), [_row(figure) for figure, _ in rows])
    click.echo()
    due = [(figure, remedy) for figure, remedy in rows if figure.peak >= figure.add_at]
    for figure, remedy in due:
        click.echo(f"{output.paint('time to add', 'warning')}: {figure.what}: {remedy}")
    if due:
        click.echo()


def _row(figure: "Headroom") -> tuple[str, ...]:
    unit = "/s" if figure.what in RATES else ""
    return (
        figure.what,
        f"{figure.peak}{unit}",
        f"{figure.carried}{unit}",
        f"{figure.used:.0%}",
        f"{figure.add_at}{unit}",
    )
