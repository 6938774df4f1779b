"""What a site's series would be: each a function of time alone, so that a story told twice is the same story.

The names are EMQX's, OPA's, Kafka Connect's and the workers' own, those that the kit's rules and dashboards ask for. A
story is `good` (short outages that its service level allows), `breached` (an outage that uses up more than the error
budget), `gap` (two days of which nothing is known) or `troubled` (servers answer, and all else goes wrong:
`lab/trouble.py`).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

Story = Literal["good", "breached", "gap", "troubled"]
STORIES: tuple[Story, ...] = get_args(Story)
DAY = 86_400
BROKER_PARTS = ("stats", "auth", "data_integration")
# The operator names nodes by a digest of their template; a story knows none, and takes this one.
_DIGEST = "6c79c4c45"
_SPARKPLUG = ("sequence_gaps", "lost_births", "nameless", "rebirths")


@dataclass(frozen=True)
class Span:
    """A time in Unix seconds, from `start` up to but not including `end`."""

    start: float
    end: float

    def __contains__(self, moment: float) -> bool:
        return self.start <= moment < self.end


@dataclass(frozen=True)
class Scene:
    """The facts of one story: the site's sizes, and when it was away or not measured; `nodes` are core nodes."""

    site: str
    namespace: str
    edition: str
    nodes: int
    policy_servers: int
    connections: int
    messages: int
    workers: int
    connectors: tuple[str, ...]
    rules: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    """Ids of the actions that lead to Kafka."""
    ways: tuple[str, ...] = ()
    """Ids of the broker's own connectors."""
    carriers: tuple[str, ...] = ()
    """Pods of the workers to Kafka."""
    bridge: str = "none"
    """Direction of the bridge to the incumbent that the broker itself is."""
    program: str = "none"
    """Direction of the bridge that a program is."""
    replicants: int = 0
    outages: tuple[Span, ...] = ()
    gaps: tuple[Span, ...] = ()
    troubles: tuple[Span, ...] = ()

    def is_measured(self, moment: float) -> bool:
        """Say whether anything is known of the moment."""
        return not _in_any(self.gaps, moment)

    def serves(self, moment: float) -> bool:
        """Say whether the broker serves at the moment."""
        return not _in_any(self.outages, moment)


@dataclass(frozen=True)
class Series:
    """One series: its name, its labels, and its value at a time in Unix seconds; None while it has none."""

    name: str
    labels: dict[str, str]
    value: Callable[[float], float | None]

    def sample(self, moment: float) -> str | None:
        """Return the series' line in OpenMetrics' text, without a time; None while it has no value."""
        value = self.value(moment)
        if value is None:
            return None
        return f"{self.head} {value:.10g}"

    @cached_property
    def head(self) -> str:
        """The series as OpenMetrics' text names it."""
        labels = ",".join(f'{name}="{text}"' for name, text in self.labels.items())
        return f"{self.name}{{{labels}}}"


def series(told: Scene) -> Iterator[Series]:
    """Yield what the platform's Prometheus would scrape of the site."""
    for node in range(told.nodes):
        yield from _broker_node(told, node, f"broker-core-{_DIGEST}-{node}")
    for node in range(told.replicants):
        yield from _broker_node(told, node, f"broker-replicant-{_DIGEST}-{node}")
    for server in range(told.policy_servers):
        yield from _policy_server(told, server)
    yield from _certificate_exporter(told)
    for worker in range(told.workers):
        yield from _sinks_worker(told, worker)
    for number, pod in enumerate(told.carriers):
        yield from _kafka_worker(told, number, pod)
    if told.program != "none":
        yield from _bridge_worker(told)


def _broker_node(told: Scene, node: int, pod: str) -> Iterator[Series]:
    labels = {"namespace": told.namespace, "job": "emqx", "pod": pod, "instance": f"{pod}:18084"}
    for part in BROKER_PARTS:
        yield Series("up", labels | {"part": part}, _up(told))
    stats = labels | {"part": "stats"}
    nodes = told.nodes + told.replicants
    mine = told.connections * 0.6 / nodes
    # Messages in and out, together: half comes in and half goes out.
    flow = told.messages * 0.3 / nodes
    gauges: dict[str, Callable[[float], float]] = {
        "emqx_live_connections_count": lambda moment: round(mine * _tide(moment, node)),
        "emqx_cluster_sessions_count": lambda moment: round(mine * nodes * _tide(moment, 0)),
        "emqx_cluster_nodes_running": lambda _: nodes,
        "emqx_conf_sync_txid": lambda _: 7,
        # Core nodes keep the database, and have no such figure.
        **({"emqx_mria_lag": lambda _: 0} if "replicant" in pod else {}),
    }
    for name, value in gauges.items():
        yield Series(name, stats, _while_serving(told, value))
    rates = {
        "emqx_messages_received": flow,
        "emqx_messages_sent": flow,
        "emqx_messages_dropped": flow / 50_000,
        "emqx_delivery_dropped_queue_full": flow / 100_000,
        "emqx_packets_connect": mine / 3600,
        "emqx_packets_connack_auth_error": mine / 360_000,
        "emqx_client_connected": mine / 3600,
        "emqx_authorization_allow": flow,
        "emqx_authorization_deny": 0.01,
        "emqx_overload_protection_new_conn": 0.0,
    }
    for name, rate in rates.items():
        yield Series(name, stats, _while_serving(told, _counter(rate, node)))
    for kind, listener in (("ssl", "default"), ("wss", "default")):
        door = stats | {"listener_type": kind, "listener_name": listener}
        yield Series("emqx_cert_expiry_at", door, _while_serving(told, _certificate_end))
    for reason, rate in (("ssl_error", mine / 360_000), ("normal", mine / 3600)):
        ended = stats | {"reason": reason}
        yield Series("emqx_client_disconnected_reason", ended, _while_serving(told, _counter(rate, node)))
    yield from _checks(told, labels | {"part": "auth"})
    yield from _integration(told, labels | {"part": "data_integration"}, node, flow)


