"""Rules of the rollout: the incumbent's state, what must be true to leave a phase, and who answers for it."""

from collections.abc import Iterator

from model.rollout import PHASES
from model.rules.rule import Finding, rule
from model.site import Site
from model.words import listed, quoted


@rule("incumbent", "limits", "phase")
def incumbent_is_in_a_state_of_the_phase(site: Site) -> Iterator[Finding]:
    """The incumbent is in one of the states that the phase allows."""
    if site.incumbent.state not in site.limits.incumbent:
        problem = f"{quoted(site.incumbent.state)} cannot be in phase {quoted(site.phase)}"
        yield Finding(("incumbent", "state"), problem, f"write {listed(site.limits.incumbent)}")


@rule("limits", "phase")
def a_phase_is_left_for_the_next_one(site: Site) -> Iterator[Finding]:
    """What must be true to leave is said of every phase but the last, and leads to the next."""
    position = PHASES.index(site.phase)
    following = PHASES[position + 1] if position + 1 < len(PHASES) else None
    leave = site.limits.leave
    if leave is None and following is not None:
        problem = f"phase {quoted(site.phase)} does not say what must be true to leave it"
        yield Finding(("limits", "leave"), problem, f"add `leave: {{to: {following}, …}}`")
    if leave is not None and leave.to != following:
        problem = f"{quoted(leave.to)} does not follow phase {quoted(site.phase)}"
        remedy = f"write {quoted(following)}" if following else "leave it out: this is the last phase"
        yield Finding(("limits", "leave", "to"), problem, remedy)
    if leave is not None and leave.window.seconds == 0:
        yield Finding(("limits", "leave", "window"), "`0s` measures nothing", "write a time, like `30d`")


@rule("limits", "phase")
def the_first_phase_has_no_way_back(site: Site) -> Iterator[Finding]:
    """There is nothing to go back to from the first phase; from every other one there is."""
    first = site.phase == PHASES[0]
    if first and site.limits.rollback_window is not None:
        problem = f"there is no phase before {quoted(site.phase)}"
        yield Finding(("limits", "rollback_window"), problem, "leave it out")
    if not first and site.limits.rollback_window is None:
        problem = f"phase {quoted(site.phase)} does not say how long the site may go back"
        yield Finding(("limits", "rollback_window"), problem, "add it, like `30d`")


@rule("owners", "limits")
def somebody_is_there_to_be_trained(site: Site) -> Iterator[Finding]:
    """Each role that must be trained before the phase is left has an owner."""
    roles = {owner.role for owner in site.owners}
    for role in site.limits.leave.training if site.limits.leave else ():
        if role not in roles:
            problem = f"no owner is the site's {quoted(role)}, whom this phase wants trained"
            yield Finding(("owners",), problem, f"add an owner with `role: {role}`")


@rule("monitoring")
def business_hours_have_a_beginning_and_an_end(site: Site) -> Iterator[Finding]:
    """The hours in which a service level holds begin before they end."""
    for window in site.monitoring.business_hours:
        if window.opens >= window.closes:
            problem = f"{quoted(window.closes)} is not after {quoted(window.opens)}"
            remedy = "write a later time of the same day; two windows cover a night"
            yield Finding(("monitoring", "business_hours", window.name, "closes"), problem, remedy)


@rule("change")
def changes_have_their_time(site: Site) -> Iterator[Finding]:
    """A change window opens before it closes, and a freeze begins before it ends."""
    for window in site.change.windows:
        if window.opens >= window.closes:
            problem = f"{quoted(window.closes)} is not after {quoted(window.opens)}"
            remedy = "write a later time of the same day; two windows cover a night"
            yield Finding(("change", "windows", window.name, "closes"), problem, remedy)
    for freeze in site.change.freezes:
        if freeze.first > freeze.last:
            problem = f"{quoted(freeze.last)} is before {quoted(freeze.first)}"
            yield Finding(("change", "freezes", freeze.name, "last"), problem, "exchange the two")


@rule("incumbent", "started")
def the_licence_outlasts_the_start(site: Site) -> Iterator[Finding]:
    """The incumbent's licence was valid when the pilot began: else its day is that of an earlier licence."""
    ends = site.incumbent.licence_ends
    if ends is not None and ends.date < site.started.date:
        problem = f"{quoted(ends)} is before the pilot began, on {site.started}"
        yield Finding(("incumbent", "licence_ends"), problem, "write the last day of the licence of today")


RULES = (
    incumbent_is_in_a_state_of_the_phase,
    the_licence_outlasts_the_start,
    a_phase_is_left_for_the_next_one,
    the_first_phase_has_no_way_back,
    somebody_is_there_to_be_trained,
    business_hours_have_a_beginning_and_an_end,
    changes_have_their_time,
)
