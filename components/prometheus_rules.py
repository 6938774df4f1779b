"""How the platform's Prometheus measures the site: what it scrapes, what it records, and when somebody is called."""

from collections.abc import Sequence
from typing import Any

import pulumi

from components import (
    access_alerts,
    bridge_alerts,
    bridge_settings,
    names,
    record_alerts,
    worker_alerts,
    workers,
)
from components.alert import ERRORS, SERVING, Alert, selectors
from components.broker_alerts import alerts, serving_expression
from components.certificate_exporter import PORT_NAME, CertificateExporter
from components.component import Place, SiteComponent, selector_labels
from components.emqx_cluster import EmqxCluster
from components.emqx_nodes import BROKER_PODS
from components.go_template import literal
from components.manifest import Manifest
from components.opa_policies import OpaPolicies
from model import Site
from model.bridge_worker import BRIDGE
from model.slo import error_recordings
from model.worker import MAIN

API_VERSION = "monitoring.coreos.com/v1"
# EMQX gives its series in three parts.
BROKER_PATHS = ("stats", "auth", "data_integration")
JOB_LABEL = "app.kubernetes.io/name"


class PrometheusRules(SiteComponent):
    """The site's monitors, its service level's recordings and burn-rate alerts, and its other alerts.

    The rules come once `broker` is ready.
    """

    DOMAIN = "measurement"
    SOFTWARE = "prometheus"
    PART = "measurement"

    alerts: list[str]
    """Names of the alerts; each has its page in `runbooks/`."""

    def __init__(
        self,
        name: str,
        place: Place,
        broker: EmqxCluster,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, place, opts)
        self._resource("PodMonitor", names.BROKER, broker_monitor(place.site))
        self._resource("PodMonitor", names.POLICY_SERVER, policy_server_monitor(place.site))
        self._resource("PodMonitor", names.CERTIFICATE_EXPORTER, exporter_monitor(place.site))
        if place.site.streams.sinks:
            self._resource("PodMonitor", names.SINKS, sinks_monitor(place.site))
        if place.site.streams.by_worker:
            self._resource("PodMonitor", MAIN, workers_monitor(place.site))
        if place.site.bridge_worker is not None:
            self._resource("PodMonitor", BRIDGE, bridge_monitor(place.site))
        # Rules of a broker that is not there yet would page; those of a changed one would not know its new ways.
        groups = {"groups": rule_groups(place.site)}
        self._resource("PrometheusRule", names.BROKER, groups, [broker.cluster])
        self.alerts = [alert.name for alert in alerts(place.site)]
        self.register_outputs({"alerts": self.alerts})

    def _resource(
        self, kind: str, name: str, spec: dict[str, Any], needed: Sequence[pulumi.Resource] = ()
    ) -> None:
        Manifest(
            f"{self.site.name}-{name}-{kind.lower()}",
            api_version=API_VERSION,
            kind=kind,
            metadata=self.metadata(name, labels=self.site.monitoring.labels),
            spec=spec,
            opts=self.in_kubernetes(depends_on=needed),
        )


def broker_monitor(site: Site) -> dict[str, Any]:
    """Return the PodMonitor of the broker: each node, over TLS, with a key that may only look where there are such.

    By pods, not by a Service: the operator points the dashboard's Service at core nodes alone, and where a site has
    replicants all clients are on these.
    """
    key = {"name": names.BROKER_METRICS_KEY}
    login = {"basicAuth": {"username": {**key, "key": "key"}, "password": {**key, "key": "secret"}}}
    endpoints = [
        {
            # The operator names the container's port after the dashboard's listener.
            "port": "dashboard-https",
            "path": f"/api/v5/prometheus/{part}",
            **_scrape(site, names.BROKER_DASHBOARD),
            **(login if site.broker.keys_have_roles else {}),
            # Tells the three scrapes of a node apart: each has its own `up`.
            "relabelings": [{"targetLabel": "part", "replacement": part}],
        }
        for part in BROKER_PATHS
    ]
    return {
        "jobLabel": JOB_LABEL,
        "selector": {"matchLabels": BROKER_PODS},
        "podMetricsEndpoints": endpoints,
    }


