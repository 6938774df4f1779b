"""The alerts of a site: what is watched, from when on it matters, and the words for whoever is woken."""

from collections.abc import Iterator

from components.access_alerts import access_alerts
from components.alert import ERRORS, SERVING, Alert, Selectors, begun, selectors, window
from components.bridge_alerts import bridge_alerts
from components.bridge_worker_alerts import bridge_worker_alerts
from components.certificate_alerts import certificate_alerts
from components.record_alerts import record_alerts
from components.worker_alerts import worker_alerts
from model import Site
from model.capacity import door_limits
from model.slo import burns

__all__ = ["ERRORS", "SERVING", "Alert", "alerts", "connections_of_a_node", "selectors", "serving_expression"]

# A node refuses new connections at its limit; this leaves time to add one.
NEAR = "0.85"


def serving_expression(site: Site) -> str:
    """Return what is 1 while the broker serves: most of its nodes answer, and so does a policy server.

    Without a policy server every publish is denied; what is not measured does not serve. It begins when the broker
    serves for the first time: a deployment that is not there yet uses up no error budget.
    """
    chosen = selectors(site)
    nodes = f"(count(up{chosen.broker} == 1) or vector(0)) > bool {site.broker.nodes / 2:g}"
    policy = f"(count(up{chosen.policy} == 1) or vector(0)) > bool 0"
    serves = f"(({nodes}) * ({policy}))"
    return f"{serves} {begun(site)} or {serves} == 1"


def alerts(site: Site) -> tuple[Alert, ...]:
    """Return all alerts of a site, in the order of its pages."""
    chosen = selectors(site)
    return (
        *_availability(site, chosen),
        *_cluster(site, chosen),
        *_certificates(site, chosen),
        *_capacity(site, chosen),
        *_policy(site, chosen),
        *access_alerts(site),
        *record_alerts(site),
        *worker_alerts(site),
        *bridge_alerts(site),
        *bridge_worker_alerts(site),
        *certificate_alerts(site),
        *(_sinks(site, chosen) if site.streams.sinks else ()),
    )


def _availability(site: Site, chosen: Selectors) -> Iterator[Alert]:
    promise = site.monitoring.service_level.availability
    yield Alert(
        "BrokerAvailabilityBurnsFast",
        "page",
        burns(SERVING, ERRORS, chosen.site, promise, "page"),
        "2m",
        "The broker is away, and uses up its error budget fast",
        f"At this rate the month's error budget of {promise} availability is gone within days.",
    )
    yield Alert(
        "BrokerAvailabilityBurnsSlowly",
        "ticket",
        burns(SERVING, ERRORS, chosen.site, promise, "ticket"),
        "15m",
        "The broker was away too often for its service level",
        f"If this goes on, the month's error budget of {promise} availability will not last.",
    )


def _cluster(site: Site, chosen: Selectors) -> Iterator[Alert]:
    broker = chosen.broker
    yield Alert(
        "BrokerNodeLost",
        "ticket",
        f"(count(up{broker} == 1) or vector(0)) < {site.broker.nodes} {begun(site)}",
        "5m",
        "A broker node is missing",
        f"{{{{ $value }}}} of {site.broker.nodes} broker nodes answer; the next loss may be an outage.",
    )
    yield Alert(
        "BrokerClusterSplit",
        "page",
        f"min(emqx_cluster_nodes_running{broker}) < count(up{broker} == 1)",
        "3m",
        "Broker nodes do not see each other",
        "A node counts {{ $value }} nodes in its cluster, though more are running: messages do not cross the split.",
    )
    yield Alert(
        "BrokerConfigurationDrifts",
        "ticket",
        f"max(emqx_conf_sync_txid{broker}) - min(emqx_conf_sync_txid{broker}) > 0",
        "10m",
        "Broker nodes run different configurations",
        "The nodes' configurations are {{ $value }} changes apart and do not come together.",
    )
    if site.broker.replicants is None:
        return
    # Core nodes have no such series: they keep the database, and replicants copy it.
    yield Alert(
        "BrokerReplicationLags",
        "ticket",
        f"max by (pod) (emqx_mria_lag{broker}) > 100",
        "5m",
        "A broker node lags behind the cluster's database",
        "{{ $labels.pod }} is {{ $value }} transactions behind: sessions and routes there are old.",
    )


def _certificates(site: Site, chosen: Selectors) -> Iterator[Alert]:
    left = f"min by (listener_type, listener_name) (emqx_cert_expiry_at{chosen.broker} > 0) - time()"
    late = site.broker.certificate.renew_before.seconds // 2
    yield Alert(
        "BrokerCertificateNotRenewed",
        "ticket",
        f"{left} < {late}",
        "1h",
        "The broker's certificate was not renewed in time",
        "The certificate of {{ $labels.listener_type }}:{{ $labels.listener_name }} ends in "
        "{{ $value | humanizeDuration }}; its renewal is overdue.",
    )
    yield Alert(
        "BrokerCertificateExpires",
        "page",
        f"{left} < {24 * 3600}",
        "5m",
        "The broker's certificate ends within a day",
        "The certificate of {{ $labels.listener_type }}:{{ $labels.listener_name }} ends in "
        "{{ $value | humanizeDuration }}; then no device can connect.",
    )


