"""The check of a configuration against EMQX's own schema finds what EMQX would refuse."""

import copy
from typing import Any

import pytest

from components.emqx_configuration import document
from components.recording import OFFLINE
from tests.support.emqx_schema import EmqxSchema
from tests.support.emqx_values import misfit
from tests.support.variants import Variants


@pytest.fixture
def told(variants: Variants) -> dict[str, Any]:
    """The configuration of an enterprise site with a bridge to its incumbent."""
    (site,) = (site for site in variants("parallel", "enterprise") if site.name == "eagle-ford")
    values: dict[str, Any] = copy.deepcopy(document(site, OFFLINE))
    return values


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("flapping_detect.window_time", "banana"),
        ("flapping_detect.window_time", "5 minutes"),
        ("mqtt.max_packet_size", "1MiB"),
        ("mqtt.max_inflight", 65_536),
        ("mqtt.max_inflight", True),
        ("mqtt.peer_cert_as_username", "common-name"),
        ("force_shutdown.max_heap_size", "32 MB"),
        ("force_shutdown.max_mailbox_size", -1),
        ("listeners.ssl.default.bind", "every address"),
        ("listeners.ssl.default.max_conn_rate", "500 per second"),
        ("listeners.ssl.default.bytes_rate", "fast"),
        ("listeners.ssl.default.enabled", True),
        ("listeners.tcp.default.enable", "off"),
        ("listeners.ssl.default.ssl_options.enable", True),
        ("mqtt.enable", True),
        ("dashboard.sso.oidc.secret", "written-out"),
        ("dashboard.sso.oidc.issuer", "keycloak"),
        ("connectors.kafka_producer.kafka.bootstrap_hosts", "a host:9093"),
        ("overload_protection.enable", "yes"),
        ("overload_protection.enabled", True),
        ("rule_engine.rules.raw.sql", 7),
        ("rule_engine.rules.raw.action", []),
        ("rule_engine.rule", {}),
        ("authorization.sources", {}),
        # Keys of 6.2, where their default changes: `Key(since=…)` keeps them out of earlier configurations.
        ("authorization.node_cache", {"enable": False}),
        ("authentication_settings", {"node_cache": {"enable": False}}),
        ("mqqt", {}),
    ],
)
def test_what_does_not_fit_is_found(told: dict[str, Any], path: str, value: Any) -> None:
    schema = EmqxSchema.load("enterprise")
    assert schema.problems(told) == []
    *above, last = path.split(".")
    place = told
    for step in above:
        place = place[step]
    place[last] = value
    assert [problem for problem in schema.problems(told) if problem.startswith(path)], path


@pytest.mark.parametrize(
    "path",
    [
        "license.key",
        "authentication.1.endpoint",
        "authorization.sources.0.url",
        "connectors.kafka_producer.kafka.bootstrap_hosts",
        "connectors.mqtt.*.server",
        "actions.kafka_producer.raw.parameters.topic",
        "rule_engine.rules.raw.sql",
    ],
)
def test_what_is_missing_is_found(told: dict[str, Any], path: str) -> None:
    schema = EmqxSchema.load("enterprise")
    *above, last = path.split(".")
    place: Any = told
    for step in above:
        place = next(iter(place.values())) if step == "*" else place[int(step) if step.isdigit() else step]
    del place[last]
    assert [problem for problem in schema.problems(told) if problem.endswith(f".{last}: is required")]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("emqx_schema:duration()", ["15s", "1h30m", "500ms", 5], ["15", "-5s", "s", True, 1.5]),
        ("emqx_schema:bytesize()", ["32MB", "1kb", 1024], ["32MiB", "MB", -1]),
        ("emqx_schema:percent()", ["75%", 0.5], ["75", 2]),
        ("emqx_schema:ip_port()", [8883, ":8883", "127.0.0.1:8883", "[::1]:8883"], [70_000, "8883", "a b:1"]),
        ("emqx_schema_secret:secret()", ["file:///mounted/kafka/password"], ["hunter2", "file://"]),
        ("qos()", [0, 2, "${qos}"], [3, "qos"]),
        ("1..9", [1, 9], [0, 10, "5"]),
        ("0..inf", [0, 10**9], [-1]),
        ("emqx_schema:something_new()", [], ["anything"]),
    ],
)
def test_each_type_takes_what_emqx_takes(kind: str, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if misfit(kind, "", value)] == []
    assert [value for value in bad if not misfit(kind, "", value)] == []
