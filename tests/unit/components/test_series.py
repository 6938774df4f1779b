"""Each series that rules and dashboards ask for is made by a part that the site deploys, and scraped by its monitor."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.dashboards import panels
from components.prometheus_rules import rule_groups
from components.recording import Composition
from components.series import PRODUCERS, SERIES, WORKERS, producer, selected, unproduced
from images.worker.births import _WORDS as SPARKPLUG_WORDS
from model import Site
from model.broker import Replicants
from tests.support.variants import EDITIONS, PHASES, Variants

PROGRAM = Path(__file__).parents[3] / "images" / "worker"


@pytest.fixture(scope="module")
def pilot(variants: Variants) -> Site:
    return next(site for site in variants("pilot", "opensource") if site.name == "eagle-ford")


def expressions(site: Site) -> Iterator[tuple[str, str]]:
    """Yield the name and the expression of everything that the site asks Prometheus for."""
    for group in rule_groups(site):
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in panels(site):
        if panel.ours:
            yield from ((panel.title, query) for query in panel.queries)


def recorded(site: Site) -> frozenset[str]:
    return frozenset(
        rule["record"] for group in rule_groups(site) for rule in group["rules"] if "record" in rule
    )


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("phase", PHASES)
def test_nothing_asks_for_a_series_that_no_part_makes(
    variants: Variants, with_workers: Variants, with_bridge_worker: Variants, phase: str, edition: str
) -> None:
    changed = (*with_workers(phase, edition), *with_bridge_worker(phase, edition))
    for site in (*variants(phase, edition), *changed):
        missing = {
            name: problems
            for name, expression in expressions(site)
            if (problems := unproduced(site, expression, recorded(site)))
        }
        assert missing == {}


def test_every_expression_selects_something(pilot: Site) -> None:
    """What is written without braces would not be looked at here."""
    assert [name for name, expression in expressions(pilot) if not selected(expression)] == []


EMQX = 'namespace="iot-eagle-ford",job="emqx"'


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (f'emqx_made_up{{{EMQX},part="stats"}} > 0', "emqx_made_up is made by no part of the kit"),
        (
            f'emqx_mria_lag{{{EMQX},part="stats"}} > 0',
            "emqx_mria_lag is not made by the broker's nodes (stats)",
        ),
        (f'emqx_banned_count{{{EMQX},part="stats"}} > 0', "emqx_banned_count is asked for with other labels"),
        (
            'emqx_banned_count{job="emqx",part="auth"} > 0',
            "emqx_banned_count is not asked of this site alone",
        ),
        (
            'up{namespace="iot-eagle-ford",job="kafka-connect"} == 0',
            "up is made by the sinks' workers, which",
        ),
        ('up{namespace="iot-eagle-ford",job="no-one"} == 0', "up is made by no part of the kit"),
        ('iot_broker:made_up{site="eagle-ford"} > 0', "iot_broker:made_up is recorded by no rule"),
        ("iot_broker:serving{} == 0", "iot_broker:serving is not asked of this site alone"),
    ],
)
def test_an_alert_whose_series_nothing_makes_is_refused(pilot: Site, expression: str, problem: str) -> None:
    streams = pilot.streams.model_copy(update={"sinks": ()})
    site = pilot.model_copy(update={"streams": streams})
    (found,) = unproduced(site, expression, recorded(site))
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (
            'worker_lag_seconds{namespace="iot-eagle-ford",job="kafka-worker"} > 0',
            "worker_lag_seconds is made by the workers to Kafka, which this site has not",
        ),
        (
            'worker_lag_seconds{namespace="iot-eagle-ford",job="emqx"} > 0',
            "worker_lag_seconds is made by the workers to Kafka, which this site has not",
        ),
    ],
)
def test_a_site_without_workers_asks_for_none_of_their_series(
    pilot: Site, expression: str, problem: str
) -> None:
    assert unproduced(pilot, expression, recorded(pilot)) == (problem,)


def test_a_site_with_workers_asks_for_no_action_that_leads_to_kafka(with_workers: Variants) -> None:
    site = next(site for site in with_workers("pilot") if site.name == "eagle-ford")
    expression = f'emqx_action_status{{{EMQX},part="data_integration"}} == 0'
    assert unproduced(site, expression, recorded(site)) == (
        "emqx_action_status is not made by the broker's nodes (data_integration) at this site",
    )


def test_a_selector_is_read_with_quotes_and_braces_in_its_values() -> None:
    (found,) = selected(r'sum(rate(made{id=~"a{2}|\"b\"", job = "x"}[5m]))')
    assert found.name == "made"
    assert found.matchers == (("id", "=~", r"a{2}|\"b\""), ("job", "=", "x"))


def test_every_series_of_the_workers_is_one_that_their_program_gives() -> None:
    given = {f"worker_sparkplug_{name}_total" for name in SPARKPLUG_WORDS}
    for file in ("worker.py", "births.py"):
        text = (PROGRAM / file).read_text(encoding="utf-8")
        given |= {f"worker_{name}_total" for name in re.findall(r'\bcounter\("(\w+)"', text)}
        given |= {f"worker_{name}" for name in re.findall(r'\bgauge\(\s*"(\w+)"', text)}
    stated = {name for name, series in SERIES.items() if series.producer == WORKERS}
    assert stated
    assert stated <= given


def test_each_producer_is_scraped_by_a_monitor_of_the_site(composition: Composition) -> None:
    monitors = {made.metadata["name"]: made for made in composition.of("PodMonitor")}
    for entry in PRODUCERS:
        if entry.deployed(composition.site):
            endpoints = monitors[entry.monitor].spec["podMetricsEndpoints"]
            (endpoint,) = (found for found in endpoints if found["path"] == entry.path)
            given = {made["targetLabel"]: made["replacement"] for made in endpoint.get("relabelings", ())}
            assert entry.labels.items() <= (given | {"job": entry.labels["job"]}).items()


def test_no_series_is_in_the_table_that_nothing_asks_for(
    variants: Variants, with_workers: Variants, with_bridge_worker: Variants
) -> None:
    sites = [site for phase in PHASES for edition in EDITIONS for site in variants(phase, edition)]
    asked = {
        selector.name
        for site in (
            *sites,
            with_replicants(variants),
            *with_workers("pilot"),
            *with_bridge_worker("parallel"),
        )
        for _, expression in expressions(site)
        for selector in selected(expression)
    }
    assert set(SERIES) - asked == set()


def with_replicants(variants: Variants) -> Site:
    site = next(site for site in variants("pilot", "enterprise") if site.name == "eagle-ford")
    wanted = {"replicants": Replicants(replicas=2, autoscaling=None)}
    return site.model_copy(update={"broker": site.broker.model_copy(update=wanted)})


def test_counters_are_taken_as_rates_and_gauges_are_not(
    variants: Variants, with_workers: Variants, with_bridge_worker: Variants
) -> None:
    for site in (*variants("parallel"), *with_workers("parallel"), *with_bridge_worker("parallel")):
        for name, expression in expressions(site):
            for selector in selected(expression):
                made = producer(selector)
                if made is None or selector.name == "up":
                    continue
                after = f"{selector.name}{{" in expression
                grows = any(
                    f"{function}({selector.name}{{" in expression.replace(" ", "")
                    for function in ("rate", "increase")
                )
                assert after
                assert grows == (SERIES[selector.name].type == "counter"), name
