"""Rules of names and numbers that nobody else may have: address ranges of zones, topic spaces of assets."""

from collections.abc import Iterator

from model.incumbent_bridge import MIRROR, overlapping
from model.network import Peer
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


@rule("network", "platform", "incumbent", "streams")
def destinations_are_named_and_no_control_system(site: Site) -> Iterator[Finding]:
    """Each server that the site connects to is somewhere, in one way, and none is in a zone of the control system."""
    zones = [zone for zone in site.network.zones if zone.kind == "ot"]
    for key, peer in _destinations(site):
        if (peer.namespace is None) == (not peer.cidrs):
            problem = "names both pods and addresses" if peer.cidrs else "names neither pods nor addresses"
            yield Finding(key, problem, "write either `namespace` (and `pods`), or `cidrs`")
        if peer.pods and peer.namespace is None:
            problem = "has labels of pods and no namespace"
            yield Finding((*key, "pods"), problem, "write `namespace` beside it")
        for index, cidr in enumerate(peer.cidrs):
            where = (*key, "cidrs", index)
            if cidr.range.prefixlen == 0:
                problem = f"{quoted(cidr)} is every address, which limits nothing"
                yield Finding(where, problem, "write the server's own addresses")
                continue
            for zone in zones:
                if any(cidr.overlaps(range_) for range_ in zone.cidrs):
                    problem = (
                        f"{quoted(cidr)} reaches into zone {quoted(zone.name)}, which is of kind `ot`: nothing of "
                        "the site connects to the control system"
                    )
                    yield Finding(
                        where, problem, "name addresses outside of it, or another `kind` of the zone"
                    )


@rule("incumbent", "limits", "streams")
def every_destination_is_somewhere(site: Site) -> Iterator[Finding]:
    """The network's policies know where the stores are, and where the bridge leads while there is one."""
    example = "like `[{cidrs: [10.20.0.40/32]}]`, or `[{namespace: stores, pods: {app: tsdb}}]`"
    bridge = [(("incumbent", "at"), site.incumbent.at)] if site.bridge != "none" else []
    for key, peers in (*bridge, *_stores(site)):
        if peers is None:
            problem = "is missing: network policies let the site's pods out to named servers alone"
            yield Finding(key, problem, f"write where that server is, {example} (docs/access.md)")


def _stores(site: Site) -> Iterator[tuple[tuple[str, ...], tuple[Peer, ...] | None]]:
    """Yield where each store is, with its key."""
    for sink in site.streams.sinks:
        key = ("streams", "sinks", sink.name)
        if sink.timescaledb is not None:
            yield (*key, "timescaledb", "at"), sink.timescaledb.at
        if sink.influxdb is not None:
            yield (*key, "influxdb", "at"), sink.influxdb.at
        if sink.iceberg is not None:
            yield (*key, "iceberg", "catalog_at"), sink.iceberg.catalog_at
            yield (*key, "iceberg", "object_storage_at"), sink.iceberg.object_storage_at


def _destinations(site: Site) -> Iterator[tuple[tuple[str | int, ...], Peer]]:
    """Yield each place that the site's pods connect to, with its key."""
    platform = site.platform
    lists = (
        (("platform", "api_server"), platform.api_server),
        (("platform", "dns"), platform.dns),
        (("platform", "vault"), platform.vault),
        (("platform", "keycloak"), platform.keycloak),
        (("incumbent", "at"), site.incumbent.at),
        *_stores(site),
    )
    for where, peers in lists:
        for index, peer in enumerate(peers or ()):
            yield (*where, index), peer


RULES = (
    ranges_are_disjoint,
    topic_spaces_are_unique,
    what_crosses_the_bridge_crosses_one_to_one,
    destinations_are_named_and_no_control_system,
    every_destination_is_somewhere,
)
