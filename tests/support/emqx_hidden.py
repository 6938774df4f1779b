"""What EMQX 5.8.9 takes or wants, and its schema's dump leaves out: switches, whole roots, and what is required.

The source of each is EMQX's own code of that version; the switches have been seen on a running node as well.
"""

import re
from typing import Any

SWITCHES = re.compile(
    r"listeners\.(tcp|ws|ssl|wss)\.[\w-]+\.enable|log\.(console|audit)\.enable|delayed\.enable"
    r"|authorization\.cache\.enable|authorization\.sources\[\d+\]\.enable|authentication\[\d+\]\.enable"
)
"""Paths of the switches that the dump leaves out; each is `true` or `false`."""


def _struct(**fields: Any) -> dict[str, Any]:
    return {"fields": [{"name": name, "type": kind} for name, kind in fields.items()]}


def _primitive(name: str) -> dict[str, Any]:
    return {"kind": "primitive", "name": name}


def _ref(name: str) -> dict[str, Any]:
    return {"kind": "struct", "name": name}


def _list(inner: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "array", "elements": inner}


ROOTS: dict[str, dict[str, Any]] = {
    name: _ref(f"hidden:{name}")
    for name in ("overload_protection", "rule_engine", "crl_cache", "node_rebalance")
} | {"zones": {"kind": "map", "values": _ref("hidden:zone")}}
STRUCTS: dict[str, dict[str, Any]] = {
    "hidden:overload_protection": _struct(
        enable=_primitive("boolean()"),
        backoff_delay=_primitive("0..inf"),
        backoff_gc=_primitive("boolean()"),
        backoff_hibernation=_primitive("boolean()"),
        backoff_new_conn=_primitive("boolean()"),
    ),
    "hidden:crl_cache": _struct(
        refresh_interval=_primitive("emqx_schema:duration()"),
        http_timeout=_primitive("emqx_schema:duration()"),
        capacity=_primitive("pos_integer()"),
    ),
    "hidden:node_rebalance": _struct(),
    # What a zone has in place of the root of the same name, each key of its own (emqx_zone_schema.erl).
    "hidden:zone": _struct(
        **{
            name: _ref(f"emqx:{name}")
            for name in ("mqtt", "flapping_detect", "force_shutdown", "force_gc", "durable_sessions")
        }
    ),
    "hidden:rule_engine": _struct(
        rules={"kind": "map", "values": _ref("hidden:rule")}, ignore_sys_message=_primitive("boolean()")
    ),
    "hidden:rule": _struct(
        sql=_primitive("binary()"),
        actions=_list(
            {"kind": "union", "members": [_primitive("binary()"), _ref("hidden:republish")]},
        ),
        enable=_primitive("boolean()"),
        description=_primitive("string()"),
    ),
    "hidden:republish": _struct(
        function={"kind": "singleton", "name": "republish"}, args=_ref("hidden:republish_args")
    ),
    "hidden:republish_args": _struct(
        topic=_primitive("binary()"),
        qos=_primitive("qos()"),
        retain={"kind": "union", "members": [_primitive("boolean()"), _primitive("binary()")]},
        payload=_primitive("binary()"),
        user_properties=_primitive("binary()"),
    ),
}

REQUIRED: dict[str, tuple[str, ...]] = {
    "authn:http_post": ("mechanism", "backend", "method", "url"),
    "authn:jwt_jwks": ("mechanism", "use_jwks", "endpoint"),
    "authz:http_get": ("type", "method", "url"),
    "authz:http_post": ("type", "method", "url", "body"),
    "bridge_http:config_connector": ("url",),
    "bridge_http:http_action": ("connector", "parameters"),
    "bridge_kafka:auth_username_password": ("mechanism", "username", "password"),
    "bridge_kafka:config_connector": ("bootstrap_hosts",),
    "bridge_kafka:kafka_producer_action": ("connector", "parameters"),
    "bridge_kafka:producer_kafka_opts": ("topic",),
    "bridge_kafka:producer_kafka_ext_headers": ("kafka_ext_header_key", "kafka_ext_header_value"),
    "bridge_mqtt_publisher:ingress_parameters": ("topic",),
    "bridge_mqtt_publisher:action_parameters": ("topic",),
    "bridge_mqtt_publisher:mqtt_publisher_action": ("connector", "parameters"),
    "bridge_mqtt_publisher:mqtt_subscriber_source": ("connector", "parameters"),
    "connector_mqtt:config_connector": ("server",),
    "license:key_license": ("key",),
    "sso:oidc": ("backend", "issuer", "clientid", "secret", "dashboard_addr"),
    "hidden:rule": ("sql",),
    "hidden:republish": ("function", "args"),
    "hidden:republish_args": ("topic",),
}
"""Fields without a default that EMQX refuses to do without, by struct."""
