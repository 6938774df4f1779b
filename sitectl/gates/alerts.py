"""Are the site's rules and alerts live?"""

from collections.abc import Iterator
from datetime import timedelta

from sitectl.gates import Context, Outcome
from sitectl.prometheus import LoadedRule, PrometheusError

THRESHOLD = "every rule of the site evaluated without error, and no page fires"
# A rule that was not evaluated for as long is not live, whatever its interval.
OLDEST = timedelta(minutes=5)


def measure(context: Context) -> Outcome:
    """Compare the rules that the site's data asks for with those that Prometheus evaluates."""
    from components.prometheus_rules import rule_groups

    wanted = {
        (group["name"], rule.get("alert") or rule["record"])
        for group in rule_groups(context.site)
        for rule in group["rules"]
    }
    window = f"the last {int(OLDEST.total_seconds() // 60)}m"
    if isinstance(context.prometheus, PrometheusError):
        return Outcome("alerts", False, "no data", THRESHOLD, "Prometheus", window, str(context.prometheus))
    source = f"/api/v1/rules at {context.prometheus.address}"
    try:
        loaded = context.prometheus.rules()
    except PrometheusError as error:
        return Outcome("alerts", False, "no data", THRESHOLD, source, window, str(error))
    present = {(rule.group, rule.name): rule for rule in loaded if (rule.group, rule.name) in wanted}
    problems = [f"{name} is not loaded" for group, name in sorted(wanted - present.keys())]
    for rule in present.values():
        problems += _problems(rule, context)
    live = sum(not list(_problems(rule, context)) for rule in present.values())
    return Outcome(
        gate="alerts",
        passed=not problems,
        figure=f"{live} of {len(wanted)} rules",
        threshold=THRESHOLD,
        source=source,
        window=window,
        reason="; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else ""),
    )


def _problems(rule: LoadedRule, context: Context) -> Iterator[str]:
    if rule.health != "ok":
        yield f"{rule.name} is {rule.health}: {rule.error}" if rule.error else f"{rule.name} is {rule.health}"
    elif context.now - rule.evaluated > OLDEST:
        yield f"{rule.name} was last evaluated at {rule.evaluated:%Y-%m-%d %H:%M:%S}"
    if rule.state == "firing" and rule.severity == "page":
        yield f"{rule.name} fires: its page is runbooks/{rule.name}.md"
