"""Rules of names and numbers that nobody else may have: address ranges of zones, topic spaces of assets."""

from collections.abc import Iterator

from model.incumbent_bridge import MIRROR, overlapping
from model.rollout import BridgedTopics
from model.rules.rule import Finding, rule
from model.site import Site
from model.words import listed, quoted


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


@rule("incumbent", "name", "assets")
def what_crosses_the_bridge_crosses_one_to_one(site: Site) -> Iterator[Finding]:
    """No topic is in two bridged spaces, none is the OT mirror's, and each has a place among the site's own topics."""
    known = [site.name, f"spBv1.0/{site.name}", *site.spaces_elsewhere]
    earlier: list[BridgedTopics] = []
    for entry in site.incumbent.topics:
        key = ("incumbent", "topics", entry.name)
        for side in ("theirs", "ours"):
            space = getattr(entry, side)
            if space.split("/")[0] == MIRROR:
                problem = f"{quoted(space)} is the OT mirror's, and nothing bridges from or towards it"
                yield Finding((*key, side), problem, "remove it")
            for other in earlier:
                if overlapping(space, getattr(other, side)):
                    problem = (
                        f"{quoted(space)} and {quoted(getattr(other, side))} of {quoted(other.name)} overlap"
                    )
                    yield Finding((*key, side), problem, "part the two, so that each topic crosses once")
        if not any(f"{entry.ours}/".startswith(f"{space}/") for space in known):
            problem = f"{quoted(entry.ours)} is in no topic space of the site"
            yield Finding((*key, "ours"), problem, f"begin with {listed(known)}")
        earlier.append(entry)


RULES = (ranges_are_disjoint, topic_spaces_are_unique, what_crosses_the_bridge_crosses_one_to_one)
