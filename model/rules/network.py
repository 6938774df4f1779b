"""Rules of names and numbers that nobody else may have: address ranges of zones, topic spaces of assets."""

from collections.abc import Iterator

from model.rules.rule import Finding, rule
from model.site import Site
from model.words import quoted


@rule("network")
def ranges_are_disjoint(site: Site) -> Iterator[Finding]:
    """No address belongs to two zones, and no range is listed twice."""
    seen: list[tuple[str, int]] = []
    by_name = {zone.name: zone for zone in site.network.zones}
    for zone in site.network.zones:
        for index, cidr in enumerate(zone.cidrs):
            for other, position in seen:
                theirs = by_name[other].cidrs[position]
                if cidr.overlaps(theirs):
                    where = "listed before" if other == zone.name else f"zone {quoted(other)}'s"
                    problem = f"{quoted(cidr)} overlaps {quoted(theirs)}, {where}"
                    key = ("network", "zones", zone.name, "cidrs", index)
                    yield Finding(key, problem, "give each zone ranges of its own")
            seen.append((zone.name, index))


@rule("name", "assets")
def topic_spaces_are_unique(site: Site) -> Iterator[Finding]:
    """No asset's topics are also, or lie within, another asset's; none lies under `ot/`, which is read-only."""
    spaces = site.topic_spaces
    for asset, space in spaces.items():
        key = ("assets", asset, "topic_space")
        if space.split("/")[0] == "ot":
            yield Finding(
                key, f"{quoted(space)} is under `ot/`, which only the mirror writes", "write another"
            )
        for other, theirs in spaces.items():
            if other != asset and ((space == theirs and asset > other) or space.startswith(theirs + "/")):
                relation = "is also" if space == theirs else "lies within"
                problem = f"{quoted(space)} {relation} the topic space of {quoted(other)}"
                yield Finding(key, problem, "give each asset a topic space of its own")


RULES = (ranges_are_disjoint, topic_spaces_are_unique)
