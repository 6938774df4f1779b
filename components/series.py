"""Which part of the site makes each series that its rules and dashboards ask for, and by which monitor it is scraped.

An expression that asks for a series that no deployed part makes never fires; `unproduced` finds it, and a test refuses
it. Whoever adds a series names its producer here; whoever adds a producer adds it to `PRODUCERS`, with its monitor in
`components/prometheus_rules.py`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from components import certificate_alerts, names
from model import Site
from model.bridge_worker import BRIDGE
from model.worker import MAIN

Type = Literal["counter", "gauge"]
# Prometheus makes it itself, for each target of each monitor.
UP = "up"
RECORDED = "iot_broker:"
_SELECTOR = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{((?:[^{}"]|"(?:[^"\\]|\\.)*")*)\}')
_MATCHER = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!=|!~|=)\s*"((?:[^"\\]|\\.)*)"')


def _always(_site: Site) -> bool:
    return True


@dataclass(frozen=True)
class Producer:
    """A part of the site that makes series: how people call it, its monitor, and the labels that the monitor gives."""

    title: str
    monitor: str
    """Name of the PodMonitor or ServiceMonitor that scrapes it."""
    path: str
    labels: dict[str, str]
    deployed: Callable[[Site], bool] = field(default=_always)


@dataclass(frozen=True)
class Series:
    """A series by its name: what it is, who makes it, and on which sites."""

    name: str
    type: Type
    producer: Producer
    there: Callable[[Site], bool] = field(default=_always)
    """Whether it is made at a site where its producer is."""


def _of_broker(part: str) -> Producer:
    return Producer(
        f"the broker's nodes ({part})",
        names.BROKER,
        f"/api/v5/prometheus/{part}",
        {"job": "emqx", "part": part},
    )


def _has_sinks(site: Site) -> bool:
    return bool(site.streams.sinks)


def _has_workers(site: Site) -> bool:
    return site.streams.by_worker


def _has_bridge_worker(site: Site) -> bool:
    return site.bridge_worker is not None


def _broker_carries(site: Site) -> bool:
    return site.way_to_kafka != "worker"


def _has_replicants(site: Site) -> bool:
    return site.broker.replicants is not None


BROKER_STATS = _of_broker("stats")
BROKER_ACCESS = _of_broker("auth")
BROKER_INTEGRATION = _of_broker("data_integration")
POLICY_SERVER = Producer("the policy servers", names.POLICY_SERVER, "/metrics", {"job": "opa"})
SINKS = Producer("the sinks' workers", names.SINKS, "/metrics", {"job": "kafka-connect"}, _has_sinks)
WORKERS = Producer("the workers to Kafka", MAIN, "/metrics", {"job": MAIN}, _has_workers)
CERTIFICATES = Producer(
    "the certificate exporter", names.CERTIFICATE_EXPORTER, "/metrics", {"job": certificate_alerts.JOB}
)
BRIDGES = Producer(
    "the bridge to the incumbent, a program", BRIDGE, "/metrics", {"job": BRIDGE}, _has_bridge_worker
)
PRODUCERS = (
    *(BROKER_STATS, BROKER_ACCESS, BROKER_INTEGRATION),
    *(POLICY_SERVER, CERTIFICATES, SINKS, WORKERS, BRIDGES),
)


def _made(producer: Producer, type_: Type, *found: str) -> Iterator[Series]:
    for name in found:
        yield Series(name, type_, producer)


# EMQX's are those of a running 5.8.9 (opensource), OPA's and Kafka Connect's those of the lab's real servers.
SERIES: dict[str, Series] = {
    series.name: series
    for series in (
        *_made(
            BROKER_STATS,
            "gauge",
            "emqx_live_connections_count",
            "emqx_cluster_sessions_count",
            "emqx_cluster_nodes_running",
            "emqx_conf_sync_txid",
            "emqx_cert_expiry_at",
        ),
        *_made(
            BROKER_STATS,
            "counter",
            "emqx_messages_received",
            "emqx_messages_sent",
            "emqx_delivery_dropped_queue_full",
            "emqx_packets_connect",
            "emqx_packets_connack_auth_error",
            "emqx_client_connected",
            "emqx_client_disconnected_reason",
            "emqx_authorization_allow",
            "emqx_authorization_deny",
            "emqx_overload_protection_new_conn",
        ),
        # Seen on replicants only: core nodes keep the database, and lag behind none.
        Series("emqx_mria_lag", "gauge", BROKER_STATS, _has_replicants),
        *_made(BROKER_ACCESS, "gauge", "emqx_authn_enable", "emqx_authz_enable", "emqx_banned_count"),
        *_made(
            BROKER_INTEGRATION,
            "gauge",
            "emqx_rule_enable",
            "emqx_action_enable",
            "emqx_connectors_count",
            "emqx_connector_status",
        ),
        *_made(
            BROKER_INTEGRATION,
            "counter",
            "emqx_rule_matched",
            "emqx_rule_failed_exception",
            "emqx_action_dropped",
            "emqx_action_failed",
        ),
        # Without an action that leads to Kafka these are not there.
        Series("emqx_action_status", "gauge", BROKER_INTEGRATION, _broker_carries),
        Series("emqx_action_queuing", "gauge", BROKER_INTEGRATION, _broker_carries),
        Series("emqx_action_success", "counter", BROKER_INTEGRATION, _broker_carries),
        *_made(POLICY_SERVER, "counter", "http_request_duration_seconds_count"),
        *_made(
            CERTIFICATES,
            "gauge",
            certificate_alerts.AUTHORITY_END,
            certificate_alerts.AUTHORITY_READ,
            certificate_alerts.LIST_END,
            certificate_alerts.LIST_READ,
            certificate_alerts.SERVER_END,
            certificate_alerts.SERVER_READ,
        ),
        *_made(SINKS, "gauge", "kafka_connect_connect_worker_metrics_connector_failed_task_count"),
        # Kafka's own figures are doubles that only grow; its reporter calls all of them gauges.
        *_made(
            SINKS,
            "counter",
            "kafka_connect_task_error_metrics_deadletterqueue_produce_requests",
            "kafka_connect_sink_task_metrics_sink_record_read",
        ),
        *_made(
            WORKERS,
            "gauge",
            "worker_connected",
            "worker_in_flight",
            "worker_kafka_answers",
            "worker_lag_seconds",
            "worker_sparkplug_births",
            "worker_subscriptions_granted",
            "worker_subscriptions_wanted",
        ),
        *_made(
            WORKERS,
            "counter",
            "worker_dead_letters_total",
            "worker_duplicates_total",
            "worker_kafka_errors_total",
            "worker_kafka_refusals_total",
            "worker_received_total",
            "worker_refused_total",
            "worker_session_lost_total",
            "worker_sparkplug_lost_births_total",
            "worker_sparkplug_nameless_total",
            "worker_sparkplug_rebirths_total",
            "worker_sparkplug_sequence_gaps_total",
            "worker_written_total",
        ),
        *_made(BRIDGES, "gauge", "bridge_connected", "bridge_lag_seconds", "bridge_source_silent_seconds"),
        *_made(BRIDGES, "counter", "bridge_refused_total"),
    )
}


@dataclass(frozen=True)
class Selector:
    """One selector of an expression: a series' name, and its matchers as (label, operator, value)."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]

    def equals(self, label: str) -> str | None:
        """Return the value that the label must have; None when any will do."""
        return next(
            (value for name, operator, value in self.matchers if name == label and operator == "="), None
        )


