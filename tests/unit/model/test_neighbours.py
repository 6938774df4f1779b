"""Bridges and policy servers carry the peak with one of them lost, and it is told when to add."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from model import Site, load_site
from model.neighbours import (
    MEMORY_OF_A_BRIDGE,
    MEMORY_OF_A_CONNECTION,
    RECORDS_PER_CORE,
    all_connections,
    bridged_connections,
    bridged_records,
    bridges,
    decisions,
    least_memory,
    neighbours,
)
from model.scaling import Autoscaling
from model.stream_capacity import records
from model.units import Bytes, Percentage, Rate
from tests.support.variants import STACKS

SITE = load_site(STACKS, "eagle-ford")


def at_peak(messages: int) -> Site:
    load = SITE.broker.load.model_copy(update={"messages": Rate(messages)})
    return SITE.model_copy(update={"broker": SITE.broker.model_copy(update={"load": load})})


def with_bridge(site: Site, **changes: object) -> Site:
    bridge = site.streams.bridge.model_copy(update=changes)
    return site.model_copy(update={"streams": site.streams.model_copy(update={"bridge": bridge})})


@given(st.integers(1, 500_000), st.sampled_from(["0.5", "1", "2"]), st.integers(300, 4096))
def test_derived_bridges_carry_the_peak_with_one_lost_and_are_not_at_their_end(
    messages: int, cores: str, memory: int
) -> None:
    site = with_bridge(at_peak(messages), cores=Decimal(cores), memory=Bytes(memory * 2**20))
    for figure in (bridged_records(site), bridged_connections(site)):
        assert figure.enough
        assert figure.used <= Decimal("0.7")
    assert bridges(site) >= 2


def test_a_record_is_a_request_and_one_bridge_may_be_lost() -> None:
    site = with_bridge(SITE, replicas=4, cores=Decimal(1))
    assert bridged_records(site).carried == 3 * RECORDS_PER_CORE
    assert bridged_records(site).peak == records(site)


def test_more_than_two_cores_of_a_bridge_are_of_no_use() -> None:
    two, eight = (with_bridge(SITE, replicas=4, cores=Decimal(cores)) for cores in (2, 8))
    assert bridged_records(two) == bridged_records(eight)


def test_where_bridges_scale_themselves_the_most_of_them_count() -> None:
    scaling = Autoscaling(maximum=11, cpu=Percentage.parse("70%"))
    site = with_bridge(SITE, replicas=3, cores=Decimal(1), autoscaling=scaling)
    assert bridged_records(site).carried == 10 * RECORDS_PER_CORE


def test_the_least_memory_holds_the_connections_of_all_nodes() -> None:
    site = with_bridge(SITE, replicas=3, memory=Bytes(MEMORY_OF_A_BRIDGE))
    assert not bridged_connections(site).enough
    assert bridged_connections(with_bridge(site, memory=least_memory(site))).enough
    assert (
        least_memory(site).count == MEMORY_OF_A_BRIDGE + all_connections(site) // 2 * MEMORY_OF_A_CONNECTION
    )


def test_policy_servers_decide_for_each_client_and_topic_once_a_minute() -> None:
    assert decisions(SITE).peak == -(-SITE.broker.load.connections * 2 // 60)
    policy = SITE.policy.model_copy(update={"replicas": 3})
    assert decisions(SITE.model_copy(update={"policy": policy})).carried == 2 * decisions(SITE).carried


def test_the_enterprise_edition_has_no_bridge_to_look_at() -> None:
    site = load_site(STACKS, "north-cormorant")
    assert [entry.figure.what for entry in neighbours(site)] == ["decisions"]
