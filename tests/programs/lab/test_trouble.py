"""In trouble every alert of a site fires, and in good days none does: in each phase, edition and scrape interval."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from components.bridge_worker_alerts import bridge_worker_alerts
from components.broker_alerts import alerts
from components.prometheus_rules import rule_groups
from components.worker_alerts import worker_alerts
from lab.history import scene
from lab.story import Scene, Span
from lab.trouble import troubled_series
from model import Site
from model.broker import Replicants
from model.units import Duration
from tests.support.tools import tool
from tests.support.troubles import CONTRADICTED, OF_CONNECTORS, OF_SILENCE, with_few_workers
from tests.support.variants import Variants
from tests.unit.lab.test_history import NOW

MINUTES = 170
BAD_FROM = 70


def site_of(variants: Variants, phase: str, edition: str, interval: str) -> Site:
    site = next(site for site in variants(phase, edition) if site.name == "eagle-ford")
    monitoring = site.monitoring.model_copy(update={"scrape_interval": Duration.parse(interval)})
    broker = site.broker
    if edition == "enterprise" and phase == "pilot":
        broker = broker.model_copy(update={"replicants": Replicants(replicas=2, autoscaling=None)})
    return site.model_copy(update={"monitoring": monitoring, "broker": broker})


def firing(site: Site, told: Scene, folder: Path) -> set[str]:
    """Return the alerts that fire at the end of a scene which is scraped at the site's own interval."""
    interval = site.monitoring.scrape_interval
    moments = range(0, MINUTES * 60, interval.seconds)
    given = [
        {
            "series": entry.name
            + "{"
            + ",".join(f"{k}={json.dumps(v)}" for k, v in entry.labels.items())
            + "}",
            "values": " ".join(
                "_" if (value := entry.value(moment)) is None else f"{value:.10g}" for moment in moments
            ),
        }
        for entry in troubled_series(told)
    ]
    groups = rule_groups(site)
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    test = {
        "interval": str(interval),
        "input_series": given,
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{MINUTES - 2}m",
                # Of no alert there is: promtool says what it found instead.
                "exp_samples": [{"labels": '{alertname="none"}', "value": 1}],
            }
        ],
    }
    document = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": str(interval),
        "group_eval_order": [group["name"] for group in groups],
        "tests": [test],
    }
    file = folder / "test.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    command = (str(tool("promtool") / "promtool"), "test", "rules", str(file))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (found,) = (line for line in done.stderr.splitlines() if line.strip().startswith("got:"))
    return {part.split('"')[1] for part in found.split("got:")[1].split("} ") if '"' in part}


def told(site: Site, *, bad: bool) -> Scene:
    good = scene(site, "good", 7, NOW)
    spans = (Span(BAD_FROM * 60, float("inf")),) if bad else ()
    return Scene(**{**vars(good), "outages": (), "troubles": spans})


CASES = [
    ("pilot", "opensource", "30s"),
    ("pilot", "enterprise", "2m"),
    ("parallel", "opensource", "2m"),
    ("cutover", "enterprise", "1m"),
]


@pytest.mark.parametrize(("phase", "edition", "interval"), CASES)
def test_every_alert_fires_in_trouble(
    variants: Variants, tmp_path: Path, phase: str, edition: str, interval: str
) -> None:
    site = site_of(variants, phase, edition, interval)
    bad = told(site, bad=True)
    wanted = {alert.name for alert in alerts(site)} - OF_SILENCE - CONTRADICTED
    wanted -= set() if bad.connectors else OF_CONNECTORS
    assert firing(site, bad, tmp_path) == wanted


def test_every_alert_on_workers_fires_in_trouble(with_workers: Variants, tmp_path: Path) -> None:
    site = with_few_workers(site_of(with_workers, "pilot", "opensource", "1m"))
    wanted = {alert.name for alert in alerts(site)} - OF_SILENCE - CONTRADICTED - OF_CONNECTORS
    assert wanted >= {alert.name for alert in worker_alerts(site)} - OF_SILENCE
    assert firing(site, told(site, bad=True), tmp_path) == wanted


def test_no_alert_on_workers_fires_in_good_days(with_workers: Variants, tmp_path: Path) -> None:
    site = with_few_workers(site_of(with_workers, "pilot", "opensource", "1m"))
    assert firing(site, told(site, bad=False), tmp_path) == set()


@pytest.mark.parametrize("phase", ["parallel", "cutover"])
def test_every_alert_on_a_bridge_that_is_a_program_fires_in_trouble_and_none_in_good_days(
    with_bridge_worker: Variants, tmp_path: Path, phase: str
) -> None:
    site = site_of(with_bridge_worker, phase, "opensource", "1m")
    bad = told(site, bad=True)
    wanted = {alert.name for alert in alerts(site)} - OF_SILENCE - CONTRADICTED
    wanted -= set() if bad.connectors else OF_CONNECTORS
    assert wanted >= {alert.name for alert in bridge_worker_alerts(site)}
    assert firing(site, bad, tmp_path) == wanted
    assert firing(site, told(site, bad=False), tmp_path) == set()


@pytest.mark.parametrize(("phase", "edition", "interval"), CASES)
def test_no_alert_fires_in_good_days(
    variants: Variants, tmp_path: Path, phase: str, edition: str, interval: str
) -> None:
    site = site_of(variants, phase, edition, interval)
    assert firing(site, told(site, bad=False), tmp_path) == set()
