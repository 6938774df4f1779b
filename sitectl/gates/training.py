"""Have the people who answer for the site been trained?"""

from datetime import timedelta

from model.promotion.reports import TrainingReport
from sitectl.gates import Context, Outcome
from sitectl.gates.reported import NOTHING, source_of

# How long a course counts. The kit's own choice: a year, as refresher courses in the field are held.
VALID = timedelta(days=365)


def measure(context: Context) -> Outcome:
    """Look in the signed record for each owner whose role the phase wants trained.

    Unlike measurements it does not grow old by `reports_within`, but each course counts for a year.
    """
    from model.promotion.files import read_report, report_file

    roles = context.asked.training
    owners = [owner for owner in context.site.owners if owner.role in roles]
    threshold = f"each {' and '.join(roles)} in the last {VALID.days}d" if roles else "no role"
    source, window = source_of(context, "training"), f"the last {VALID.days}d"
    if roles and not report_file(context.stacks, context.site.name, "training").exists():
        reason = f"there is no record of training: write {source} and sign it (docs/promotion.md)"
        return Outcome("training", False, NOTHING, threshold, source, window, reason)
    people: dict[str, set[str]] = {}
    if roles:
        entry = read_report(context.stacks, context.site.name, "training", context.judge)
        if not isinstance(entry.value, TrainingReport):
            reason = "; ".join(f"{error.key}: {error.problem}" for error in entry.errors)
            return Outcome("training", False, NOTHING, threshold, source, window, reason)
        for person in entry.value.people:
            if timedelta(0) <= context.now.date() - person.passed.date <= VALID:
                people.setdefault(person.name, set()).add(person.role)
    missing = [owner for owner in owners if owner.role not in people.get(owner.name, ())]
    return Outcome(
        gate="training",
        passed=not missing,
        figure=f"{len(owners) - len(missing)} of {len(owners)} owners",
        threshold=threshold,
        source=source,
        window=window,
        reason=f"not trained: {', '.join(f'{owner.name} ({owner.role})' for owner in missing)}"
        if missing
        else "",
    )
