"""The site's Grafana dashboard: one page that tells a shift, without a login at the broker, how the site is.

Grafana's sidecar takes ConfigMaps that carry its label (`sidecar.dashboards.label` of Grafana's chart, whose default is
`grafana_dashboard`). The data source is chosen on the page, so that one dashboard serves any Prometheus.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pulumi

from components import worker_dashboard
from components.alert import ERRORS, SERVING, selectors, window
from components.broker_alerts import connections_of_a_node
from components.component import Place, SiteComponent
from components.manifest import Manifest
from components.panel import Panel
from model import Site
from model.slo import PERIOD, budget, plain

LABEL = "grafana_dashboard"
NAME = "iot-broker-dashboard"
# Of the newest schema that every Grafana since 9 reads.
SCHEMA = 39
# Grafana's page is 24 columns wide.
COLUMNS, WIDTH, HEIGHT = 24, 8, 7
# Ids of titles, beside those of panels.
ROWS = 1000


class Dashboards(SiteComponent):
    """The site's dashboard as a ConfigMap, which Grafana's sidecar finds by its label."""

    DOMAIN = "measurement"
    SOFTWARE = "grafana"
    PART = "dashboard"

    def __init__(self, name: str, place: Place, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, place, opts)
        Manifest(
            f"{self.site.name}-dashboard",
            api_version="v1",
            kind="ConfigMap",
            metadata=self.metadata(NAME, labels={LABEL: "1"}),
            data={f"{self.site.name}.json": dashboard_text(self.site)},
            opts=self.in_kubernetes(),
        )
        self.register_outputs({})


def dashboard_text(site: Site) -> str:
    """Return the dashboard as the JSON text that Grafana reads."""
    return json.dumps(dashboard(site), indent=1, ensure_ascii=False) + "\n"


def dashboard(site: Site) -> dict[str, Any]:
    """Return the site's dashboard in Grafana's form."""
    return {
        "uid": f"iot-{site.name}"[:40],
        "title": f"IoT broker: {site.title}",
        "tags": ["iot-broker", site.name],
        "timezone": site.change.windows[0].zone,
        "schemaVersion": SCHEMA,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
            ]
        },
        "links": [
            {"title": "Runbooks", "type": "link", "url": site.monitoring.runbook_url, "targetBlank": True}
        ],
        "panels": [*_laid_out(panels(site))],
    }


def panels(site: Site) -> tuple[Panel, ...]:
    """Return the panels of a site's dashboard, in reading order."""
    buffers = () if site.way_to_kafka == "worker" else (_buffers(site),)
    workers = worker_dashboard.panels(site) if site.streams.by_worker else ()
    return (*_service(site), *_broker(site), *_policy(site), *buffers, *workers, _consumers(site))


def _service(site: Site) -> Iterator[Panel]:
    chosen = selectors(site).site
    promise = site.monitoring.service_level.availability
    yield Panel(
        "Serving now",
        "1 while most broker nodes and a policy server answer.",
        "short",
        (f"{SERVING}{chosen}",),
        ("serving",),
        "stat",
    )
    yield Panel(
        "Availability, 3 days",
        f"Promised: {promise}.",
        "percentunit",
        (f"1 - {ERRORS}_3d{chosen}",),
        ("available",),
        "stat",
    )
    yield Panel(
        f"Error budget left, {PERIOD}",
        f"Share of the time that {promise} allows the broker to be away; below 0 it is overdrawn; all hours count.",
        "percentunit",
        (f"1 - (1 - avg_over_time({SERVING}{chosen}[{PERIOD}])) / {plain(budget(promise))}",),
        ("left",),
        "stat",
    )
    yield Panel(
        "Error budget burn",
        "How many times faster than allowed the budget is used up; above 14.4 somebody is called.",
        "short",
        tuple(f"{ERRORS}_{span}{chosen} / {plain(budget(promise))}" for span in ("1h", "6h", "3d")),
        ("1 hour", "6 hours", "3 days"),
    )


