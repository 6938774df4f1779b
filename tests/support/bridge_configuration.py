"""Reads the bridge's part of a rendered EMQX configuration, and refuses each key, value and placeholder that is new."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.emqx_configuration import MARK
from tests.support.rule_sql import NotUnderstood, Statement, statement

_SOURCE = "$bridges/mqtt:"
_ACTION = "mqtt:"
# What carries messages elsewhere, and is none of the bridge's.
_OTHER_KINDS = ("http", "kafka_producer")
_COLUMN = re.compile(r"\$\{([a-z_]+)\}")


@dataclass(frozen=True)
class Connector:
    """Connections to another broker."""

    server: str
    clean_start: bool
    client_prefix: str
    user: str
    password: str
    keepalive: int
    authorities: str
    certificate: tuple[str, str] | None
    host: str


@dataclass(frozen=True)
class Source:
    """What is subscribed to at another broker."""

    connector: str
    topic: str
    qos: int


@dataclass(frozen=True)
class Publication:
    """From which of a rule's columns a message is made."""

    topic: str
    qos: str
    retain: str
    payload: str


@dataclass(frozen=True)
class Action:
    """What is published at another broker."""

    connector: str
    publication: Publication


@dataclass(frozen=True)
class Rule:
    """Which messages of this broker (`filters`) or of `sources` go to which `actions`, or are published here."""

    name: str
    statement: Statement
    filters: tuple[str, ...]
    sources: tuple[str, ...]
    actions: tuple[str, ...]
    republications: tuple[Publication, ...]


@dataclass(frozen=True)
class Bridge:
    """The bridge's part of a broker's configuration."""

    connectors: Mapping[str, Connector]
    sources: Mapping[str, Source]
    actions: Mapping[str, Action]
    rules: tuple[Rule, ...]


def read_bridge(configuration: Mapping[str, Any]) -> Bridge:
    """Return the bridge's part; raises NotUnderstood."""
    connectors = {
        name: _connector(f"connectors.mqtt.{name}", found)
        for name, found in _of_mqtt(configuration, "connectors")
    }
    sources = {
        name: _source(f"sources.mqtt.{name}", found) for name, found in _of_mqtt(configuration, "sources")
    }
    actions = {
        name: _action(f"actions.mqtt.{name}", found) for name, found in _of_mqtt(configuration, "actions")
    }
    for connector in (found.connector for group in (sources, actions) for found in group.values()):
        _known(connector, connectors, "connector")
    # Of the broker's own messages the bridge takes none; those that count them have rules of their own.
    engine, ignored = _keys(configuration["rule_engine"], "rule_engine", "rules", "ignore_sys_message")
    _must("rule_engine", ignore_sys_message=(ignored, False))
    rules = tuple(
        _rule(name, found, sources, actions) for name, found in engine.items() if _is_bridges(name, found)
    )
    return Bridge(connectors, sources, actions, rules)


def _of_mqtt(configuration: Mapping[str, Any], root: str) -> Iterator[tuple[str, Any]]:
    kinds = configuration.get(root, {})
    for kind in kinds:
        _known(kind, ("mqtt", *_OTHER_KINDS), f"kind of {root}")
    yield from kinds.get("mqtt", {}).items()


def _connector(path: str, found: Mapping[str, Any]) -> Connector:
    server, version, clean_start, prefix, user, password, keepalive, size, ssl, _ = _keys(
        found,
        path,
        "server",
        "proto_ver",
        "clean_start",
        "clientid_prefix",
        "username",
        "password",
        "keepalive",
        "pool_size",
        "ssl",
        "resource_opts",
    )
    _must(path, proto_ver=(version, "v5"), pool_size=(size, 1))
    _keys(found["resource_opts"], f"{path}.resource_opts", "health_check_interval")
    pair = tuple(key for key in ("certfile", "keyfile") if key in ssl)
    enabled, verify, authorities, host, *certificate = _keys(
        ssl, f"{path}.ssl", "enable", "verify", "cacertfile", "server_name_indication", *pair
    )
    _must(f"{path}.ssl", enable=(enabled, True), verify=(verify, "verify_peer"))
    return Connector(
        server,
        clean_start,
        prefix,
        user,
        _file(password),
        int(keepalive.removesuffix("s")),
        authorities,
        (certificate[0], certificate[1]) if certificate else None,
        host,
    )


