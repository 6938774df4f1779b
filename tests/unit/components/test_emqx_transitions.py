"""Wherever a site comes from, its broker has what a new one would have: every root is written that may be empty.

The operator has only the roots replaced that are present (`lab/operators/emqx_store.py`). So each transition between
two variants of a site, in phase, edition, version and data, is carried out on a model of EMQX's store.
"""

from collections.abc import Iterator
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from components.emqx_configuration import document, text
from components.recording import OFFLINE
from lab.operators.emqx_store import RefusedError, replaced
from model import Site
from model.broker import Licence
from model.emqx import Configuration
from model.emqx.configuration import CACHES_OF_NODES
from model.emqx.roots import KNOWN_ROOTS, LATER_ROOTS
from model.emqx.section import Key
from model.listeners import Listener, ZoneListener
from model.units import Rate
from tests.support import hocon
from tests.support.any_site import sites
from tests.support.variants import (
    EDITIONS,
    PHASES,
    Variants,
    sites_with_bridge_worker,
    sites_with_worker,
)

VERSIONS = {"opensource": ("5.8.9",), "enterprise": ("5.8.9", "5.9.3", "5.10.4", "6.0.3", "6.3.1")}


HARMLESS = {"zones"}
"""What may stay: a zone that no listener names holds for no client."""


def with_broker(site: Site, **update: Any) -> Site:
    return site.model_copy(update={"broker": site.broker.model_copy(update=update)})


def variations(site: Site) -> Iterator[tuple[str, Site]]:
    """Yield the site, and the site with each thing changed that comes and goes in data."""
    yield "as it is", site
    for revocation in ("none", "crl", "ocsp"):
        yield f"revocation {revocation}", with_broker(site, revocation=revocation, revocation_reason=None)
    listeners = site.broker.listeners
    door = Listener(port=8885, max_connections=50, connection_rate=Rate(10))
    zones = tuple(
        ZoneListener(name=zone.name, port=8890 + number, max_connections=9, connection_rate=Rate(9))
        for number, zone in enumerate(site.network.zones)
    )
    changed: dict[str, dict[str, Any]] = {
        "gateway": {"gateway": door},
        "no gateway": {"gateway": None},
        "zones": {"zones": zones},
        "no zones": {"zones": (), "mqtts_for": ()},
    }
    for name, update in changed.items():
        yield name, with_broker(site, listeners=listeners.model_copy(update=update))
    for sinks in (site.streams.sinks, ()):
        streams = site.streams.model_copy(update={"sinks": sinks})
        yield f"{len(sinks)} sinks", site.model_copy(update={"streams": streams})
    for delivery in ("ordered", "awaited", "unordered"):
        streams = site.streams.model_copy(update={"delivery": delivery})
        yield delivery, site.model_copy(update={"streams": streams})
    for state in ("untouched", "retired"):
        incumbent = site.incumbent.model_copy(update={"state": state})
        yield f"incumbent {state}", site.model_copy(update={"incumbent": incumbent})
    if site.broker.edition == "enterprise":
        yield "no licence", with_broker(site, licence=None)
        yield "a licence", with_broker(site, licence=Licence(secret="broker-licence", key="emqx.lic"))


def written(site: Site) -> dict[str, Any]:
    """Return the configuration as its text says it."""
    return read(text(site, OFFLINE))


@cache
def read(configuration: str) -> dict[str, Any]:
    return hocon.read(configuration)


def known_roots(edition: str, version: tuple[int, ...] = (5, 8, 9)) -> frozenset[str]:
    """Return the roots that a broker knows; what it kept under another version or edition and does not know is gone."""
    later = LATER_ROOTS[edition] if version >= CACHES_OF_NODES else frozenset[str]()
    return frozenset(KNOWN_ROOTS[edition]) | later


def roots_of(site: Site) -> frozenset[str]:
    return known_roots(site.broker.edition, site.broker.version_numbers)


def differences(before: dict[str, Any], after: dict[str, Any], known: frozenset[str]) -> list[str]:
    """Return the roots that differ from a new broker's after one configuration became the other, or the refusal."""
    held = {root: value for root, value in before.items() if root in known}
    try:
        now = replaced(held, after)
    except RefusedError as refusal:
        return [str(refusal)]
    return [root for root in now.keys() | after.keys() if now.get(root) != after.get(root)]


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_transition_leads_to_what_a_new_broker_would_have(edition: str, variants: Variants) -> None:
    by_site: dict[str, list[tuple[str, Site]]] = {}
    for phase in PHASES:
        for site in variants(phase, edition):
            found = [(f"{phase}, {name}", variation) for name, variation in variations(site)]
            by_site.setdefault(site.name, []).extend(found)
    for states in by_site.values():
        # Of each two that differ in their configuration; many variations of a phase do not.
        different: dict[str, str] = {}
        for name, site in states:
            different.setdefault(text(site, OFFLINE), name)
        for (before, was), (after, name) in permutations(different.items(), 2):
            assert differences(read(before), read(after), known_roots(edition)) == [], f"from {was} to {name}"


