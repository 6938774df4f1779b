"""What must hold between the fields of a site; each rule names the parts that it reads."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from model.rules import (
    bridge_worker,
    broker,
    capacity,
    identity,
    images,
    kafka_way,
    names,
    network,
    phase,
    pki,
    policy,
    ports,
    protection,
    replicants,
    rollout,
    scaling,
    sinks,
    streams,
    worker,
)
from model.rules.rule import Finding, Rule
from model.site import Site

RULES: tuple[Rule, ...] = (
    *phase.RULES,
    *rollout.RULES,
    *names.RULES,
    *ports.RULES,
    *images.RULES,
    *network.RULES,
    *broker.RULES,
    *replicants.RULES,
    *capacity.RULES,
    *protection.RULES,
    *identity.RULES,
    *pki.RULES,
    *policy.RULES,
    *scaling.RULES,
    *streams.RULES,
    *kafka_way.RULES,
    *sinks.RULES,
    *worker.RULES,
    *bridge_worker.RULES,
)

__all__ = ["RULES", "Finding", "Rule", "findings"]


def findings(parts: dict[str, Any], partial: frozenset[str]) -> Iterator[Finding]:
    """Yield what breaks a rule, among the rules whose parts are there.

    `partial` names the parts with mistakes of their own: a rule that reads one of the fields that are not right in
    them finds nothing, and the others are still held.
    """
    site = Site.model_construct(_fields_set=None, **parts)
    for rule in RULES:
        if not rule.needs <= parts.keys():
            continue
        found = rule.find(site)
        if rule.needs.isdisjoint(partial):
            yield from found
        else:
            with suppress(AttributeError):
                yield from found
