"""What a server keeps under a name of the data is not lost by one word: the data give it up, or it is refused."""

from typing import Any

import pytest

from components.kept import given_up, kept
from components.recording import Composition
from model import Site
from model.authorities import AUTHORITIES, made_from
from tests.support.variants import PHASES, Variants


def protected(site: Site, **changes: Any) -> Site:
    return site.model_copy(update={"protect": True, **changes})


def lost(before: Site, now: Site) -> set[str]:
    return {found.name for found in given_up(before, now)}


def with_part(site: Site, part: str, **changes: Any) -> Site:
    return protected(site, **{part: getattr(site, part).model_copy(update=changes)})


def renamed(entries: tuple[Any, ...], name: str, changes: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(entry.model_copy(update=changes) if entry.name == name else entry for entry in entries)


def test_another_domain_would_void_every_name(eagle_ford: Composition) -> None:
    before = protected(eagle_ford.site)
    now = protected(eagle_ford.site, domain="karnes.field.example")
    assert lost(before, now) == {"domain eagle-ford.field.example"}
    (found,) = given_up(before, now)
    assert found.remedy.endswith('write `gives_up: ["domain eagle-ford.field.example"]`')
    assert lost(before, protected(now, gives_up=(found.name,))) == set()
    # What was given up before is not given up again.
    again = protected(now, domain="other.field.example", gives_up=(found.name,))
    assert lost(now, again) == {"domain karnes.field.example"}


@pytest.mark.parametrize(
    ("part", "field", "name", "change", "expected"),
    [
        ("streams", "topics", "events", {"name": "happenings"}, "topic events"),
        ("streams", "users", "historian", {"group": "history"}, "offsets of historian"),
        ("identity", "groups", "operators", {"name": "desk"}, "group operators"),
    ],
)
def test_another_name_would_lose_what_the_old_one_keeps(
    eagle_ford: Composition, part: str, field: str, name: str, change: dict[str, Any], expected: str
) -> None:
    before = protected(eagle_ford.site)
    entries = renamed(getattr(getattr(before, part), field), name, change)
    assert expected in lost(before, with_part(before, part, **{field: entries}))


def test_another_cluster_or_number_of_copies_would_replace_every_topic(eagle_ford: Composition) -> None:
    before = protected(eagle_ford.site)
    topics = {f"topic {topic.name}" for topic in before.streams.topics}
    cluster = before.streams.cluster.model_copy(update={"name": "edge"})
    assert lost(before, with_part(before, "streams", cluster=cluster)) == topics
    assert lost(before, with_part(before, "streams", replication=5)) == topics


def test_a_generation_that_no_approval_names_yet_is_held_against_the_data_before(
    eagle_ford: Composition,
) -> None:
    """`approved` names the first; the second is deployed, and must not change by one word either."""
    site = protected(eagle_ford.site)
    generations = {kind: getattr(site.pki, kind).model_copy(update={"generation": 2}) for kind in AUTHORITIES}
    second = with_part(site, "pki", **generations)
    assert lost(site, second) == set()
    other = with_part(second, "pki", organization="Another")
    assert lost(second, other) == {"root CA g2", "issuing CA g2"}
    approved = {
        kind: getattr(other.pki, kind).model_copy(update={"approved": made_from(other, kind)})
        for kind in AUTHORITIES
    }
    assert lost(second, with_part(other, "pki", **approved)) == set()
    # Back to the first would remove the second.
    assert lost(second, site) == {"root CA g2", "issuing CA g2"}


def test_a_site_that_carries_nothing_loses_nothing(eagle_ford: Composition) -> None:
    site = eagle_ford.site
    assert not site.protect
    assert lost(site, site.model_copy(update={"domain": "karnes.field.example"})) == set()
    # Taking the protection away in the same change is no way around.
    careless = site.model_copy(update={"domain": "karnes.field.example"})
    assert lost(protected(site), careless) == {f"domain {site.domain}"}


@pytest.mark.parametrize("phase", PHASES)
def test_no_phase_loses_anything(variants: Variants, phase: str) -> None:
    """The control: what a promotion changes is none of it."""
    for before, now in zip(variants("pilot"), variants(phase), strict=True):
        assert lost(protected(before), protected(now)) == set()


def test_each_name_is_of_one_thing(composition: Composition) -> None:
    names = list(kept(composition.site))
    assert len(names) == len(set(names))
