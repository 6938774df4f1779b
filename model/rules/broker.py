"""Rules of the broker: edition against version, licence and image; ports; spread; the server certificate."""

from collections.abc import Iterator

from model.broker import Broker
from model.rules.rule import Finding, rule
from model.site import Site
from model.support import support_of
from model.words import did_you_mean, quoted

LAST_OPENSOURCE = (5, 8, 9)  # the last tag under Apache-2.0
FIRST_KNOWN = (5, 8, 0)  # older ones lack what the kit configures, and get no fixes
# A listener's `max_conn_rate` counts for each of its 16 acceptors (emqx#15743, #15752, #15753).
LIMITS_TOO_HIGH: dict[tuple[int, ...], str] = {(5, 9, 0): "5.9.3", (5, 9, 1): "5.9.3", (5, 10, 0): "5.10.4"}
FIRST_LICENSED = (5, 9, 0)  # from here a cluster without a key stops at start (SINGLE_NODE_LICENSE)
# Ports on which the nodes talk with one another: Erlang's distribution; calls, by the operator's and EMQX's own choice.
BETWEEN_NODES = {4370: "the nodes' own", 5369: "the nodes' own", 5370: "the nodes' own"}
TRIAL_CONNECTIONS = 25  # what the trial licence lets in that enterprise 5.8 runs with when it is given no key


@rule("broker")
def version_exists_in_the_edition(site: Site) -> Iterator[Finding]:
    """The opensource edition ends at 5.8.9, and nothing before 5.8 is supported."""
    broker = site.broker
    if broker.edition == "opensource" and broker.version_numbers > LAST_OPENSOURCE:
        problem = f"there is no opensource {quoted(broker.version)}; the opensource edition ends at 5.8.9"
        yield Finding(("broker", "version"), problem, "write `5.8.9`, or choose `edition: enterprise`")
    if broker.version_numbers < FIRST_KNOWN:
        problem = f"{quoted(broker.version)} is older than the kit configures"
        yield Finding(("broker", "version"), problem, "write `5.8.9` or a later version")


@rule("broker")
def version_keeps_its_limits(site: Site) -> Iterator[Finding]:
    """The version is none whose listeners let in 16 times as many as they are told."""
    broker = site.broker
    later = LIMITS_TOO_HIGH.get(broker.version_numbers)
    if later is not None and broker.edition == "enterprise":
        problem = (
            f"{quoted(broker.version)} lets in 16 times as many connections in a second as a listener allows"
        )
        yield Finding(("broker", "version"), problem, f"write `{later}` or a later version")


@rule("broker")
def acceptance_is_of_a_support_that_ends_before(site: Site) -> Iterator[Finding]:
    """A site accepts that support has ended only for days after its end."""
    broker = site.broker
    until, end = broker.unsupported_until, support_of(broker).end
    if until is None:
        return
    key = ("broker", "unsupported_until")
    if broker.edition == "opensource":
        yield Finding(key, "the opensource edition has no support that could end", "leave it out")
    elif end is None or until.date <= end:
        problem = f"the support of {broker.version} does not end before {quoted(until)}"
        yield Finding(key, problem, "leave it out" if end is None else f"leave it out until {end}")


@rule("broker")
def licence_is_there_when_needed(site: Site) -> Iterator[Finding]:
    """Enterprise without a licence key is a single node: from 5.9 on in production, before that on trial."""
    broker = site.broker
    if broker.edition == "enterprise" and broker.licence is None and (problem := _unlicensed(broker)):
        remedy = (
            "add `licence: {secret: broker-licence, key: emqx.lic}`, a Secret in the site's namespace with the "
            "publisher's key (docs/real-site.md), or choose `edition: opensource`"
        )
        yield Finding(("broker", "licence"), problem, remedy)
    if broker.edition == "opensource" and broker.licence is not None:
        problem = "the opensource edition takes no licence"
        yield Finding(("broker", "licence"), problem, "leave it out, or choose `edition: enterprise`")


def _unlicensed(broker: Broker) -> str | None:
    """Return what is wrong with an enterprise broker that is given no licence key; None for one that may run."""
    if broker.version_numbers >= FIRST_LICENSED:
        if broker.nodes > 1:
            return f"enterprise {broker.version} with {broker.nodes} nodes stops at start without a licence"
        return None
    trial = f"enterprise {broker.version} without a licence runs on the publisher's trial licence"
    if broker.load.connections > TRIAL_CONNECTIONS:
        return f"{trial}: it lets in {TRIAL_CONNECTIONS} of {broker.load.connections} connections"
    if broker.nodes > 1:
        return f"{trial}, which is to try it out, and not for a cluster of {broker.nodes} nodes"
    return None


@rule("broker")
def image_is_of_the_edition(site: Site) -> Iterator[Finding]:
    """The image's own name does not belong to the other edition."""
    name = site.broker.image.repository.rsplit("/", 1)[-1]
    other = {"opensource": "emqx-enterprise", "enterprise": "emqx"}[site.broker.edition]
    right = {"opensource": "emqx", "enterprise": "emqx-enterprise"}[site.broker.edition]
    if name == other:
        problem = f"{quoted(site.broker.image.repository)} is not the image of edition {site.broker.edition}"
        yield Finding(("broker", "image", "repository"), problem, f"write `…/{right}`")


