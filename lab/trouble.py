"""What a site's series are while everything goes wrong at once though its servers answer: for alerts to be seen."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from lab.story import DAY, Scene, Series, Span, series

# A rule that no one deployed.
BY_HAND = "made_by_hand"
Value = Callable[[float], float | None]
Change = Callable[[float, float, float], float]
"""A gauge's value from its usual one, the time at which the trouble began, and the seconds that it lasts."""


def troubled_series(told: Scene) -> Iterator[Series]:
    """Yield the series of a scene, those of its troubles included."""
    for entry in series(told):
        yield _worse(told, entry) if told.troubles else entry
        if told.troubles and entry.name == "emqx_rule_enable" and entry.labels["id"] == told.rules[0]:
            yield replace(entry, labels=entry.labels | {"id": BY_HAND}, value=_only_in(told, entry.value))


def _worse(told: Scene, entry: Series) -> Series:
    counters = _counters(told)
    if (key := _counted(entry)) in counters:
        return replace(entry, value=_counter(told, entry.value, counters[key]))
    if change := _gauges(entry.labels).get(entry.name):
        return replace(entry, value=_gauge(told, entry.value, change))
    return entry


def _counted(entry: Series) -> str:
    """Return the name of a counter, with the label that tells the bad ones from the good ones."""
    for label in ("reason", "code"):
        if label in entry.labels:
            return f"{entry.name} {entry.labels[label]}"
    return entry.name


def _counters(told: Scene) -> dict[str, tuple[float, float]]:
    """Return what becomes of a counter: the part of its usual growth that goes on, and what it grows by in a second."""
    fleet = told.connections / 60
    return {
        "emqx_delivery_dropped_queue_full": (1, told.messages / 10),
        "emqx_overload_protection_new_conn": (1, 2),
        "emqx_packets_connect": (1, fleet),
        "emqx_packets_connack_auth_error": (1, fleet),
        "emqx_client_disconnected_reason ssl_error": (1, fleet),
        "emqx_authorization_allow": (0, 0),
        "emqx_authorization_deny": (1, fleet),
        "emqx_rule_matched": (0, 0),
        "emqx_rule_failed_exception": (1, 1),
        "emqx_action_success": (0, 0),
        "emqx_action_failed": (1, 10),
        "emqx_action_dropped": (1, 10),
        "http_request_duration_seconds_count 500": (1, fleet),
        "kafka_connect_task_error_metrics_deadletterqueue_produce_requests": (1, 10),
        "worker_written_total": (0, 0),
        "worker_dead_letters_total not_json": (1, told.messages),
        "worker_kafka_refusals_total TOPIC_AUTHORIZATION_FAILED": (1, 10),
        "worker_kafka_errors_total _TRANSPORT": (1, 1),
        "worker_refused_total": (1, 1),
        "worker_duplicates_total": (1, 100),
        "worker_session_lost_total": (1, 1 / 60),
        "worker_sparkplug_sequence_gaps_total": (1, 1),
        "worker_sparkplug_lost_births_total": (1, 1),
        "worker_sparkplug_nameless_total": (1, 10),
        "worker_sparkplug_rebirths_total": (1, 1),
        "bridge_refused_total target": (1, 1),
    }


def _gauges(labels: dict[str, str]) -> dict[str, Change]:
    """Return what becomes of a gauge."""
    first = labels.get("pod", "").endswith("-0")
    return {
        "emqx_live_connections_count": lambda usual, _began, _: round(usual / 10),
        "emqx_cluster_sessions_count": lambda usual, _began, _: usual * 3,
        "emqx_cluster_nodes_running": lambda _usual, _began, _: 1,
        "emqx_conf_sync_txid": lambda usual, _began, _: usual + first,
        "emqx_mria_lag": lambda _usual, _began, _: 900,
        "emqx_cert_expiry_at": lambda _usual, began, _: began + 3600,
        "emqx_authn_enable": lambda _usual, _began, _: 0,
        "emqx_authz_enable": lambda _usual, _began, _: 0,
        "emqx_banned_count": lambda _usual, _began, _: 3,
        "emqx_action_status": lambda _usual, _began, _: 0,
        "emqx_action_queuing": lambda usual, _began, seconds: usual + 10 * seconds,
        "emqx_connector_status": lambda _usual, _began, _: 0,
        "emqx_connectors_count": lambda usual, _began, _: usual + 1,
        # The root is close to what it signs, and the issuing CA below it.
        "iot_broker_authority_end_timestamp_seconds": lambda _usual, began, _: (
            began + (1125 if labels.get("authority") == "root" else 100) * DAY
        ),
        "iot_broker_revocation_list_end_timestamp_seconds": lambda _usual, began, _: began + 3600,
        "iot_broker_revocation_list_read": lambda _usual, _began, _: 0,
        "iot_broker_server_certificate_end_timestamp_seconds": lambda _usual, began, _: began + 3600,
        "iot_broker_server_certificate_read": lambda _usual, _began, _: 0,
        "kafka_connect_connect_worker_metrics_connector_failed_task_count": lambda _usual, _began, _: 1,
        # The first worker is not let in, and so has nothing that waits; the others are, and Kafka takes nothing.
        "worker_connected": lambda usual, _began, _: 0 if first else usual,
        "worker_subscriptions_granted": lambda usual, _began, _: usual - first,
        "worker_kafka_answers": lambda _usual, _began, _: 0,
        "worker_in_flight": lambda _usual, _began, _: 5_000,
        "worker_lag_seconds": lambda usual, _began, seconds: usual if first else seconds,
        # The other broker is away, and this one says nothing to the bridge.
        "bridge_connected": lambda usual, _began, _: 0 if labels["end"] == "target" else usual,
        "bridge_lag_seconds": lambda _usual, _began, seconds: seconds,
        "bridge_source_silent_seconds": lambda _usual, _began, seconds: seconds,
    }


def _counter(told: Scene, usual: Value, change: tuple[float, float]) -> Value:
    goes_on, grows = change

    def value(moment: float) -> float | None:
        found = usual(moment)
        if found is None:
            return None
        for span in told.troubles:
            if moment >= span.start:
                until = min(moment, span.end)
                lost = (1 - goes_on) * ((usual(until) or found) - (usual(span.start) or found))
                found += grows * (until - span.start) - lost
        return found

    return value


def _gauge(told: Scene, usual: Value, change: Change) -> Value:
    def value(moment: float) -> float | None:
        found, trouble = usual(moment), _trouble(told, moment)
        return (
            found
            if found is None or trouble is None
            else change(found, trouble.start, moment - trouble.start)
        )

    return value


def _only_in(told: Scene, usual: Value) -> Value:
    return lambda moment: usual(moment) if _trouble(told, moment) else None


def _trouble(told: Scene, moment: float) -> Span | None:
    return next((span for span in told.troubles if moment in span), None)
