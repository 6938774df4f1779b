"""Words a review as the one comment of its change request: what a reviewer must see in two minutes comes first."""

from collections.abc import Iterator
from html import escape

from model.words import printable
from pipelines.markdown import block, cell, code, inline, step_line
from pipelines.review import Reviewed
from pipelines.stack import Plan, counted

MARK = "<!-- iot-broker-review -->"
"""By it the comment is found again, and updated in place."""
MOST_STEPS = 40


def text(found: Reviewed) -> str:
    """Return the comment as Markdown."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Reviewed) -> Iterator[str]:
    yield MARK
    yield f"### Review of {found.commit[:12]}: {verdict(found)}\n"
    yield from _to_look_at(found)
    for problem in found.problems:
        yield f"{block(problem)}\n"
    if not found.plans and not found.problems and not found.program:
        yield "No stack is touched."
        return
    if found.plans:
        yield "| site | why | what happens | destructive |\n|---|---|---|---|"
    for site, plan in found.plans.items():
        worst = f"**{len(plan.destructive)}**" if plan.destructive else "none"
        yield f"| {cell(site)} | {cell(found.affected.why[site])} | {counted(plan)} | {worst} |"
    for site, plan in found.bootstraps.items():
        words = "Vault's administrator runs the bootstrap before the merge"
        yield f"\n**{inline(site)}: {words}: {counted(plan)}**\n"
        yield from (f"- {step_line(step)}" for step in plan.steps)
    for site, plan in found.plans.items():
        yield from _details(site, plan, found.states[site])


def verdict(found: Reviewed) -> str:
    """Return in a few words whether the change may be merged."""
    if found.problems:
        return "must not be merged"
    lacking = "; ".join(f"{site}: {words}" for site, words in found.lacking.items())
    return "may be merged when it is approved" + (f" ({lacking})" if lacking else "")


def _to_look_at(found: Reviewed) -> Iterator[str]:
    """Yield what no preview shows, and a reader must see."""
    if found.program:
        yield (
            f"**It changes the program**: {_listed(found.program)}. None of it was run here, so no plan was seen: read "
            "it. What it does to the stacks is reviewed after the merge, before it is released (docs/pipelines.md).\n"
        )
    if found.code:
        yield (
            f"**It changes other code**: {_listed(found.code)}. None of it was run here, and no plan shows it: "
            "read it.\n"
        )
    if found.trust:
        yield f"**It changes whose word counts**: {_listed(found.trust)}. It counts for what comes after it.\n"
    if found.settings:
        yield f"**It changes settings**, which say where logins are sent: {_listed(found.settings)}. Not used here.\n"


def _listed(paths: list[str]) -> str:
    shown = ", ".join(code(path) for path in paths[:MOST_STEPS])
    return shown + (f" and {len(paths) - MOST_STEPS} more" if len(paths) > MOST_STEPS else "")


def _details(site: str, plan: Plan, state: str) -> Iterator[str]:
    if plan.destructive:
        yield f"\n**{inline(site)}: replaced or deleted**\n"
        yield from (f"- {step_line(step, most=6)}" for step in plan.destructive)
    yield f"\n<details><summary>{escape(printable(site))}: {len(plan.steps)} steps</summary>\n"
    yield from (f"- {step_line(step, most=6)}" for step in plan.steps[:MOST_STEPS])
    if len(plan.steps) > MOST_STEPS:
        yield f"- and {len(plan.steps) - MOST_STEPS} more"
    yield f"\nplan {code(plan.digest)}<br>state {code(state)}\n</details>"