def _source(path: str, found: Mapping[str, Any]) -> Source:
    connector, parameters, options = _keys(found, path, "connector", "parameters", "resource_opts")
    _keys(options, f"{path}.resource_opts", "health_check_interval")
    topic, qos = _keys(parameters, f"{path}.parameters", "topic", "qos")
    if qos not in (0, 1):
        raise NotUnderstood(f"{path}.parameters.qos: EMQX makes 1 of {qos}, with a warning")
    return Source(connector, topic, qos)


def _action(path: str, found: Mapping[str, Any]) -> Action:
    connector, parameters, options = _keys(found, path, "connector", "parameters", "resource_opts")
    # How what waits is kept and sent again: here it is sent at once, one after the other.
    _keys(
        options,
        f"{path}.resource_opts",
        "health_check_interval",
        "query_mode",
        "inflight_window",
        "worker_pool_size",
        "max_buffer_bytes",
        "request_ttl",
    )
    _must(f"{path}.resource_opts", worker_pool_size=(options["worker_pool_size"], 1))
    return Action(connector, _publication(f"{path}.parameters", parameters))


def _publication(path: str, found: Mapping[str, Any]) -> Publication:
    return Publication(
        *(_column(path, template) for template in _keys(found, path, "topic", "qos", "retain", "payload"))
    )


def _is_bridges(name: str, found: Mapping[str, Any]) -> bool:
    _, actions, _, enabled = _keys(found, f"rule {name}", "sql", "actions", "description", "enable")
    if name == MARK:
        # It never runs: it only says which configuration the broker has taken.
        _must(f"rule {name}", enable=(enabled, False), actions=(actions, []))
        return False
    _must(f"rule {name}", enable=(enabled, True))
    elsewhere = [isinstance(action, str) and action.split(":")[0] in _OTHER_KINDS for action in actions]
    if any(elsewhere) and not all(elsewhere):
        raise NotUnderstood(f"rule {name}: actions of the bridge and others")
    return not any(elsewhere)


def _rule(
    name: str, found: Mapping[str, Any], sources: Mapping[str, Source], actions: Mapping[str, Action]
) -> Rule:
    read, named, republications = statement(found["sql"]), [], []
    bridged = [source for source in read.sources if source.startswith("$")]
    for source in bridged:
        _known(source, [_SOURCE + known for known in sources], f"source of rule {name}")
    for action in found["actions"]:
        if isinstance(action, str):
            _known(action, [_ACTION + known for known in actions], f"action of rule {name}")
            named.append(action.removeprefix(_ACTION))
        else:
            republications.append(_republication(f"rule {name}", action))
    return Rule(
        name,
        read,
        tuple(source for source in read.sources if source not in bridged),
        tuple(source.removeprefix(_SOURCE) for source in bridged),
        tuple(named),
        tuple(republications),
    )


def _republication(path: str, action: Mapping[str, Any]) -> Publication:
    function, arguments = _keys(action, path, "function", "args")
    *_, properties = _keys(arguments, path, "topic", "qos", "retain", "payload", "user_properties")
    _must(
        path, function=(function, "republish"), user_properties=(properties, "${pub_props.'User-Property'}")
    )
    return _publication(path, {key: arguments[key] for key in arguments if key != "user_properties"})


def _keys(found: Mapping[str, Any], path: str, *wanted: str) -> list[Any]:
    """The values of exactly these keys, in this order."""
    if set(found) != set(wanted):
        differing = ", ".join(sorted(set(found) ^ set(wanted)))
        raise NotUnderstood(f"{path}: {differing} is missing, or not known here")
    return [found[key] for key in wanted]


def _must(path: str, **pairs: tuple[object, object]) -> None:
    for key, (value, wanted) in pairs.items():
        if value != wanted:
            raise NotUnderstood(f"{path}.{key}: {value!r}, and only {wanted!r} is known here")


def _known(name: str, names: Mapping[str, object] | list[str] | tuple[str, ...], what: str) -> None:
    if name not in names:
        raise NotUnderstood(f"{name!r} is no {what}")


def _column(path: str, template: str) -> str:
    found = _COLUMN.fullmatch(template)
    if found is None:
        raise NotUnderstood(f"{path}: {template!r} is no placeholder of one column")
    return found[1]


def _file(secret: str) -> str:
    if not secret.startswith("file://"):
        raise NotUnderstood("a secret that is not in a file")
    return secret.removeprefix("file://")
