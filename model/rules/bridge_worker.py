"""Rules of the program that bridges to the incumbent: its port, image, memory and heartbeat."""

from collections.abc import Iterator

from model.bridge_capacity import least_memory
from model.bridge_worker import BRIDGE
from model.incumbent_bridge import MIRROR, crossings, overlapping
from model.rules.broker import BETWEEN_NODES
from model.rules.images import unpinned
from model.rules.ports import plain
from model.rules.rule import Finding, rule
from model.site import Site
from model.words import quoted

_WHERE = ("incumbent", "bridge_worker")


@rule("incumbent", "broker", "streams")
def the_bridges_ports_are_its_own_and_of_tls(site: Site) -> Iterator[Finding]:
    """The bridge's listener has a port that no other listener has; that and its figures' are no plain ones."""
    worker, broker = site.incumbent.bridge_worker, site.broker
    if worker is None:
        return
    yield from plain((*_WHERE, "port"), worker.port, "one for MQTT over TLS, like `8889`")
    yield from plain((*_WHERE, "figures_port"), worker.figures_port, "one for HTTPS, like `9445`")
    taken = dict(BETWEEN_NODES)
    taken |= {listener.port: f"{name}'s" for name, listener in broker.listeners.by_name.items()}
    taken[broker.dashboard_port] = "dashboard's"
    if site.streams.worker is not None:
        taken[site.streams.worker.port] = "the workers'"
    if worker.port in taken:
        problem = f"port {quoted(worker.port)} is {taken[worker.port]} already"
        yield Finding((*_WHERE, "port"), problem, "give it one of its own, like `8889`")


@rule("incumbent")
def the_bridges_image_is_pinned(site: Site) -> Iterator[Finding]:
    """The image of the program says which version it is."""
    if site.incumbent.bridge_worker is not None:
        yield from unpinned((*_WHERE, "image"), site.incumbent.bridge_worker.image)


@rule("incumbent", "broker")
def the_bridge_holds_the_largest_message(site: Site) -> Iterator[Finding]:
    """Its memory holds some of the largest messages at the same time."""
    worker = site.incumbent.bridge_worker
    if worker is None:
        return
    needed = least_memory(site)
    if worker.memory.count < needed.count:
        largest = site.broker.protection.largest_message
        problem = f"{quoted(worker.memory)} does not hold some messages of {largest} on their way"
        yield Finding((*_WHERE, "memory"), problem, f"write {needed} or more")


@rule("incumbent", "name", "assets")
def the_heartbeat_is_no_message_of_the_sites(site: Site) -> Iterator[Finding]:
    """The bridge's heartbeat is in no topic space that crosses, or that is the site's."""
    worker = site.incumbent.bridge_worker
    if worker is None:
        return
    spaces = [MIRROR, site.name, f"spBv1.0/{site.name}", *site.spaces_elsewhere]
    spaces += [space for crossing in crossings(site) for space in (crossing.theirs, crossing.ours)]
    for space in spaces:
        if overlapping(worker.heartbeat, space):
            problem = f"{quoted(worker.heartbeat)} overlaps {quoted(f'{space}/…')}, where messages are"
            yield Finding((*_WHERE, "heartbeat"), problem, "write one of its own, like `iot-broker/bridge`")
            return


@rule("incumbent", "platform")
def the_bridges_names_are_its_own(site: Site) -> Iterator[Finding]:
    """The site's Issuer and its service account are not called as the bridge's."""
    if site.incumbent.bridge_worker is None:
        return
    for name in ("name", "service_account"):
        said = getattr(site.platform.issuer, name)
        if said == BRIDGE or said.startswith(f"{BRIDGE}-"):
            problem = f"{quoted(said)} is a name of the bridge to the incumbent"
            yield Finding(("platform", "issuer", name), problem, "write another, like `site-issuer`")


RULES = (
    the_bridges_ports_are_its_own_and_of_tls,
    the_bridges_image_is_pinned,
    the_bridge_holds_the_largest_message,
    the_heartbeat_is_no_message_of_the_sites,
    the_bridges_names_are_its_own,
)