@rule("broker")
def ports_are_distinct(site: Site) -> Iterator[Finding]:
    """No two listeners share a port, or have one that the nodes need between themselves."""
    listeners = site.broker.listeners
    doors: list[tuple[str, tuple[str, ...], int]] = [
        (name, ("broker", "listeners", name, "port"), listener.port)
        for name, listener in listeners.by_name.items()
        if not name.startswith("zone-")
    ]
    doors += [
        (f"zone {zone.name}", ("broker", "listeners", "zones", zone.name, "port"), zone.port)
        for zone in listeners.zones
    ]
    taken = dict(BETWEEN_NODES)
    for name, key, port in (*doors, ("dashboard", ("broker", "dashboard_port"), site.broker.dashboard_port)):
        if port in taken:
            yield Finding(key, f"port {quoted(port)} is {taken[port]} already", "give it one of its own")
        taken.setdefault(port, f"{name}'s")


@rule("broker", "network")
def zone_listeners_are_of_zones(site: Site) -> Iterator[Finding]:
    """Each listener of a zone, and each zone that comes to `mqtts`, is one of the site's network zones."""
    zones = [zone.name for zone in site.network.zones]
    doors, where = site.broker.listeners, ("broker", "listeners")
    own = [door.name for door in doors.zones]
    for listener in doors.zones:
        if listener.name not in zones:
            key = (*where, "zones", listener.name, "name")
            problem = f"{quoted(listener.name)} is not a network zone of the site"
            yield Finding(key, problem, did_you_mean(listener.name, zones))
    for index, name in enumerate(doors.mqtts_for):
        if name not in zones:
            problem = f"{quoted(name)} is not a network zone of the site"
            yield Finding((*where, "mqtts_for", index), problem, did_you_mean(name, zones))
        elif name in own:
            problem = f"{quoted(name)} has a listener of its own"
            yield Finding((*where, "mqtts_for", index), problem, "leave it out in one of the two")
    if doors.mqtts_for and not own:
        problem = "all clients come to `mqtts` as long as no zone has a listener of its own"
        yield Finding(
            (*where, "mqtts_for"), problem, "leave it out, or give other zones theirs under `zones`"
        )


@rule("broker", "network")
def the_probe_comes_in_beside_zones(site: Site) -> Iterator[Finding]:
    """Where zones close `mqtts`, the pods' addresses are known and are no zone's: the probe comes from there."""
    pods = site.network.pods
    if site.broker.listeners.zones and not pods:
        problem = "zones have listeners, which closes `mqtts`, and the readiness probe comes to it from a pod"
        yield Finding(("network", "pods"), problem, "write the address ranges of the cluster's pods")
    for index, cidr in enumerate(pods):
        for zone in site.network.zones:
            if any(cidr.overlaps(other) for other in zone.cidrs):
                problem = f"{quoted(cidr)} overlaps zone {quoted(zone.name)}'s addresses"
                yield Finding(("network", "pods", index), problem, "give pods ranges of their own")


@rule("broker")
def a_reason_is_for_something(site: Site) -> Iterator[Finding]:
    """A reason why revoked clients are let in stands only where they are."""
    if site.broker.revocation == "crl" and site.broker.revocation_reason is not None:
        problem = "`crl` refuses revoked clients, so there is nothing to give a reason for"
        yield Finding(("broker", "revocation_reason"), problem, "leave it out")


@rule("broker")
def maintenance_leaves_nodes(site: Site) -> Iterator[Finding]:
    """Maintenance does not take away all nodes at once."""
    broker = site.broker
    # The budget is the core nodes' and the replicants' own, each.
    fewest = min(broker.replicas, broker.serving)
    if broker.max_unavailable >= fewest:
        problem = f"{quoted(broker.max_unavailable)} may go at a time, of {fewest} in all: none would be left"
        remedy = f"write at most {fewest - 1}" if fewest > 1 else "run more than one node"
        yield Finding(("broker", "max_unavailable"), problem, remedy)


@rule("broker", "platform")
def nodes_fill_the_zones(site: Site) -> Iterator[Finding]:
    """There is a node in each failure zone."""
    zones = len(site.platform.zones)
    if site.broker.replicas < zones:
        problem = f"{quoted(site.broker.replicas)} leaves some of the {zones} zones without a node"
        yield Finding(("broker", "replicas"), problem, f"write {zones} or more, or name fewer zones")
    for index, zone in enumerate(site.platform.zones):
        if zone in site.platform.zones[:index]:
            yield Finding(("platform", "zones", index), f"{quoted(zone)} is listed twice", "list it once")


@rule("broker")
def certificate_is_renewed_in_time(site: Site) -> Iterator[Finding]:
    """The server certificate is renewed before it ends, and not all the time."""
    times = site.broker.certificate
    if times.renew_before >= times.lifetime:
        problem = (
            f"renewing {quoted(times.renew_before)} before the end of a life of {times.lifetime} never ends"
        )
        yield Finding(("broker", "certificate", "renew_before"), problem, "write a third of the lifetime")
    # cert-manager refuses shorter ones: a certificate of an hour at least, renewed five minutes before at least.
    if times.lifetime.seconds < 3600:
        problem = f"{quoted(times.lifetime)} is shorter than cert-manager allows"
        yield Finding(("broker", "certificate", "lifetime"), problem, "write 1h or more")
    if times.renew_before.seconds < 300:
        problem = f"{quoted(times.renew_before)} is shorter than cert-manager allows"
        yield Finding(("broker", "certificate", "renew_before"), problem, "write 5m or more")


RULES = (
    version_exists_in_the_edition,
    version_keeps_its_limits,
    acceptance_is_of_a_support_that_ends_before,
    licence_is_there_when_needed,
    image_is_of_the_edition,
    ports_are_distinct,
    zone_listeners_are_of_zones,
    the_probe_comes_in_beside_zones,
    a_reason_is_for_something,
    maintenance_leaves_nodes,
    nodes_fill_the_zones,
    certificate_is_renewed_in_time,
)