def selected(expression: str) -> tuple[Selector, ...]:
    """Return the selectors of an expression (PromQL); each must have braces, as all of the kit's have."""
    return tuple(
        Selector(found[1], tuple(match.groups() for match in _MATCHER.finditer(found[2])))  # type: ignore[misc]
        for found in _SELECTOR.finditer(expression)
    )


def unproduced(site: Site, expression: str, recorded: frozenset[str]) -> tuple[str, ...]:
    """Return what an expression asks for that no part of the site makes, each with the reason.

    `recorded` are the names of the site's own recording rules.
    """
    return tuple(
        f"{selector.name} {problem}"
        for selector in selected(expression)
        if (problem := _problem(site, selector, recorded))
    )


def producer(selector: Selector) -> Producer | None:
    """Return the part that makes what is selected; None when there is none, or Prometheus records it itself."""
    if selector.name == UP:
        return next((entry for entry in PRODUCERS if _fits(selector, entry)), None)
    series = SERIES.get(selector.name)
    return series.producer if series else None


def _problem(site: Site, selector: Selector, recorded: frozenset[str]) -> str:
    if selector.name.startswith(RECORDED):
        if selector.name not in recorded:
            return "is recorded by no rule of the site"
        return "" if selector.equals("site") == site.name else "is not asked of this site alone"
    made_by = producer(selector)
    if made_by is None:
        return "is made by no part of the kit: name its producer in components/series.py"
    if not made_by.deployed(site):
        return f"is made by {made_by.title}, which this site has not"
    if selector.name != UP and not SERIES[selector.name].there(site):
        return f"is not made by {made_by.title} at this site"
    if not _fits(selector, made_by):
        return f"is asked for with other labels than {made_by.title} give it: {made_by.labels}"
    return "" if selector.equals("namespace") == site.namespace else "is not asked of this site alone"


def _fits(selector: Selector, made_by: Producer) -> bool:
    return all(selector.equals(label) == value for label, value in made_by.labels.items())