def policy_server_monitor(site: Site) -> dict[str, Any]:
    """Return the PodMonitor of the policy servers."""
    endpoint = {"port": "https", "path": "/metrics", **_scrape(site, names.POLICY_SERVER)}
    return {
        "jobLabel": JOB_LABEL,
        "selector": {"matchLabels": selector_labels(site, OpaPolicies.SOFTWARE, OpaPolicies.PART)},
        "podMetricsEndpoints": [endpoint],
    }


def exporter_monitor(site: Site) -> dict[str, Any]:
    """Return the PodMonitor of the certificate exporter."""
    component = CertificateExporter
    endpoint = {"port": PORT_NAME, "path": "/metrics", **_scrape(site, names.CERTIFICATE_EXPORTER)}
    return {
        "jobLabel": JOB_LABEL,
        "selector": {"matchLabels": selector_labels(site, component.SOFTWARE, component.PART)},
        "podMetricsEndpoints": [endpoint],
    }


def sinks_monitor(site: Site) -> dict[str, Any]:
    """Return the PodMonitor of the sinks' workers; they tell their figures without TLS, by Strimzi's choice."""
    endpoint = {
        "port": names.SINKS_METRICS,
        "path": "/metrics",
        "interval": site.monitoring.scrape_interval.prometheus(),
    }
    return {
        "jobLabel": JOB_LABEL,
        "selector": {"matchLabels": names.SINKS_PODS},
        "podMetricsEndpoints": [endpoint],
    }


def workers_monitor(site: Site) -> dict[str, Any]:
    """Return the PodMonitor of the workers to Kafka, of either kind: they show one certificate."""
    endpoint = {"port": PORT_NAME, "path": "/metrics", **_scrape(site, MAIN)}
    return {
        "jobLabel": JOB_LABEL,
        "selector": {"matchLabels": workers.selected(site)},
        "podMetricsEndpoints": [endpoint],
    }


def bridge_monitor(site: Site) -> dict[str, Any]:
    """Return the PodMonitor of the program that bridges to the incumbent."""
    endpoint = {"port": PORT_NAME, "path": "/metrics", **_scrape(site, BRIDGE)}
    return {
        "jobLabel": JOB_LABEL,
        "selector": {"matchLabels": bridge_settings.selected(site)},
        "podMetricsEndpoints": [endpoint],
    }


def rule_groups(site: Site) -> list[dict[str, Any]]:
    """Return the groups of the site's PrometheusRule."""
    interval = site.monitoring.scrape_interval.prometheus()
    # No phase here: a promotion must not begin a new series, and so forget what the budget has lost already.
    labels = {"site": site.name}
    errors = error_recordings(SERVING, ERRORS, selectors(site).site)
    level = [
        {"record": SERVING, "expr": serving_expression(site), "labels": labels},
        *({"record": rule.name, "expr": rule.expression, "labels": labels} for rule in errors),
    ]
    # What alerts look at by its meaning, whatever makes it.
    meanings = [
        {"record": rule.name, "expr": rule.expression, "labels": labels}
        for part in (access_alerts, record_alerts, worker_alerts, bridge_alerts)
        for rule in part.recordings(site)
    ]
    return [
        {"name": f"{site.name}-service-level", "interval": interval, "rules": level},
        {"name": f"{site.name}-meanings", "interval": interval, "rules": meanings},
        {
            "name": f"{site.name}-alerts",
            "interval": interval,
            "rules": [_alert(site, alert) for alert in alerts(site)],
        },
    ]


def _alert(site: Site, alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.held,
        "labels": {
            "site": site.name,
            "phase": site.phase,
            "severity": site.monitoring.severity(alert.name, alert.severity),
            # In which hours a page may wake somebody: Alertmanager's routes mute by it.
            "hours": site.monitoring.service_level.hours,
        },
        "annotations": {
            "summary": f"{literal(site.title)}: {alert.summary}",
            "description": alert.description,
            "runbook_url": f"{literal(site.monitoring.runbook_url.rstrip('/'))}/{alert.name}",
        },
    }


def _scrape(site: Site, service: str) -> dict[str, Any]:
    return {
        "scheme": "https",
        "interval": site.monitoring.scrape_interval.prometheus(),
        "tlsConfig": {
            "ca": {"configMap": {"name": names.TRUST, "key": names.TRUST_SITE}},
            "serverName": names.service_host(site, service),
        },
    }