def _checks(told: Scene, labels: dict[str, str]) -> Iterator[Series]:
    for name, which in (("emqx_authn_enable", {"id": "jwt"}), ("emqx_authz_enable", {"type": "http"})):
        yield Series(name, labels | which, _while_serving(told, lambda _: 1.0))
    yield Series("emqx_banned_count", labels, _while_serving(told, lambda _: 0.0))


def _integration(told: Scene, labels: dict[str, str], node: int, flow: float) -> Iterator[Series]:
    def steady(name: str, which: dict[str, str], value: float) -> Series:
        return Series(name, labels | which, _while_serving(told, lambda _: value))

    def growing(name: str, which: dict[str, str], rate: float) -> Series:
        return Series(name, labels | which, _while_serving(told, _counter(rate, node)))

    yield steady("emqx_connectors_count", {}, len(told.ways))
    for connector in told.ways:
        yield steady("emqx_connector_status", {"id": connector}, 1)
    for rule in told.rules:
        yield steady("emqx_rule_enable", {"id": rule}, 1)
        yield growing("emqx_rule_matched", {"id": rule}, flow / len(told.rules))
        yield growing("emqx_rule_failed_exception", {"id": rule}, 0)
    outward = ("mqtt:incumbent",) if told.bridge == "egress" else ()
    for action in (*told.routes, *outward):
        which = {"id": action}
        yield steady("emqx_action_enable", which, 1)
        yield steady("emqx_action_status", which, 1)
        yield steady("emqx_action_queuing", which, 3)
        yield growing("emqx_action_success", which, flow / max(len(told.routes), 1))
        for name in ("emqx_action_failed", "emqx_action_dropped"):
            yield growing(name, which, 0)


def _policy_server(told: Scene, server: int) -> Iterator[Series]:
    pod = f"opa-{server}"
    labels = {"namespace": told.namespace, "job": "opa", "pod": pod, "instance": f"{pod}:8181"}
    yield Series("up", labels, _measured(told, lambda _: 1.0))
    asked = labels | {"handler": "authz", "method": "post"}
    rate = told.connections / 600 / told.policy_servers
    for code, share in (("200", 1.0), ("500", 0.0)):
        value = _measured(told, _counter(rate * share, server))
        yield Series("http_request_duration_seconds_count", asked | {"code": code}, value)


def _certificate_exporter(told: Scene) -> Iterator[Series]:
    pod = "certificate-exporter-0"
    labels = {
        "namespace": told.namespace,
        "job": "certificate-exporter",
        "pod": pod,
        "instance": f"{pod}:9443",
    }
    yield Series("up", labels, _measured(told, lambda _: 1.0))
    for authority in ("root", "issuing"):
        mine = labels | {"authority": authority}
        yield Series("iot_broker_authority_read", mine, _measured(told, lambda _: 1.0))
        yield Series("iot_broker_revocation_list_read", mine, _measured(told, lambda _: 1.0))
        ends = _measured(told, lambda moment: _day(moment) + 2500 * DAY)
        signing = mine | {"issuer": "g1", "current": "true"}
        yield Series("iot_broker_authority_end_timestamp_seconds", signing, ends)
        # Made anew each day, for three.
        ends = _measured(told, lambda moment: _day(moment) + 3 * DAY)
        yield Series("iot_broker_revocation_list_end_timestamp_seconds", mine | {"issuer": "g1"}, ends)
    for server in ("opa", "dashboard-proxy", "kafka-bridge"):
        mine = labels | {"server": server}
        yield Series("iot_broker_server_certificate_read", mine, _measured(told, lambda _: 1.0))
        ends = _measured(told, lambda moment: _day(moment) + 25 * DAY)
        yield Series("iot_broker_server_certificate_end_timestamp_seconds", mine, ends)


def _day(moment: float) -> float:
    """Return when the day of a moment began."""
    return moment - moment % DAY


