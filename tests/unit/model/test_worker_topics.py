"""The workers hear what the rules would have taken, and the OT mirror's worker alone hears the mirror."""

import pytest

from images.worker import topics as program
from images.worker.settings import Topics
from model import Site
from model.ingest import AUDIT, Route, own_routes, routes
from model.worker_topics import (
    AUDIT_SPACE,
    assets,
    audit_rules,
    filters,
    ot_filters,
    ot_settings,
    settings,
)
from tests.support.variants import EDITIONS, PHASES, sites_with_worker


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, ...]:
    """The sample sites with workers, in every phase and edition."""
    folder = tmp_path_factory.mktemp("workers")
    return tuple(
        site for phase in PHASES for edition in EDITIONS for site in sites_with_worker(folder, phase, edition)
    )


def _said(written: dict[str, object]) -> Topics:
    spaces = written["spaces"]
    assert isinstance(spaces, list)
    return Topics(**{**written, "spaces": tuple(spaces)})  # type: ignore[arg-type]


def _within(narrow: str, wide: str) -> bool:
    """Whether every topic of the first filter is one of the second's."""
    ours, theirs = narrow.split("/"), wide.split("/")
    for index, level in enumerate(theirs):
        if level == "#":
            return True
        if index >= len(ours) or (level not in ("+", ours[index])) or (ours[index] == "#"):
            return False
    return len(ours) == len(theirs)


def _of_clients(site: Site) -> list[Route]:
    own = {route.name for route in own_routes()}
    # What was to be held back has a filter for each of the others, in EMQX's own form (components/workers.py).
    return [route for route in routes(site) if route.name not in own and route.name != "delayed"]


def test_all_that_a_rule_would_take_of_clients_is_subscribed_to(sites: tuple[Site, ...]) -> None:
    for site in sites:
        heard = (*filters(site), *ot_filters(site))
        for route in _of_clients(site):
            for wanted in route.filters:
                assert any(_within(wanted, one) for one in heard), (site.name, wanted)


def test_no_message_is_heard_twice(sites: tuple[Site, ...]) -> None:
    for site in sites:
        heard = (*filters(site), *ot_filters(site))
        begins = [one.partition("+")[0].partition("#")[0] for one in heard]
        # The two kinds of figures differ by what comes after the node.
        overlapping = [
            (one, other)
            for place, one in enumerate(begins)
            for other in begins[place + 1 :]
            if (one.startswith(other) or other.startswith(one)) and not one.startswith("$SYS/")
        ]
        assert overlapping == []


def test_the_mirrors_topics_are_its_own_workers(sites: tuple[Site, ...]) -> None:
    for site in sites:
        assert not [one for one in filters(site) if one.startswith(("ot/", "+", "#"))]
        assert ot_filters(site) == (f"ot/{site.name}/+/#",)


def test_the_program_subscribes_to_what_the_policy_is_told(sites: tuple[Site, ...]) -> None:
    for site in sites:
        for said, told in ((settings(site), filters(site)), (ot_settings(site), ot_filters(site))):
            own = {name for name in program.filters(_said(said)) if not name.startswith("$delayed/")}
            assert own == set(told)


def test_states_by_sparkplug_2_2_are_heard_where_a_host_speaks_it(sites: tuple[Site, ...]) -> None:
    (site, *_) = (site for site in sites if site.name == "eagle-ford")
    assert settings(site)["states_2_2"] is False
    host = site.policy.hosts[0].model_copy(update={"sparkplug": ("v2.2",)})
    older = site.model_copy(update={"policy": site.policy.model_copy(update={"hosts": (host,)})})
    assert settings(older)["states_2_2"] is True
    assert "STATE/+" in filters(older)


def test_each_asset_is_found_from_the_topics_of_its_messages(sites: tuple[Site, ...]) -> None:
    for site in sites:
        known = assets(site)
        for asset, space in site.topic_spaces.items():
            routed = program.route(f"{space}/pump/pressure", b"1", _said(settings(site)))
            assert (known.get(routed.device or "") or known.get(routed.space or "")) == asset


def test_a_level_that_two_assets_share_is_none_of_theirs(sites: tuple[Site, ...]) -> None:
    site = sites[0]
    one, two, *others = site.assets
    shared = (
        one.model_copy(update={"topic_space": f"{site.name}/unit/a"}),
        two.model_copy(update={"topic_space": f"{site.name}/unit/b"}),
        *others,
    )
    found = assets(site.model_copy(update={"assets": shared}))
    assert "unit" not in found
    assert len(found) == len(others)


def test_every_event_of_the_broker_is_published_once_where_only_workers_read() -> None:
    rules = audit_rules()
    audited = [route for route in own_routes() if route.topic == AUDIT]
    assert [rule.name for rule in rules] == [f"{route.name}_told" for route in audited]
    assert len({rule.topic for rule in rules}) == len(rules)
    for rule, route in zip(rules, audited, strict=True):
        assert rule.topic.startswith(f"{AUDIT_SPACE}/")
        assert f'FROM "{route.filters[0]}"' in rule.sql
        assert route.condition in rule.sql
        # What republishes is no message that a rule hears: nothing goes in a circle.
        assert "$events/message" not in rule.sql


def test_the_broker_reads_no_payload_for_a_worker() -> None:
    assert not [rule for rule in audit_rules() if "payload" in rule.sql or "regex" in rule.sql]