def test_every_version_and_edition_leads_to_every_other(variants: Variants) -> None:
    for phase in PHASES:
        states = [
            with_broker(site, version=version)
            for edition in EDITIONS
            for site in variants(phase, edition)
            if site.name == "eagle-ford"
            for version in VERSIONS[edition]
        ]
        for before, after in permutations(states, 2):
            found = differences(written(before), written(after), roots_of(after))
            assert found == [], (before.broker.version, after.broker.version)


@hypothesis_settings(max_examples=40, deadline=None)
@given(sites(), sites())
def test_any_valid_site_leads_to_any_other(before: Site, after: Site) -> None:
    assert differences(written(before), written(after), roots_of(after)) == []


@pytest.mark.parametrize("edition", EDITIONS)
def test_workers_come_and_go_and_leave_a_zone_that_nothing_names(
    edition: str, variants: Variants, tmp_path: Path
) -> None:
    for phase in PHASES:
        others = {site.name: site for site in variants(phase, edition)}
        for carried in sites_with_worker(tmp_path, phase, edition):
            with_workers, without = written(carried), written(others[carried.name])
            assert differences(without, with_workers, known_roots(edition)) == []
            assert differences(with_workers, without, known_roots(edition)) == ["zones"]
            assert "'zone'" not in str(without["listeners"])


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_move_to_workers_and_back_leaves_a_zone_that_nothing_names(
    edition: str, variants: Variants, tmp_path: Path
) -> None:
    """In two steps each way; what each leads to is what a new broker would have, whatever was held before."""
    for phase in PHASES:
        states = zip(
            variants(phase, edition),
            sites_with_worker(tmp_path, phase, edition, beside=True),
            sites_with_worker(tmp_path, phase, edition),
            strict=True,
        )
        for before, beside, after in states:
            held = written(before)
            for step in (beside, after, beside, before):
                given = written(step)
                assert differences(held, given, known_roots(edition)) == (
                    [] if step is not before else ["zones"]
                )
                held = replaced(held, given)
            assert {root for root in held if held[root] != written(before).get(root)} == HARMLESS


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_bridge_that_is_a_program_leaves_nothing_at_the_broker(edition: str, tmp_path: Path) -> None:
    by_phase = [sites_with_bridge_worker(tmp_path, phase, edition) for phase in PHASES]
    for pilot, parallel, cutover in zip(*by_phase, strict=True):
        incumbent = cutover.incumbent.model_copy(update={"state": "retired"})
        retired = cutover.model_copy(update={"incumbent": incumbent})
        held = written(pilot)
        for step in (parallel, cutover, parallel, cutover, retired, cutover, pilot):
            given = written(step)
            assert differences(held, given, known_roots(edition)) == []
            held = replaced(held, given)
        assert held == written(pilot)


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_program_takes_the_bridge_over_from_emqx_and_gives_it_back(
    edition: str, variants: Variants, tmp_path: Path
) -> None:
    for phase in PHASES:
        others = {site.name: site for site in variants(phase, edition)}
        for bridged in sites_with_bridge_worker(tmp_path, phase, edition):
            program, emqx = written(bridged), written(others[bridged.name])
            assert differences(emqx, program, known_roots(edition)) == []
            assert set(differences(program, emqx, known_roots(edition))) == HARMLESS
            assert "'zone'" not in str(emqx["listeners"])


def test_without_an_empty_root_what_was_there_stays_and_a_connector_cannot_go(variants: Variants) -> None:
    """The control: this is what the property above would not bear, and what a running EMQX 5.8.9 did."""
    pilot, parallel, cutover = (
        next(site for site in variants(phase, "opensource") if site.name == "eagle-ford") for phase in PHASES
    )
    held = written(parallel)
    without = {root: value for root, value in written(cutover).items() if root != "sources"}
    assert replaced(held, without)["sources"] == held["sources"] != {}
    back = {root: value for root, value in written(pilot).items() if root != "sources"}
    with pytest.raises(RefusedError, match="connector_has_active_channels"):
        replaced(held, back)


def test_which_roots_are_written_follows_from_the_edition_and_version_alone(variants: Variants) -> None:
    for edition in EDITIONS:
        for version in VERSIONS[edition]:
            roots = {
                frozenset(document(with_broker(variation, version=version), OFFLINE))
                for phase in PHASES
                for site in variants(phase, edition)
                for _, variation in variations(site)
            }
            assert len(roots) == 1, (edition, version)


def test_a_root_that_may_be_left_out_is_one_that_the_edition_does_not_know() -> None:
    for name, field in Configuration.model_fields.items():
        keys = [entry for entry in field.metadata if isinstance(entry, Key)]
        left_out = not field.is_required() and field.default is None and name not in HARMLESS
        assert keys or not left_out, f"{name} can be left out, and what was there would stay"
