"""Are the site's rules and alerts live: loaded as the site's data has them, evaluated, and silent where they page?"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from sitectl.gates import Context, Outcome
from sitectl.prometheus import LoadedRule, Prometheus, PrometheusError

THRESHOLD = "every rule of the site loaded as its data has it, evaluated without error, and no page fires"
# A rule that was not evaluated for as long is not live, whatever its interval.
OLDEST = timedelta(minutes=5)
# More reasons than these are counted, not told.
TOLD = 5


def measure(context: Context) -> Outcome:
    """Compare the rules that the site's data asks for with those that Prometheus evaluates."""
    from components.prometheus_rules import rule_groups

    wanted = {
        (group["name"], rule.get("alert") or rule["record"]): rule
        for group in rule_groups(context.site)
        for rule in group["rules"]
    }
    window = f"the last {int(OLDEST.total_seconds() // 60)}m"
    prometheus = context.prometheus
    if isinstance(prometheus, PrometheusError):
        return Outcome("alerts", False, "no data", THRESHOLD, "Prometheus", window, str(prometheus))
    source = f"/api/v1/rules at {prometheus.address}"
    try:
        loaded = {(rule.group, rule.name): rule for rule in prometheus.rules()}
        problems = {key: _problem(prometheus, context, loaded.get(key), wanted[key]) for key in wanted}
    except PrometheusError as error:
        return Outcome("alerts", False, "no data", THRESHOLD, source, window, str(error))
    told = [f"{name} {problem}" for (_, name), problem in problems.items() if problem]
    more = f"; and {len(told) - TOLD} more" if len(told) > TOLD else ""
    return Outcome(
        gate="alerts",
        passed=not told,
        figure=f"{len(wanted) - len(told)} of {len(wanted)} rules",
        threshold=THRESHOLD,
        source=source,
        window=window,
        reason="; ".join(told[:TOLD]) + more,
    )


def _problem(
    prometheus: Prometheus, context: Context, rule: LoadedRule | None, wanted: Mapping[str, Any]
) -> str:
    """Return what is wrong with a rule, in words that follow its name; empty when nothing is."""
    return "; ".join(_problems(prometheus, context, rule, wanted)) if rule else "is not loaded"


def _problems(
    prometheus: Prometheus, context: Context, rule: LoadedRule, wanted: Mapping[str, Any]
) -> Iterator[str]:
    if prometheus.formatted(wanted["expr"]) != prometheus.formatted(rule.query):
        yield "is loaded with another expression than the site's data gives it"
    if rule.health == "unknown":
        yield "was not evaluated yet"
    elif rule.health != "ok":
        yield f"is {rule.health}: {rule.error}" if rule.error else f"is {rule.health}"
    elif context.now - rule.evaluated > OLDEST:
        yield f"was last evaluated at {rule.evaluated:%Y-%m-%d %H:%M:%S}"
    if rule.state == "firing" and rule.severity == "page":
        yield f"fires: its page is runbooks/{rule.name}.md"
