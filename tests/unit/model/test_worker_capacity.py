"""Workers carry twice the peak with one lost, and what waits for them fits the nodes that are left."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import Site, load_site, neighbours, stream_capacity
from model.capacity import nodes_left
from model.derived import derived
from model.emqx.protection import CLEANING_UP, MESSAGE_IN_QUEUE
from model.record_size import ROOM_OF_WORKER
from model.rules.worker import RULES, TOPIC_LINES
from model.units import Bytes, Rate
from model.worker import MOST_WORKERS
from model.worker_capacity import (
    FEWEST_WAITING,
    HANDED_OVER_PER_CORE,
    MESSAGES_PER_CORE,
    SHARE_OF_MEMORY,
    backlog,
    backlog_memory,
    carried,
    lasts,
    needed_workers,
    ot_carried,
    payloads,
    rate,
    records,
    session_mailbox,
    session_memory,
    waiting,
    window,
    workers,
)
from tests.support.any_site import broken
from tests.support.variants import PHASES, STACKS, sites_with_worker


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workers")


@pytest.fixture(scope="module")
def sites(folder: Path) -> dict[str, Site]:
    """The sample sites with workers, in their pilot."""
    return {site.name: site for site in sites_with_worker(folder, "pilot")}


def at_peak(site: Site, messages: int) -> Site:
    load = site.broker.load.model_copy(update={"messages": Rate(messages)})
    return site.model_copy(update={"broker": site.broker.model_copy(update={"load": load})})


def said(site: Site, **changes: object) -> Site:
    assert site.streams.worker is not None
    worker = site.streams.worker.model_copy(update=changes)
    return site.model_copy(update={"streams": site.streams.model_copy(update={"worker": worker})})


@given(messages=st.integers(1, 60_000), cores=st.sampled_from(["0.5", "0.75", "1", "2"]))
def test_derived_workers_carry_twice_the_peak_with_one_lost(
    sites: dict[str, Site], messages: int, cores: str
) -> None:
    site = said(at_peak(sites["eagle-ford"], messages), cores=Decimal(cores))
    assert (workers(site) - 1) * rate(site) >= 2 * records(site) - workers(site)
    assert workers(site) >= 2
    assert carried(site).enough
    # One less would not do.
    assert (workers(site) - 2) * rate(site) < 2 * records(site) or workers(site) == 2


def test_a_worker_uses_one_core(sites: dict[str, Site]) -> None:
    site = said(sites["eagle-ford"], cores=Decimal(4))
    assert rate(site) == MESSAGES_PER_CORE
    assert rate(said(site, cores=Decimal("0.5"))) == MESSAGES_PER_CORE // 2


def test_the_sample_sites_have_the_workers_of_their_peak(sites: dict[str, Site]) -> None:
    # Twice the peak by what one carries, and one to lose: 13,560 / 8,000 = 1.7, 27,120 / 8,000 = 3.4 and
    # 135,600 / 8,000 = 16.95.
    assert {name: int(records(site)) for name, site in sites.items()} == {
        "eagle-ford": 6_780,
        "north-cormorant": 13_560,
        "baytown": 67_800,
    }
    assert {name: workers(site) for name, site in sites.items()} == {
        "eagle-ford": 2 + 1,
        "north-cormorant": 4 + 1,
        "baytown": 17 + 1,
    }
    assert all(needed_workers(site) <= MOST_WORKERS for site in sites.values())
    assert all(carried(site).enough and ot_carried(site).enough for site in sites.values())


def test_what_a_site_writes_counts(sites: dict[str, Site]) -> None:
    site = said(sites["eagle-ford"], replicas=9, waiting=2000)
    assert (workers(site), waiting(site)) == (9, 2000)
    assert backlog(site) == 18_000


def test_the_mirrors_share_is_carried_by_one_worker_and_counts_for_no_other(sites: dict[str, Site]) -> None:
    site = sites["eagle-ford"]
    assert ot_carried(site).peak == 6000 * 2 // 100
    assert ot_carried(site).carried == rate(site)
    assert records(site) + ot_carried(site).peak == stream_capacity.records(site)


@given(messages=st.integers(1, 60_000), gibibytes=st.integers(1, 64))
def test_sessions_fit_an_eighth_of_a_node_unless_that_is_less_than_the_least(
    sites: dict[str, Site], messages: int, gibibytes: int
) -> None:
    site = at_peak(sites["eagle-ford"], messages)
    memory = Bytes(gibibytes * 2**30)
    site = site.model_copy(update={"broker": site.broker.model_copy(update={"memory": memory})})
    fits = backlog_memory(site).count <= memory.count // SHARE_OF_MEMORY
    assert fits or waiting(site) == FEWEST_WAITING


def test_a_full_session_is_no_runaway(sites: dict[str, Site]) -> None:
    for site in sites.values():
        held = waiting(site) + window(site) + session_mailbox(site)
        assert session_memory(site).count >= held * MESSAGE_IN_QUEUE * CLEANING_UP * 2


def test_the_backlog_lasts_as_long_as_the_peak_takes_to_fill_it(sites: dict[str, Site]) -> None:
    for site in sites.values():
        assert lasts(site).seconds == backlog(site) // int(records(site))
        assert backlog(site) == waiting(site) * workers(site)


def test_what_the_incumbents_bridge_brings_waits_for_one_worker(folder: Path) -> None:
    for site in sites_with_worker(folder, "parallel"):
        assert backlog(site) == waiting(site)


def test_fewer_nodes_hold_less(sites: dict[str, Site]) -> None:
    def left(nodes: int) -> Site:
        broker = sites["baytown"].broker.model_copy(update={"replicas": 9, "max_unavailable": 9 - nodes})
        return sites["baytown"].model_copy(update={"broker": broker})

    assert [nodes_left(left(nodes).broker) for nodes in (8, 4)] == [8, 4]
    assert waiting(left(8)) > waiting(left(4))
    assert lasts(left(8)).seconds > lasts(left(4)).seconds


def test_a_window_covers_the_time_in_which_kafka_answers(sites: dict[str, Site]) -> None:
    for site in sites.values():
        assert window(site) == rate(site) // 5
        assert payloads(site).count * 8 == 512 * 2**20


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("edition", ["opensource", "enterprise"])
def test_a_site_with_workers_has_no_bridge_and_nothing_is_broken(
    phase: str, edition: str, folder: Path
) -> None:
    for site in sites_with_worker(folder, phase, edition):
        assert site.way_to_kafka == "worker"
        assert broken(site) == []
        names = [entry.figure.what for entry in neighbours.neighbours(site)]
        assert names == ["worker records", "OT worker records", "decisions"]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("edition", ["opensource", "enterprise"])
def test_beside_the_former_way_both_are_reckoned_and_nothing_is_broken(
    phase: str, edition: str, folder: Path
) -> None:
    after = {site.name: site for site in sites_with_worker(folder, phase, edition)}
    for site in sites_with_worker(folder, phase, edition, beside=True):
        assert site.way_to_kafka == ("broker" if edition == "enterprise" else "bridge")
        assert broken(site) == []
        names = [entry.figure.what for entry in neighbours.neighbours(site)]
        bridge = ["bridged records", "bridge connections"] if edition == "opensource" else []
        assert names == [*bridge, "worker records", "OT worker records", "decisions"]
        # Each message is handed over, and made a record of by the broker as well.
        assert stream_capacity.bridged_per_core(site) < stream_capacity.bridged_per_core(after[site.name])
        assert workers(site) == workers(after[site.name])


def test_a_site_without_workers_has_neither_their_rules_nor_their_figures() -> None:
    for name in ("eagle-ford", "north-cormorant"):
        site = load_site(STACKS, name)
        assert site.way_to_kafka == ("broker" if site.broker.edition == "enterprise" else "bridge")
        assert broken(site, RULES) == []
        with pytest.raises(ValueError, match="has no worker"):
            workers(site)


def test_the_broker_is_reckoned_by_what_it_hands_over(sites: dict[str, Site]) -> None:
    for site in sites.values():
        figure = stream_capacity.bridged(site)
        assert figure.carried == int(nodes_left(site.broker) * site.broker.cores * HANDED_OVER_PER_CORE)
        assert stream_capacity.client_rate(site) == rate(site)


def test_without_kafka_nothing_waits_for_good_in_a_session(sites: dict[str, Site]) -> None:
    away = stream_capacity.outage(sites["eagle-ford"])
    assert (away.kept_on, away.lasts) == ("sessions", lasts(sites["eagle-ford"]))
    assert any("a node that restarts" in loss for loss in away.lost)


def test_what_a_site_does_not_say_of_workers_is_among_what_follows(sites: dict[str, Site]) -> None:
    site = sites["eagle-ford"]
    follows = derived(site)
    assert follows["streams.worker.replicas"] == workers(site)
    assert follows["streams.worker.waiting"] == waiting(site)
    assert "streams.worker.replicas" not in derived(said(site, replicas=9))
    assert not [key for key in derived(load_site(STACKS, "eagle-ford")) if key.startswith("streams.")]


def test_the_page_has_the_figures_in_use() -> None:
    page = (STACKS.parent / "docs" / "reference" / "streams.md").read_text(encoding="utf-8")
    workers_part = page.partition("## With workers")[2]
    for figure in (MESSAGES_PER_CORE, HANDED_OVER_PER_CORE):
        assert f"| {figure:,} |" in workers_part
    for line in TOPIC_LINES.values():
        assert f"`{line.removeprefix('- ')}`" in workers_part
    assert f"{ROOM_OF_WORKER // 2**10} KiB" in workers_part
