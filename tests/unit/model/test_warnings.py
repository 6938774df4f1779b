"""What is not wrong yet is told: a revoked client that is let in, a door for nobody."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from model import Site, load_site, site_names
from model.calendar import Day
from model.promotion.chain import Chain
from model.warnings import warnings_of
from tests.support.variants import PHASES, Variants, sites_with_worker
from tests.unit.model.bad_sites import STACKS

TODAY = date(2026, 11, 25)


def told(site: Site) -> str:
    return "\n".join(warnings_of(site, Chain(site.name, ()), TODAY))


def with_broker(**changes: Any) -> Site:
    site = load_site(STACKS, "eagle-ford")
    return site.model_copy(update={"broker": site.broker.model_copy(update=changes)})


@pytest.mark.parametrize("name", site_names(STACKS))
def test_every_sample_site_says_how_it_stands_to_revoked_clients(name: str) -> None:
    assert "revoked" not in told(load_site(STACKS, name))


@pytest.mark.parametrize("revocation", ["none", "ocsp"])
def test_a_revoked_client_that_comes_in_is_told_unless_data_says_why(revocation: str) -> None:
    words = told(with_broker(revocation=revocation))
    assert f"is let in (`broker.revocation` is `{revocation}`): choose `crl`" in words
    reason = "Vault is ashore"
    assert "revoked" not in told(with_broker(revocation=revocation, revocation_reason=reason))


@pytest.mark.parametrize(
    ("edition", "version", "words"),
    [
        ("opensource", "5.8.9", "the opensource edition gets no fix; enterprise 5.8.10 has it"),
        ("enterprise", "5.8.9", "move to 5.8.10 or later"),
        ("enterprise", "5.8.11", None),
        ("enterprise", "5.9.3", "move to 6.2.0 or later"),
        ("enterprise", "5.10.2", "move to 5.10.3 or later"),
        ("enterprise", "5.10.4", None),
        ("enterprise", "6.0.1", "move to 6.0.2 or later"),
        ("enterprise", "6.0.3", None),
        ("enterprise", "6.1.0", "move to 6.1.1 or later"),
        ("enterprise", "6.2.0", None),
        ("enterprise", "6.3.1", None),
    ],
)
def test_a_bridge_that_may_stay_silent_is_told_where_it_leads_inwards(
    edition: str, version: str, words: str | None, variants: Variants
) -> None:
    for phase in PHASES:
        for site in variants(phase, edition):
            broker = site.broker.model_copy(update={"version": version})
            said = told(site.model_copy(update={"broker": broker}))
            assert ("receive nothing more from the incumbent" in said) == (
                phase == "parallel" and words is not None
            )
            assert phase != "parallel" or words is None or words in said


def test_an_api_server_that_is_not_said_is_told() -> None:
    site = load_site(STACKS, "eagle-ford")
    assert "api_server" not in told(site)
    platform = site.platform.model_copy(update={"api_server": None})
    assert "`platform.api_server` is not said" in told(site.model_copy(update={"platform": platform}))


def test_a_door_for_gateways_that_are_not_there_is_told() -> None:
    site = load_site(STACKS, "eagle-ford")
    assert "gateways with tokens" not in told(site)
    nobody = site.identity.model_copy(update={"gateways": ()})
    assert "list them under `identity.gateways`" in told(site.model_copy(update={"identity": nobody}))


@pytest.mark.parametrize(
    ("ends", "state", "words"),
    [
        ("2027-05-25", "untouched", None),
        (
            "2027-05-24",
            "untouched",
            "ends on 2027-05-24, and that broker is not retired. Renew the licence, or plan",
        ),
        (
            "2026-11-25",
            "egress",
            "ends on 2026-11-25, and that broker is not retired. Renew the licence, or plan",
        ),
        (
            "2026-11-24",
            "egress",
            "ended on 2026-11-24, and that broker is not retired. Renew the licence, and write",
        ),
        ("2026-11-24", "retired", None),
        (None, "untouched", None),
    ],
)
def test_the_end_of_the_incumbents_licence_is_seen_in_time(
    ends: str | None, state: str, words: str | None
) -> None:
    site = load_site(STACKS, "eagle-ford")
    day = Day.parse(ends) if ends else None
    incumbent = site.incumbent.model_copy(update={"licence_ends": day, "state": state})
    found = told(site.model_copy(update={"incumbent": incumbent}))
    assert ("licence of the incumbent" in found) == (words is not None)
    assert (words or "") in found


def test_a_site_with_workers_hears_of_what_is_left_of_the_old_way(tmp_path: Path) -> None:
    (site,) = (site for site in sites_with_worker(tmp_path, "pilot") if site.name == "eagle-ford")
    assert "the broker writes to Kafka no more" not in told(site)
    broker = next(user for user in load_site(STACKS, site.name).streams.users if user.name == "broker")
    streams = site.streams.model_copy(update={"users": (*site.streams.users, broker)})
    left = site.model_copy(update={"streams": streams})
    assert "the broker writes to Kafka no more, and its user broker may" in told(left)
    assert "the broker writes to Kafka no more" not in told(load_site(STACKS, site.name))


def test_a_site_that_moves_to_workers_hears_that_each_record_is_there_twice(tmp_path: Path) -> None:
    for beside in (True, False):
        sites = sites_with_worker(tmp_path, "pilot", beside=beside)
        (site,) = (site for site in sites if site.name == "eagle-ford")
        assert ("each record is in Kafka twice" in told(site)) == beside
        assert "the broker writes to Kafka no more" not in told(site)
        assert f"the OT mirror says {'will be' if beside else 'is'} in the topic ot alone" in told(site)


def test_a_sink_that_does_not_hear_the_mirror_any_more_is_named(tmp_path: Path) -> None:
    (site,) = (site for site in sites_with_worker(tmp_path, "pilot") if site.name == "eagle-ford")
    assert "no sink reads that: add it beside raw in `historian`" in told(site)
    sinks = tuple(
        sink.model_copy(update={"topics": (*sink.topics, "ot")}) if "raw" in sink.topics else sink
        for sink in site.streams.sinks
    )
    heard = site.model_copy(update={"streams": site.streams.model_copy(update={"sinks": sinks})})
    assert "no sink reads that" not in told(heard)


def test_an_incumbent_that_brings_more_than_one_worker_carries_is_told(tmp_path: Path) -> None:
    # A worker carries 8,000 records in a second on its core. North Cormorant's peak is 13,560 and Baytown's 67,800;
    # Eagle Ford's is 6,780, which is more than the 4,000 of half a core.
    words = "goes to one worker, which carries"
    for phase in PHASES:
        for site in sites_with_worker(tmp_path, phase):
            more = site.name in ("north-cormorant", "baytown")
            assert (
                (words in told(site)) == (f"{words} 8000/s" in told(site)) == (more and phase == "parallel")
            )
            assert site.streams.worker is not None
            half = site.streams.worker.model_copy(update={"cores": Decimal("0.5")})
            streams = site.streams.model_copy(update={"worker": half})
            slower = site.model_copy(update={"streams": streams})
            assert (words in told(slower)) == (f"{words} 4000/s" in told(slower)) == (phase == "parallel")
