"""The site's dashboard: Grafana finds it, Prometheus understands every query, and the series are EMQX's own."""

import json
import os
import re
from pathlib import Path

import pytest

from components import worker_alerts
from components.dashboards import dashboard, panels
from components.recording import Composition
from lab.history import lines, scene
from tests.support.variants import EDITIONS, Variants
from tests.unit.lab.test_history import DAY, NOW

REPOSITORY = Path(__file__).parents[3]


def queries(composition: Composition) -> list[str]:
    return [query for panel in panels(composition.site) for query in panel.queries]


def test_grafanas_sidecar_finds_it_by_its_label(composition: Composition) -> None:
    made = composition.one("ConfigMap", "iot-broker-dashboard")
    assert made.metadata["labels"]["grafana_dashboard"] == "1"
    (text,) = made.inputs["data"].values()
    assert json.loads(text) == dashboard(composition.site)


def test_two_sites_have_two_dashboards(variants: Variants) -> None:
    shown = [dashboard(site) for site in variants("pilot")]
    assert len({page["uid"] for page in shown}) == len({page["title"] for page in shown}) == len(shown)
    assert all(len(page["uid"]) <= 40 for page in shown)


def test_an_operator_sees_all_that_a_shift_asks_for(composition: Composition) -> None:
    text = " ".join(queries(composition))
    for series in (
        "iot_broker:serving",
        "iot_broker:errors:ratio_1h",
        "emqx_live_connections_count",
        "emqx_messages_received",
        "emqx_messages_sent",
        "emqx_delivery_dropped_queue_full",
        "emqx_cert_expiry_at",
        "kafka_consumergroup_lag",
        'up{namespace="',
    ):
        assert series in text


def test_every_query_is_of_this_site_alone(composition: Composition) -> None:
    site = composition.site
    mine = (f'site="{site.name}"', f'namespace="{site.namespace}"', f'topic=~"{site.name}[.]')
    assert not [query for query in queries(composition) if not any(label in query for label in mine)]


def test_every_series_of_a_query_has_its_legend(composition: Composition) -> None:
    for panel in panels(composition.site):
        assert len(panel.queries) == len(panel.legends)
        assert panel.description


def test_no_panel_covers_another(composition: Composition) -> None:
    places = [panel["gridPos"] for panel in dashboard(composition.site)["panels"]]
    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    assert all(place["x"] + place["w"] <= 24 for place in places)


def test_every_series_exists_in_emqx(composition: Composition) -> None:
    folder = Path(os.environ.get("IOT_BROKER_REFERENCE", REPOSITORY.parent / "shared" / "reference"))
    file = folder / "emqx" / "metric-names-5.8.9-opensource.tsv"
    if not file.exists():
        pytest.skip(f"{file.name} is not here: set IOT_BROKER_REFERENCE to where it is")
    known = {line.split("\t")[1] for line in file.read_text(encoding="utf-8").splitlines()}
    asked = {name for query in queries(composition) for name in re.findall(r"\bemqx_\w+", query)}
    assert asked <= known


def test_a_site_with_workers_has_a_row_of_them_and_no_buffers(
    variants: Variants, with_workers: Variants
) -> None:
    without, has = variants("pilot")[1], with_workers("pilot")[1]
    rows = [panel for panel in dashboard(has)["panels"] if panel["type"] == "row"]
    assert [row["title"] for row in rows] == ["Way to Kafka"]
    assert not [panel for panel in dashboard(without)["panels"] if panel["type"] == "row"]
    titles = {panel.title for panel in panels(without)}, {panel.title for panel in panels(has)}
    assert titles[0] - titles[1] == {"Waiting for Kafka"}
    asked = " ".join(query for panel in panels(has) for query in panel.queries)
    for series in (
        "worker_lag_seconds",
        "worker_kafka_refusals_total",
        "worker_dead_letters_total",
        "worker_duplicates_total",
        "worker_subscriptions_granted",
    ):
        assert series in asked


def test_a_rows_title_covers_no_panel(with_workers: Variants) -> None:
    for site in with_workers("pilot"):
        shown = dashboard(site)["panels"]
        assert len({panel["id"] for panel in shown}) == len(shown)
        lines = [
            (place["x"] + across, place["y"] + down)
            for panel in shown
            for place in (panel["gridPos"],)
            for across in range(place["w"])
            for down in range(place["h"])
        ]
        assert len(set(lines)) == len(lines)


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_labs_history_has_every_series_of_ours(
    edition: str, variants: Variants, with_workers: Variants
) -> None:
    end = int(NOW.timestamp())
    for site in (variants("pilot", edition)[1], with_workers("pilot", edition)[1]):
        there = {line.split("{")[0] for line in lines(scene(site, "good", 7, NOW), end - DAY, end, 300)}
        ours = [query for panel in panels(site) if panel.ours for query in panel.queries]
        asked = {name for query in ours for name in re.findall(r"\b([a-z_]+(?::\w+)*)\{", query)}
        # What alerts look at by its meaning, Prometheus makes of the rest.
        asked -= {rule.name for rule in worker_alerts.recordings(site)}
        assert asked
        assert asked <= there
