"""What must hold between the fields of a site; each rule names the parts that it reads."""

from collections.abc import Iterator
from typing import Any

from model.rules import broker, capacity, identity, phase, pki, policy, streams
from model.rules.rule import Finding, Rule
from model.site import Site

RULES: tuple[Rule, ...] = (
    *phase.RULES,
    *broker.RULES,
    *capacity.RULES,
    *identity.RULES,
    *pki.RULES,
    *policy.RULES,
    *streams.RULES,
)

__all__ = ["RULES", "Finding", "Rule", "findings"]


def findings(parts: dict[str, Any]) -> Iterator[Finding]:
    """Yield what breaks a rule, among the rules whose parts are there and right."""
    site = Site.model_construct(_fields_set=None, **parts)
    for rule in RULES:
        if rule.needs <= parts.keys():
            yield from rule.find(site)
