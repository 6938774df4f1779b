"""Rules of what scales itself: there is room between the fewest and the most, and a part of the cores to scale at."""

from collections.abc import Iterator

from model.neighbours import bridges
from model.nodes import Step
from model.rules.rule import Finding, rule
from model.scaling import Autoscaling
from model.site import Site
from model.words import quoted


@rule("policy")
def policy_servers_have_room_to_scale(site: Site) -> Iterator[Finding]:
    """Where policy servers scale themselves, there may be more of them than there are at least."""
    yield from _room(("policy",), site.policy.replicas, site.policy.autoscaling)


@rule("streams", "broker")
def bridges_have_room_to_scale(site: Site) -> Iterator[Finding]:
    """Where Kafka bridges scale themselves, there may be more of them than there are at least."""
    scaling = site.streams.bridge.autoscaling
    if scaling is not None and site.way_to_kafka == "bridge":
        yield from _room(("streams", "bridge"), bridges(site), scaling)


@rule("identity")
def dashboard_proxies_have_room_to_scale(site: Site) -> Iterator[Finding]:
    """Where the dashboard's proxies scale themselves, there may be more of them than there are at least."""
    proxy = site.identity.dashboard.proxy
    yield from _room(("identity", "dashboard", "proxy"), proxy.replicas, proxy.autoscaling)


def _room(place: tuple[Step, ...], fewest: int, scaling: Autoscaling | None) -> Iterator[Finding]:
    if scaling is None:
        return
    key = (*place, "autoscaling")
    if scaling.maximum <= fewest:
        problem = f"{quoted(scaling.maximum)} is no more than the {fewest} that there are at least"
        remedy = f"write {fewest + 1} or more, or leave `autoscaling` out"
        yield Finding((*key, "maximum"), problem, remedy)
    if not 1 <= scaling.cpu.value <= 100:
        problem = f"{quoted(scaling.cpu)} is no part of the cores to scale at"
        yield Finding((*key, "cpu"), problem, "write `70%`")


RULES = (
    policy_servers_have_room_to_scale,
    bridges_have_room_to_scale,
    dashboard_proxies_have_room_to_scale,
)
