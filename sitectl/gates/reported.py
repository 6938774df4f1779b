"""What the gates that read a signed report have in common."""

from datetime import timedelta
from typing import TypeVar

from model.promotion.files import read_report, report_file
from model.promotion.reports import REPORTS, Report, ReportName
from sitectl.gates import Context, Outcome

Form = TypeVar("Form", bound=Report)
NOTHING = "nothing"


def reported(context: Context, name: ReportName, form: type[Form], threshold: str) -> Form | Outcome:
    """Return a site's report, or the outcome of one that is missing, broken, unsigned or too old."""
    assert REPORTS[name] is form  # noqa: S101 - a gate reads the report of its own name
    file = report_file(context.stacks, context.site.name, name)
    source = source_of(context, name)
    oldest = context.asked.reports_within
    window = f"the last {oldest}"
    if not file.exists():
        reason = f"there is no report: its tool writes {source} (docs/promotion.md has the format)"
        return Outcome(name, False, NOTHING, threshold, source, window, reason)
    entry = read_report(context.stacks, context.site.name, name, context.judge)
    if not isinstance(entry.value, form):
        reason = "; ".join(f"{error.key}: {error.problem}" for error in entry.errors)
        return Outcome(name, False, NOTHING, threshold, source, window, reason)
    age = context.now - entry.value.made_at.at
    if age > timedelta(seconds=oldest.seconds):
        reason = f"the report is of {entry.value.made_at}: have a new one made"
        return Outcome(name, False, NOTHING, threshold, source, window, reason)
    if age < timedelta(0):
        reason = f"the report says that it was made later than now: {entry.value.made_at}"
        return Outcome(name, False, NOTHING, threshold, source, window, reason)
    return entry.value


def source_of(context: Context, name: ReportName) -> str:
    """Return the report's path as people write it."""
    return f"stacks/reports/{context.site.name}/{name}.yaml"