def connections_of_a_node(site: Site) -> int:
    """Return how many connections one node accepts at all of its listeners."""
    return sum(limits.max_connections for limits in door_limits(site.broker).values())


def _capacity(site: Site, chosen: Selectors) -> Iterator[Alert]:
    broker, limit = chosen.broker, connections_of_a_node(site)
    yield Alert(
        "BrokerConnectionsNearLimit",
        "ticket",
        f"max by (pod) (emqx_live_connections_count{broker}) > {NEAR} * {limit}",
        "10m",
        "A broker node is close to its limit of connections",
        f"{{{{ $labels.pod }}}} has {{{{ $value }}}} connections; at {limit} it refuses new ones.",
    )
    yield Alert(
        "BrokerSessionsNearPlan",
        "ticket",
        f"max(emqx_cluster_sessions_count{broker}) > {site.broker.load.connections}",
        "30m",
        "The broker keeps more sessions than it was sized for",
        f"{{{{ $value }}}} sessions; the site is sized for {site.broker.load.connections}.",
    )
    yield Alert(
        "BrokerDropsMessages",
        "ticket",
        f"sum(rate(emqx_delivery_dropped_queue_full{broker}[10m])) "
        f"> 0.01 * sum(rate(emqx_messages_sent{broker}[10m]))",
        "10m",
        "The broker drops messages for slow subscribers",
        "{{ $value }} messages a second are lost because a subscriber's queue is full.",
    )
    yield Alert(
        "BrokerOverloaded",
        "ticket",
        f"sum by (pod) (rate(emqx_overload_protection_new_conn{broker}[{window(site)}])) > 0",
        "5m",
        "A broker node turns clients away because it is overloaded",
        "{{ $labels.pod }} refuses {{ $value }} new connections a second to protect itself.",
    )


def _policy(site: Site, chosen: Selectors) -> Iterator[Alert]:
    broker, rate = chosen.broker, window(site)
    denied = f"sum(rate(emqx_authorization_deny{broker}[10m]))"
    yield Alert(
        "PolicyServerDown",
        "page",
        f"(count(up{chosen.policy} == 1) or vector(0)) == 0 {begun(site)}",
        "2m",
        "No policy server answers",
        "The broker denies whatever it cannot ask about: no device can publish or subscribe.",
    )
    yield Alert(
        "PolicyServerErrors",
        "page",
        f"sum(rate(http_request_duration_seconds_count{chosen.failed_decisions}[{rate}])) "
        f"> 0.01 * sum(rate(http_request_duration_seconds_count{chosen.decisions}[{rate}]))",
        "5m",
        "The policy server fails to decide",
        "{{ $value }} decisions a second fail; each is a denied publish or subscribe.",
    )
    yield Alert(
        "PolicyDenialsSpike",
        "ticket",
        f"{denied} > 1 and {denied} > 5 * sum(rate(emqx_authorization_deny{broker}[1d] offset 10m))",
        "10m",
        "Far more is denied than usual",
        "{{ $value }} publishes and subscriptions a second are denied: a wrong rule, a wrong device, or an attack.",
    )
    yield Alert(
        "BrokerRefusesClients",
        "ticket",
        f"sum(rate(emqx_packets_connack_auth_error{broker}[10m])) "
        f"> 0.2 * sum(rate(emqx_packets_connect{broker}[10m])) > 0.1",
        "10m",
        "Many clients fail to sign in",
        "{{ $value }} connections a second are refused for their identity.",
    )


def _sinks(site: Site, chosen: Selectors) -> Iterator[Alert]:
    workers = chosen.sinks
    failed = f"sum by (connector) (kafka_connect_connect_worker_metrics_connector_failed_task_count{workers}) > bool 0"
    refused = f"kafka_connect_task_error_metrics_deadletterqueue_produce_requests{workers}[1h]"
    read = f"kafka_connect_sink_task_metrics_sink_record_read{workers}[1h]"
    yield Alert(
        "SinkWorkersDown",
        "ticket",
        f"(count(up{workers} == 1) or vector(0)) == 0 {begun(site)}",
        "15m",
        "No worker of the sinks answers",
        "No store is filled: records wait in Kafka, and are lost after the topics' replay.",
    )
    yield Alert(
        "SinkTaskFailed",
        "ticket",
        # Strimzi starts a failed task again and again; each time it runs for a moment.
        f"avg_over_time(({failed})[15m:1m]) > 0.5",
        "5m",
        "A sink does not fill its store",
        "A task of {{ $labels.connector }} fails: its records wait in Kafka, and are lost after the topic's replay.",
    )
    yield Alert(
        "SinkRefusesRecords",
        "ticket",
        f"sum by (connector) (increase({refused})) > 10 "
        f"and sum by (connector) (increase({refused})) > 0.001 * sum by (connector) (increase({read}))",
        "5m",
        "A sink refuses records",
        "{{ $labels.connector }} made {{ $value }} dead letters in an hour, more than one in a thousand records.",
    )
