"""A told history is the same each time, has what the kit's rules ask for, and tells its story."""

import json
import re
from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.prometheus_rules import rule_groups
from lab.files import write
from lab.history import lines, scene, service_level
from lab.operators.stories import exposition, read, story_file
from lab.story import Span, Story
from model import Site
from tests.support.variants import EDITIONS, Variants

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAYS = 30
DAY = 86_400
SERIES = re.compile(
    r"\b(?:emqx_\w+|worker_\w+|kafka_connect_\w+|http_request_duration_seconds_count|iot_broker:[\w:]+|up)(?=\{)"
)


@pytest.fixture(scope="module")
def site(variants: Variants) -> Site:
    return next(site for site in variants("pilot") if site.name == "eagle-ford")


@pytest.fixture(scope="module")
def good(site: Site) -> list[str]:
    """A short history of a good story, told once for all tests here."""
    return told(site, "good", 7)


@pytest.fixture(scope="module")
def gap(site: Site) -> list[str]:
    """A short history with a gap, told once for all tests here."""
    return told(site, "gap", 7)


def told(site: Site, story: Story, days: int) -> list[str]:
    """The last days of a story, whole."""
    end = int(NOW.timestamp())
    return list(lines(scene(site, story, 7, NOW), end - days * DAY, end, 300))


def names(history: list[str]) -> set[str]:
    """Return the names of a history's series."""
    return {line.split("{", 1)[0] for line in history}


def series(history: list[str]) -> set[str]:
    """Return the names of a history's series, with their labels."""
    return {line.rsplit(maxsplit=2)[0] for line in history}


def recorded(site: Site, story: Story, name: str = "iot_broker:serving", step: int = 300) -> dict[int, float]:
    """What is recorded of the service level in a month."""
    end = int(NOW.timestamp())
    text = service_level(scene(site, story, DAYS, NOW), range(end - DAYS * DAY, end, step))
    found = [line.split() for line in text if line.startswith(f"{name}{{")]
    return {int(moment): float(value) for _, value, moment in found}


def test_the_same_story_is_told_in_the_same_words(site: Site) -> None:
    assert told(site, "good", 1) == told(site, "good", 1)


@pytest.mark.parametrize("edition", EDITIONS)
def test_it_has_every_series_that_the_sites_rules_ask_for(
    edition: str, variants: Variants, with_workers: Variants
) -> None:
    # Sinks run from this phase on.
    for site in (variants("parallel", edition)[1], with_workers("parallel", edition)[1]):
        groups = {group["name"].removeprefix(f"{site.name}-"): group["rules"] for group in rule_groups(site)}
        asked = {name for rules in groups.values() for rule in rules for name in SERIES.findall(rule["expr"])}
        # What alerts look at by its meaning, Prometheus makes of the rest from then on; of connections it needs a day.
        asked -= {rule["record"] for rule in groups["meanings"]} - {"iot_broker:connections"}
        # Where the broker has no action, one that a hand added is looked for.
        asked -= set() if scene(site, "good", 7, NOW).routes else {"emqx_action_enable"}
        assert asked
        assert asked <= names(told(site, "good", 1))


def test_a_good_month_has_outages_that_a_promise_of_99_9_percent_bears(site: Site) -> None:
    values = recorded(site, "good", step=30).values()
    assert 0.999 < sum(values) / len(values) < 1


def test_a_breached_month_has_an_outage_in_working_hours(site: Site) -> None:
    away = [moment for moment, value in recorded(site, "breached").items() if not value]
    promised = [m for m in away if site.monitoring.promised_at(datetime.fromtimestamp(m, UTC))]
    assert len(promised) * 300 > 5 * 3600


def test_of_a_gap_nothing_is_known(site: Site, gap: list[str]) -> None:
    (away,) = scene(site, "gap", DAYS, NOW).gaps
    moments = {int(line.rsplit(maxsplit=1)[1]) for line in gap}
    assert away.end - away.start == 2 * DAY
    assert not [moment for moment in moments if moment in away]


@pytest.mark.parametrize("story", ["good", "breached", "gap"])
def test_no_time_of_a_series_comes_twice_or_goes_back(
    site: Site, good: list[str], gap: list[str], story: Story
) -> None:
    moments: dict[str, list[int]] = defaultdict(list)
    for line in {"good": good, "gap": gap}.get(story) or told(site, story, 7):
        name, _, moment = line.rsplit(maxsplit=2)
        moments[name].append(int(moment))
    assert all(found == sorted(set(found)) for found in moments.values())


def test_counters_never_fall(good: list[str]) -> None:
    values = defaultdict(list)
    for line in good:
        if line.startswith(("emqx_messages", "emqx_packets", "http_request", "kafka_connect_sink")):
            name, value, _ = line.rsplit(maxsplit=2)
            values[name].append(float(value))
    assert values
    assert all(found == sorted(found) for found in values.values())


def test_what_is_recorded_for_a_window_is_the_share_that_was_lost_in_it(site: Site) -> None:
    breach = scene(site, "breached", DAYS, NOW).outages[-1]
    ratios = recorded(site, "breached", "iot_broker:errors:ratio_1h")
    assert ratios[int(breach.start) + 1800] == pytest.approx(0.5, abs=0.1)
    assert ratios[int(breach.start) + 2 * 3600] == 1


def test_the_present_goes_on_where_the_past_ends(site: Site, good: list[str], tmp_path: Path) -> None:
    facts = scene(site, "good", DAYS, NOW)
    write(story_file(tmp_path, site.name), json.dumps(asdict(facts)))
    assert read(story_file(tmp_path, site.name)) == facts
    now = {line.rsplit(" ", 1)[0] for line in exposition(tmp_path, NOW.timestamp()).splitlines()}
    assert now == {name for name in series(good) if not name.startswith("iot_broker:")}


def test_a_span_ends_before_its_end() -> None:
    assert 1 in Span(1, 2)
    assert 2 not in Span(1, 2)
