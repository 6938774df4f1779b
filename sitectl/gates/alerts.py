"""Are the site's rules and alerts live: loaded as the site's data has them, evaluated, and silent where they page?"""

from sitectl import live_rules
from sitectl.gates import Context, Outcome
from sitectl.prometheus import PrometheusError

THRESHOLD = "every rule of the site loaded as its data has it, evaluated without error, and no page fires"
# More reasons than these are counted, not told.
TOLD = 5


def measure(context: Context) -> Outcome:
    """Compare the rules that the site's data asks for with those that Prometheus evaluates."""
    window = f"the last {int(live_rules.OLDEST.total_seconds() // 60)}m"
    prometheus = context.prometheus
    if isinstance(prometheus, PrometheusError):
        return Outcome("alerts", False, "no data", THRESHOLD, "Prometheus", window, str(prometheus))
    source = f"/api/v1/rules at {prometheus.address}"
    wanted = live_rules.wanted_rules(context.site)
    try:
        problems = live_rules.compare(context.site, prometheus, context.now)
        firing = [
            rule.name
            for rule in prometheus.rules()
            if (rule.group, rule.name) in wanted and rule.state == "firing" and rule.severity == "page"
        ]
    except PrometheusError as error:
        return Outcome("alerts", False, "no data", THRESHOLD, source, window, str(error))
    for name in firing:
        fires = f"fires: its page is runbooks/{name}.md"
        problems[name] = f"{problems[name]}; {fires}" if name in problems else fires
    told = [f"{name} {words}" for name, words in problems.items()]
    more = f"; and {len(told) - TOLD} more" if len(told) > TOLD else ""
    wrong = sum(name in problems for _, name in wanted)
    return Outcome(
        gate="alerts",
        passed=not told,
        figure=f"{len(wanted) - wrong} of {len(wanted)} rules",
        threshold=THRESHOLD,
        source=source,
        window=window,
        reason="; ".join(told[:TOLD]) + more,
    )