def _sinks_worker(told: Scene, worker: int) -> Iterator[Series]:
    pod = f"sinks-connect-{worker}"
    labels = {"namespace": told.namespace, "job": "kafka-connect", "pod": pod, "instance": f"{pod}:9404"}
    yield Series("up", labels, _measured(told, lambda _: 1.0))
    rate = told.messages * 0.3 / max(len(told.connectors), 1)
    for connector in told.connectors[worker :: told.workers]:
        mine = labels | {"connector": connector}
        failed = "kafka_connect_connect_worker_metrics_connector_failed_task_count"
        yield Series(failed, mine, _measured(told, lambda _: 0.0))
        task = mine | {"task": "0"}
        for name, share in (
            ("kafka_connect_sink_task_metrics_sink_record_read", 1.0),
            ("kafka_connect_task_error_metrics_deadletterqueue_produce_requests", 0.00001),
        ):
            yield Series(name, task, _measured(told, _counter(rate * share, worker)))


def _kafka_worker(told: Scene, number: int, pod: str) -> Iterator[Series]:
    labels = {"namespace": told.namespace, "job": "kafka-worker", "pod": pod, "instance": f"{pod}:9444"}
    flow = told.messages * 0.3 / len(told.carriers)
    topics = ("ot",) if pod.startswith("ot-") else ("raw", "sparkplug", "events", "audit", "metrics")
    yield Series("up", labels, _measured(told, lambda _: 1.0))
    gauges = {"connected": 1.0, "kafka_answers": 1.0, "in_flight": 40.0, "lag_seconds": 0.05}
    gauges |= {"subscriptions_wanted": 9.0, "subscriptions_granted": 9.0}
    gauges |= {"sparkplug_births": 50.0} if len(topics) > 1 else {}
    for name, usual in gauges.items():
        yield Series(f"worker_{name}", labels, _measured(told, _steady(usual)))
    counters = [
        *(("received", {"qos": str(qos)}, flow / 3) for qos in range(3)),
        *(("written", {"topic": topic}, flow / len(topics)) for topic in topics),
        ("dead_letters", {"reason": "not_json"}, flow / 100_000),
        ("kafka_refusals", {"code": "TOPIC_AUTHORIZATION_FAILED"}, 0.0),
        ("kafka_errors", {"code": "_TRANSPORT"}, 0.0),
        *((name, {}, 0.0) for name in ("refused", "duplicates", "session_lost")),
        *((f"sparkplug_{name}", {}, 0.0) for name in _SPARKPLUG if len(topics) > 1),
    ]
    for name, which, rate in counters:
        yield Series(f"worker_{name}_total", labels | which, _measured(told, _counter(rate, number)))


def _bridge_worker(told: Scene) -> Iterator[Series]:
    name = "incumbent-bridge"
    labels = {"namespace": told.namespace, "job": name, "pod": f"{name}-0", "instance": f"{name}-0:9445"}
    yield Series("up", labels, _measured(told, lambda _: 1.0))
    for end in ("source", "target"):
        yield Series("bridge_connected", labels | {"end": end}, _measured(told, _steady(1.0)))
    for gauge, usual in {"lag_seconds": 0.05, "source_silent_seconds": 4.0}.items():
        yield Series(f"bridge_{gauge}", labels, _measured(told, _steady(usual)))
    yield Series("bridge_refused_total", labels | {"reason": "target"}, _measured(told, _counter(0.0, 0)))


def _up(told: Scene) -> Callable[[float], float | None]:
    return _measured(told, lambda moment: float(told.serves(moment)))


def _while_serving(told: Scene, value: Callable[[float], float]) -> Callable[[float], float | None]:
    return lambda moment: value(moment) if told.serves(moment) and told.is_measured(moment) else None


def _measured(told: Scene, value: Callable[[float], float]) -> Callable[[float], float | None]:
    return lambda moment: value(moment) if told.is_measured(moment) else None


def _in_any(spans: tuple[Span, ...], moment: float) -> bool:
    for span in spans:  # noqa: SIM110 - for each sample of a month, a generator would take most of the time
        if span.start <= moment < span.end:
            return True
    return False


def _tide(moment: float, phase: int) -> float:
    """Return what follows the day: around 1, a fifth more in the afternoon and a fifth less at night."""
    return 1 + 0.2 * math.sin(2 * math.pi * (moment / DAY + phase / 24))


def _counter(rate: float, phase: int) -> Callable[[float], float]:
    """Return a counter that grows by `rate` in a second, more by day than by night: the sum of its `_tide`."""

    def value(moment: float) -> float:
        turn = 2 * math.pi * (moment / DAY + phase / 24)
        return rate * (moment % (1000 * DAY) + 0.2 * DAY / (2 * math.pi) * (1 - math.cos(turn)))

    return value


def _steady(value: float) -> Callable[[float], float]:
    return lambda _: value


def _certificate_end(moment: float) -> float:
    """Return when a certificate of 30 days ends that is renewed after 20."""
    return (moment // (20 * DAY)) * 20 * DAY + 30 * DAY
