"""Compares the rules that Prometheus evaluates with those that a site's data give it.

A file of rules that Prometheus, or its operator, refuses leaves the old ones in place: nothing fails, and alerts are
those of before. So everything is compared that tells old from new, and what should be gone is looked for.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sitectl.prometheus import LoadedRule, Prometheus

if TYPE_CHECKING:
    from model import Site

# A rule that was not evaluated for as long is not live, whatever its interval.
OLDEST = timedelta(minutes=5)
Key = tuple[str, str]
"""Name of a group, and of an alert or record in it."""


def wanted_rules(site: "Site") -> dict[Key, Mapping[str, Any]]:
    """Return the rules that a site's data give it."""
    from components.prometheus_rules import rule_groups

    return {
        (group["name"], rule.get("alert") or rule["record"]): rule
        for group in rule_groups(site)
        for rule in group["rules"]
    }


def compare(site: "Site", prometheus: Prometheus, now: datetime) -> dict[str, str]:
    """Return what is wrong, in words that follow a rule's name, by that name; raises PrometheusError."""
    wanted = wanted_rules(site)
    groups = {group for group, _ in wanted}
    loaded = {(rule.group, rule.name): rule for rule in prometheus.rules() if rule.group in groups}
    found = {
        name: "; ".join(_problems(prometheus, now, rule, loaded.get((group, name))))
        for (group, name), rule in wanted.items()
    }
    stale = {
        name: "is loaded, and the site's data have it no more" for _, name in loaded.keys() - wanted.keys()
    }
    return {name: words for name, words in found.items() if words} | stale


def _problems(
    prometheus: Prometheus, now: datetime, wanted: Mapping[str, Any], rule: LoadedRule | None
) -> Iterator[str]:
    if rule is None:
        yield "is not loaded"
        return
    if prometheus.formatted(wanted["expr"]) != prometheus.formatted(rule.query):
        yield "is loaded with another expression than the site's data give it"
    if (held := _seconds(wanted.get("for", "0s"))) != rule.held.total_seconds():
        yield f"is loaded to wait {rule.held.total_seconds():g} s, and the site's data say {held} s"
    # Prometheus' operator may add labels of its own.
    for what, mine, theirs in (
        ("label", wanted.get("labels") or {}, rule.labels),
        ("annotation", wanted.get("annotations") or {}, rule.annotations),
    ):
        differing = sorted(name for name, text in mine.items() if theirs.get(name) != text)
        if differing:
            yield f"is loaded with another {what} than the site's data give it: {', '.join(differing)}"
    if rule.health == "unknown":
        yield "was not evaluated yet"
    elif rule.health != "ok":
        yield f"is {rule.health}: {rule.error}" if rule.error else f"is {rule.health}"
    elif now - rule.evaluated > OLDEST:
        yield f"was last evaluated at {rule.evaluated:%Y-%m-%d %H:%M:%S}"


def _seconds(text: str) -> int:
    from model.units import Duration

    return Duration.parse(text).seconds