def _broker(site: Site) -> Iterator[Panel]:
    broker, rate = selectors(site).broker, window(site)
    limit = connections_of_a_node(site)
    yield Panel(
        "Broker nodes that answer",
        f"Of {site.broker.nodes}.",
        "short",
        (f"sum(up{broker})",),
        ("nodes",),
        "stat",
    )
    yield Panel(
        "Live connections by node",
        f"A node refuses new ones at {limit}.",
        "short",
        (f"max by (pod) (emqx_live_connections_count{broker})",),
        ("{{pod}}",),
    )
    yield Panel(
        "Sessions",
        f"The site is sized for {site.broker.load.connections}.",
        "short",
        (f"max(emqx_cluster_sessions_count{broker})",),
        ("sessions",),
    )
    yield Panel(
        "Messages in and out",
        "Received from devices, and sent to subscribers.",
        "mps",
        tuple(f"sum(rate(emqx_messages_{way}{broker}[{rate}]))" for way in ("received", "sent")),
        ("in", "out"),
    )
    yield Panel(
        "Messages dropped",
        "Lost because a subscriber's queue was full.",
        "mps",
        (f"sum(rate(emqx_delivery_dropped_queue_full{broker}[{rate}]))",),
        ("dropped",),
    )
    yield Panel(
        "Certificates",
        f"Time left; renewed with {site.broker.certificate.renew_before} to go.",
        "s",
        (f"min by (listener_type, listener_name) (emqx_cert_expiry_at{broker} > 0) - time()",),
        ("{{listener_type}}:{{listener_name}}",),
    )


def _policy(site: Site) -> Iterator[Panel]:
    chosen, rate = selectors(site), window(site)
    yield Panel(
        "Policy servers that answer",
        "Without one, everything is denied.",
        "short",
        (f"sum(up{chosen.policy})",),
        ("servers",),
        "stat",
    )
    yield Panel(
        "Denied and refused",
        "Denied by the policy, and refused for their identity.",
        "ops",
        (
            f"sum(rate(emqx_authorization_deny{chosen.broker}[{rate}]))",
            f"sum(rate(emqx_packets_connack_auth_error{chosen.broker}[{rate}]))",
        ),
        ("denied", "refused"),
    )


def _buffers(site: Site) -> Panel:
    return Panel(
        "Waiting for Kafka",
        "Messages in the broker's buffers.",
        "short",
        (f"sum by (id) (emqx_action_queuing{selectors(site).integration})",),
        ("{{id}}",),
    )


def _consumers(site: Site) -> Panel:
    topics = f'{{topic=~"{site.topic_prefix.replace(".", "[.]")}.+"}}'
    return Panel(
        "Kafka consumers behind",
        "Messages that a group of consumers has not read yet; from Kafka's exporter, where the platform runs it.",
        "short",
        (f"sum by (consumergroup) (kafka_consumergroup_lag{topics})",),
        ("{{consumergroup}}",),
        ours=False,
    )


def _laid_out(shown: Iterable[Panel]) -> Iterator[dict[str, Any]]:
    """Yield the panels in Grafana's form, three beside each other; a row's title takes a line of its own."""
    across, down = 0, 0
    for index, panel in enumerate(shown):
        if panel.row:
            down, across = down + (HEIGHT if across else 0), 0
            place = {"x": 0, "y": down, "w": COLUMNS, "h": 1}
            # Its panels follow it: a row that is open has none inside.
            yield {
                "id": ROWS + index,
                "title": panel.row,
                "type": "row",
                "collapsed": False,
                "gridPos": place,
            }
            down += 1
        yield _drawn(index, panel, across, down)
        across += WIDTH
        if across + WIDTH > COLUMNS:
            down, across = down + HEIGHT, 0


def _drawn(index: int, panel: Panel, across: int, down: int) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "id": index + 1,
        "title": panel.title,
        "description": panel.description,
        "type": panel.kind,
        "datasource": source,
        "gridPos": {"x": across, "y": down, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": source, "expr": query, "legendFormat": legend}
            for place, (query, legend) in enumerate(zip(panel.queries, panel.legends, strict=True))
        ],
    }
