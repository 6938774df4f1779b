"""What the verbs that change a phase say: the table of gates, why not, what was written and what comes next."""

import sys
from collections.abc import Iterable
from shlex import quote
from typing import TYPE_CHECKING

import click

from model.words import lines
from sitectl import output, problems
from sitectl.gates import Outcome

if TYPE_CHECKING:
    from sitectl.change import Change, Written

HEADER = ("gate", "passed", "figure", "asked for", "looked at", "source")
WIDEST = 44


def gates(outcomes: Iterable[Outcome]) -> None:
    """Print the table of gates, and under it in full why each that has not passed did not."""
    found = tuple(outcomes)
    rows = [
        (
            outcome.gate,
            output.paint("yes", "good") if outcome.passed else output.paint("NO", "bad"),
            _short(outcome.figure),
            _short(outcome.threshold),
            _short(outcome.window),
            _short(outcome.source),
        )
        for outcome in found
    ]
    output.write_table(HEADER, rows)
    for outcome in found:
        if not outcome.passed:
            click.echo(f"\n{output.paint(outcome.gate, 'bad')}: {lines(outcome.reason)}")


def as_data(change: "Change", written: "Written | None" = None) -> dict[str, object]:
    """Return a change as plain data for JSON."""
    return {
        "site": change.site.name,
        "kind": change.kind,
        "from": change.site.phase,
        "to": change.enters,
        "incumbent": change.incumbent,
        "passed": not change.refused,
        "override": change.override.model_dump() if change.override else None,
        "gates": [
            {
                "gate": outcome.gate,
                "passed": outcome.passed,
                "figure": outcome.figure,
                "threshold": outcome.threshold,
                "source": outcome.source,
                "window": outcome.window,
                "reason": outcome.reason or None,
            }
            for outcome in change.outcomes
        ],
        "record": None
        if written is None
        else {"file": str(problems.short(written.record)), "content": written.content},
    }


def not_written(change: "Change", *, refused: bool) -> None:
    """Say that nothing was written: refused, or a dry run."""
    if refused:
        count = f"{len(change.refused)} of {len(change.outcomes)} gates"
        click.echo(f"\n{output.paint('refused', 'bad')}: {count} did not pass. Nothing was written.")
    else:
        words = "every gate passes" if not change.refused else "it would continue by the override"
        click.echo(f"\n{output.paint(words, 'good')}; this was a dry run, nothing was written.")


def overridden(change: "Change") -> None:
    """Say loudly that somebody decided to go on."""
    assert change.override is not None  # noqa: S101 - asked only for an override
    names = ", ".join(outcome.gate for outcome in change.refused)
    banner = f"OVERRIDE: {change.site.name} continues although {names} did not pass"
    line = "!" * min(len(banner), 100)
    text = f"{line}\n{banner}\n  approver: {change.override.approver}\n  reason:   {change.override.reason}\n{line}"
    click.echo(output.paint(text, "bad", sys.stderr), err=True)


def wrote(change: "Change", written: "Written") -> None:
    """Say what was written, and what to do with it."""
    record, site = problems.short(written.record), problems.short(written.site_file)
    click.echo(f"\nwrote   {record}\nchanged {site}: {_edits(change)}")
    click.echo(f"\nNext: git add {quote(str(record))} {quote(str(site))}")
    click.echo(f"      git commit -m '{change.site.name}: {change.kind} to {change.enters}'")
    click.echo("      and open a change request: it is reviewed, approved, and deployed when it is merged.")


def _edits(change: "Change") -> str:
    return ", ".join(f"{'.'.join(path)}: {value}" for path, value in change.edits.items())


def _short(text: str) -> str:
    """Return a text as it fits into a column; the JSON form and the record have it in full."""
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
