"""What the site is measured by: the rules are Prometheus', the series are EMQX's own, and each alert has its page."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from components.broker_alerts import alerts as alerts_of
from components.emqx_configuration import document
from components.emqx_nodes import REPLICANT_PODS
from components.prometheus_rules import rule_groups
from components.recording import OFFLINE, Composition
from components.series import SERIES
from components.worker_alerts import worker_alerts
from components.workers import FIGURES_TLS
from lab.operators.emqx_objects import broker_objects
from lab.operators.kubernetes import STATEFUL_SET
from model.broker import Replicants
from model.monitoring import AlertName
from model.slo import WINDOWS, budget
from tests.support.composing import compose
from tests.support.variants import EDITIONS, PHASES, Variants, site_of_case

REPOSITORY = Path(__file__).parents[3]


def rules(composition: Composition) -> list[dict[str, Any]]:
    groups = composition.one("PrometheusRule").spec["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts(composition: Composition) -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules(composition) if "alert" in rule}


def test_the_outputs_name_every_alert(composition: Composition) -> None:
    assert composition.outputs["alerts"] == list(alerts(composition))


def test_every_alert_says_where_in_which_phase_and_how_urgent(composition: Composition) -> None:
    for rule in alerts(composition).values():
        assert rule["labels"]["site"] == composition.site.name
        assert rule["labels"]["phase"] == composition.site.phase
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_every_alert_has_words_for_whoever_is_woken(composition: Composition) -> None:
    for name, rule in alerts(composition).items():
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
        assert rule["annotations"]["runbook_url"].endswith(f"/{name}")


def monitor(composition: Composition, name: str) -> Mapping[str, Any]:
    (found,) = (made for made in composition.of("PodMonitor") if made.metadata["name"] == name)
    return found.spec


def test_the_platforms_prometheus_finds_what_it_selects_by(composition: Composition) -> None:
    for kind in ("PodMonitor", "PrometheusRule"):
        for made in composition.of(kind):
            assert composition.site.monitoring.labels.items() <= made.metadata["labels"].items()


def test_the_broker_is_scraped_over_tls_with_a_key_that_may_only_look_or_none(
    composition: Composition,
) -> None:
    endpoints = monitor(composition, "broker")["podMetricsEndpoints"]
    assert [endpoint["path"] for endpoint in endpoints] == [
        "/api/v5/prometheus/stats",
        "/api/v5/prometheus/auth",
        "/api/v5/prometheus/data_integration",
    ]
    for endpoint in endpoints:
        assert endpoint["scheme"] == "https"
        key = {"name": "broker-metrics-key", "key": "secret"}
        with_key = endpoint.get("basicAuth", {}).get("password") == key
        assert with_key is (composition.site.broker.edition == "enterprise")
        assert ("basicAuth" in endpoint) is with_key
        assert "insecureSkipVerify" not in endpoint["tlsConfig"]


def test_monitors_select_what_the_components_make(composition: Composition) -> None:
    pods = composition.one("Deployment", "opa").spec["template"]["metadata"]["labels"]
    assert monitor(composition, "opa")["selector"]["matchLabels"].items() <= pods.items()


def test_nodes_of_both_kinds_are_scraped_as_one_job(eagle_ford: Composition) -> None:
    """The operator's own labels find them; the job's name is a label that the kit gives to both templates."""
    site = eagle_ford.site
    broker = site.broker.model_copy(
        update={"edition": "enterprise", "replicants": Replicants(replicas=4, autoscaling=None)}
    )
    composition = compose(site.model_copy(update={"broker": broker}))
    scraped = monitor(composition, "broker")
    made = composition.one("EMQX")
    ((_, stateful_set),) = (
        entry
        for entry in broker_objects({"metadata": {**made.metadata, "uid": "u"}, "spec": made.spec})
        if entry[0] == STATEFUL_SET
    )
    core = stateful_set["spec"]["template"]["metadata"]["labels"]
    replicant = made.spec["replicantTemplate"]["metadata"]["labels"] | REPLICANT_PODS
    for labels in (core, replicant):
        assert scraped["selector"]["matchLabels"].items() <= labels.items()
        assert labels[scraped["jobLabel"]] == "emqx"
    assert "BrokerNodeLost" in alerts(composition)
    assert f"< {site.broker.replicas + 4}" in alerts(composition)["BrokerNodeLost"]["expr"]


def test_no_other_pod_of_the_site_is_scraped_as_the_broker(composition: Composition) -> None:
    wanted = monitor(composition, "broker")["selector"]["matchLabels"]
    for made in (*composition.of("Deployment"), *composition.of("Job")):
        assert not wanted.items() <= made.spec["template"]["metadata"]["labels"].items()


def test_three_scrapes_of_one_node_are_told_apart(composition: Composition) -> None:
    endpoints = monitor(composition, "broker")["podMetricsEndpoints"]
    parts = [endpoint["relabelings"][0]["replacement"] for endpoint in endpoints]
    assert parts == ["stats", "auth", "data_integration"]


def test_a_promotion_does_not_begin_the_error_budget_anew(composition: Composition) -> None:
    records = [rule for rule in rules(composition) if "record" in rule]
    assert {tuple(rule["labels"]) for rule in records} == {("site",)}


def test_the_way_to_kafka_is_watched_as_the_edition_takes_it(composition: Composition) -> None:
    way = {"enterprise": "kafka_producer", "opensource": "http"}[composition.site.broker.edition]
    actions = document(composition.site, OFFLINE)["actions"]
    assert isinstance(actions, Mapping)
    assert way in actions
    for rule in rules(composition):
        if rule.get("record", "").startswith("iot_broker:records_") and "not_made" not in rule["record"]:
            assert f'id=~".*{way}:.*"' in rule["expr"]


def test_the_sinks_are_watched_where_there_are_any(eagle_ford: Composition) -> None:
    workers = eagle_ford.one("PodMonitor", "sinks").spec
    assert workers["selector"]["matchLabels"]["strimzi.io/kind"] == "KafkaConnect"
    watched = [name for name in alerts(eagle_ford) if name.startswith("Sink")]
    assert watched == ["SinkWorkersDown", "SinkTaskFailed", "SinkRefusesRecords"]
    streams = eagle_ford.site.streams.model_copy(update={"sinks": ()})
    bare = eagle_ford.site.model_copy(update={"streams": streams})
    assert not [alert.name for alert in alerts_of(bare) if alert.name.startswith("Sink")]


def test_the_workers_tell_what_the_alerts_ask_for(eagle_ford: Composition) -> None:
    allowed = eagle_ford.one("KafkaConnect").spec["metricsConfig"]["values"]["allowList"]
    asked = {name for rule in rules(eagle_ford) for name in re.findall(r"kafka_connect_\w+", rule["expr"])}
    assert asked
    assert all(any(re.fullmatch(pattern, name) for pattern in allowed) for name in asked)


def test_the_thresholds_follow_the_promise(composition: Composition) -> None:
    promise = composition.site.monitoring.service_level.availability
    expression = alerts(composition)["BrokerAvailabilityBurnsFast"]["expr"]
    for window in WINDOWS:
        if window.severity == "page":
            assert f"> {(window.burn_rate * budget(promise)).normalize():f}" in expression


def test_every_series_of_the_brokers_exists_in_emqx() -> None:
    """What the table says of EMQX's series is held against a list of a running node's, where that is at hand."""
    folder = Path(os.environ.get("IOT_BROKER_REFERENCE", REPOSITORY.parent / "shared" / "reference"))
    file = folder / "emqx" / "metric-names-5.8.9-opensource.tsv"
    if not file.exists():
        pytest.skip(
            f"EMQX's series names {file.name} are not here: set IOT_BROKER_REFERENCE to where they are"
        )
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    known = {(f"/api/v5/prometheus/{part}", name, type_) for part, name, type_ in rows}
    stated = {
        (series.producer.path, series.name, series.type)
        for series in SERIES.values()
        if series.producer.monitor == "broker"
    }
    assert stated
    assert stated <= known


def test_the_model_names_exactly_the_alerts_that_there_are(
    variants: Variants, with_workers: Variants, with_bridge_worker: Variants
) -> None:
    sites = [site for phase in PHASES for edition in EDITIONS for site in variants(phase, edition)]
    sites += [*with_workers("pilot"), *with_bridge_worker("parallel")]
    named = {
        alert.name for site in (*sites, site_of_case("replicants", variants)) for alert in alerts_of(site)
    }
    assert named == set(get_args(AlertName))


OF_THE_BROKERS_OWN_WAY = {
    "RecordsRefused",
    "SomeRecordsRefused",
    "RecordsDropped",
    "RecordsPileUp",
    "RecordsNotCarried",
}


def test_workers_are_watched_in_place_of_the_brokers_own_way(
    variants: Variants, with_workers: Variants
) -> None:
    for edition in EDITIONS:
        for before, after in zip(variants("cutover", edition), with_workers("cutover", edition), strict=True):
            was, now = ({alert.name for alert in alerts_of(site)} for site in (before, after))
            assert was - now == OF_THE_BROKERS_OWN_WAY
            assert now - was == {alert.name for alert in worker_alerts(after)}
            assert not list(worker_alerts(before))


def test_workers_that_decode_no_sparkplug_have_no_alert_on_it(with_workers: Variants) -> None:
    site = with_workers("pilot")[0]
    assert site.streams.worker is not None
    worker = site.streams.worker.model_copy(update={"decode_sparkplug": False})
    bytes_only = site.model_copy(update={"streams": site.streams.model_copy(update={"worker": worker})})
    gone = {alert.name for alert in alerts_of(site)} - {alert.name for alert in alerts_of(bytes_only)}
    assert gone == {"SparkplugSequenceGaps", "SparkplugBirthsLost"}


def test_all_workers_are_scraped_as_one_job(with_workers: Variants) -> None:
    """Their figures are told over TLS, under one name, at the port that the pods open."""
    site = next(site for site in with_workers("pilot") if site.name == "eagle-ford")
    composition = compose(site)
    scraped = monitor(composition, "kafka-worker")
    (endpoint,) = scraped["podMetricsEndpoints"]
    sets = [composition.one("StatefulSet", name) for name in ("kafka-worker", "ot-worker")]
    for made in sets:
        template = made.spec["template"]
        labels = template["metadata"]["labels"]
        assert scraped["selector"]["matchLabels"].items() <= labels.items()
        assert labels[scraped["jobLabel"]] == SERIES["worker_lag_seconds"].producer.labels["job"]
        ports = [port["name"] for port in template["spec"]["containers"][0]["ports"]]
        assert endpoint["port"] in ports
    assert endpoint["scheme"] == "https"
    shown = composition.one("Certificate", FIGURES_TLS).spec["dnsNames"]
    assert endpoint["tlsConfig"]["serverName"] in shown
    wanted = sum(made.spec["replicas"] for made in sets)
    assert f"< {wanted} " in alerts(composition)["WorkerAway"]["expr"]


def test_the_rules_come_once_the_broker_is_ready(composition: Composition) -> None:
    """Rules that are there before it page through a first deployment."""
    broker, rule = composition.one("EMQX"), composition.one("PrometheusRule")
    assert broker.urn in rule.depends_on


def test_a_phase_changes_how_much_an_alert_matters(variants: Variants) -> None:
    def severities(phase: str) -> dict[str, str]:
        groups = rule_groups(variants(phase)[0])
        found = [rule for group in groups for rule in group["rules"] if "alert" in rule]
        return {rule["alert"]: rule["labels"]["severity"] for rule in found}

    pilot, cutover = severities("pilot"), severities("cutover")
    raised = {name for name, severity in cutover.items() if severity != pilot.get(name, severity)}
    assert raised == {"BrokerNodeLost", "BrokerDropsMessages"}
    assert all(cutover[name] == "page" for name in raised)
