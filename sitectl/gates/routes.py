"""Do alerts reach people?"""

from datetime import datetime, timedelta

from model.promotion.reports import RoutesReport, TestedRoute
from sitectl.gates import Context, Outcome
from sitectl.gates.reported import reported, source_of

# Each kind of alert takes a way of its own.
SEVERITIES = ("page", "ticket")


def measure(context: Context) -> Outcome:
    """Look in the signed report for a confirmed test of the way of each severity that is recent enough."""
    within = context.asked.routes_tested_within
    threshold = f"a confirmed test for {' and '.join(SEVERITIES)} in the last {within}"
    report = reported(context, "routes", RoutesReport, threshold)
    if isinstance(report, Outcome):
        return report
    limit = timedelta(seconds=within.seconds)
    missing = [
        severity
        for severity in SEVERITIES
        if not any(
            route.severity == severity and _counts(route, context.now, limit) for route in report.routes
        )
    ]
    latest = max(route.confirmed_at for route in report.routes)
    return Outcome(
        gate="routes",
        passed=not missing,
        figure=f"{len(report.routes)} ways tested, the last on {latest}",
        threshold=threshold,
        source=f"{source_of(context, 'routes')} by {report.made_by}",
        window=f"the last {within}",
        reason=f"no confirmed test of the way of: {', '.join(missing)}" if missing else "",
    )


def _counts(route: TestedRoute, now: datetime, limit: timedelta) -> bool:
    return route.sent_at.at <= route.confirmed_at.at <= now and now - route.sent_at.at <= limit
