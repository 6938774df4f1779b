"""EMQX's way to Kafka for a site: connectors, actions and rules, from the table in `model/ingest.py`."""

import json

from components import names
from components.emqx_mounts import KAFKA_FOLDER, TRUST_FOLDER
from components.kafka_topics import topic_name, user_name
from model import Site, ingest, stream_capacity
from model.emqx.integration import (
    Actions,
    Checks,
    Connectors,
    Delivery,
    ExtensionHeader,
    HttpAction,
    HttpConnector,
    HttpParameters,
    KafkaAction,
    KafkaBuffer,
    KafkaConnector,
    KafkaLogin,
    KafkaMessage,
    KafkaParameters,
    Rule,
    ServerTls,
)
from model.ingest import Route
from model.streams import Topic
from model.units import Bytes, Duration

CHECKS = Checks(health_check_interval=Duration(15))
# Record formats of Strimzi's Kafka bridge, each with a connector of its own (strimzi-kafka-bridge#803).
FORMATS = {
    "json": "application/vnd.kafka.json.v2+json",
    "bytes": "application/vnd.kafka.binary.v2+json",
}
# Beside each record: where it came from, and whose certificate (or token) it came under.
HEADERS = {"topic": "topic", "client": "clientid", "name": "username"}
_SEGMENT = 10 * 2**20
_KAFKA = "kafka"
# Connections of a node to the bridge, for each record format.
_CONNECTIONS = 16


def connectors(site: Site) -> Connectors:
    """Return the connections to Kafka, or to its bridge."""
    if site.broker.writes_kafka:
        return Connectors(kafka_producer={_KAFKA: _kafka_connector(site)})
    return Connectors(
        http={f"{_KAFKA}_{form}": _http_connector(site, kind) for form, kind in FORMATS.items()}
    )


def actions(site: Site) -> Actions:
    """Return an action for each topic, and for each record format of it where the bridge asks for one."""
    if site.broker.writes_kafka:
        topics = {route.topic for route in ingest.routes(site)}
        return Actions(
            kafka_producer={
                _word(topic.name): _kafka_action(site, topic)
                for topic in site.streams.topics
                if topic.name in topics
            }
        )
    declared = {topic.name: topic for topic in site.streams.topics}
    wanted = sorted({(route.topic, _format(route)) for route in ingest.routes(site)})
    return Actions(
        http={f"{_word(topic)}_{form}": _http_action(site, declared[topic], form) for topic, form in wanted}
    )


def rules(site: Site) -> dict[str, Rule]:
    """Return a rule for each way from MQTT to Kafka."""
    return {route.name: _rule(site, route) for route in ingest.routes(site)}


def _rule(site: Site, route: Route) -> Rule:
    native = site.broker.writes_kafka
    action = (
        f"kafka_producer:{_word(route.topic)}" if native else f"http:{_word(route.topic)}_{_format(route)}"
    )
    fields = {
        "record_key": _key(site, route),
        "record_value": _value(site, route),
        **{f"header_{name}": _header(column, encoded=not native) for name, column in HEADERS.items()},
    }
    selected = ", ".join([*(f"{expression} as {name}" for name, expression in fields.items()), "timestamp"])
    sources = ", ".join(f'"{pattern}"' for pattern in route.filters)
    return Rule(
        # Every part is the kit's own or a name of the site, which holds letters, digits, dashes and slashes.
        sql=f"SELECT {selected} FROM {sources} WHERE {route.condition}",  # noqa: S608 - EMQX's rule SQL, no database's
        actions=(action,),
        description=f"{route.title}: to {topic_name(site, route.topic)}",
    )


def _key(site: Site, route: Route) -> str:
    if site.broker.writes_kafka:
        return route.key
    # As a JSON text, or in base64: what the bridge's format asks for.
    return f"json_encode({route.key})" if _format(route) == "json" else f"base64_encode({route.key})"


def _value(site: Site, route: Route) -> str:
    value = route.value or "payload"
    if site.broker.writes_kafka:
        return "json_encode(sparkplug_decode(payload))" if route.form == "sparkplug" else value
    return value if _format(route) == "json" else f"base64_encode({value})"


def _header(column: str, *, encoded: bool) -> str:
    # What this broker publishes itself has no client.
    known = f"CASE WHEN is_null({column}) THEN '' ELSE {column} END"
    return f"base64_encode({known})" if encoded else known


def _format(route: Route) -> str:
    return "json" if route.form == "json" else "bytes"


def _word(topic: str) -> str:
    return topic.replace("-", "_")


def _http_connector(site: Site, kind: str) -> HttpConnector:
    ordered = site.streams.ordered
    return HttpConnector(
        url=f"https://{names.service_host(site, names.KAFKA_BRIDGE_SERVICE)}:{site.streams.bridge.port}",
        headers={"content-type": kind},
        # A client's records go over one connection, one after the other.
        pool_type="hash" if ordered else "random",
        pool_size=_CONNECTIONS,
        enable_pipelining=1 if ordered else stream_capacity.UNORDERED_INFLIGHT,
        connect_timeout=Duration(15),
        ssl=ServerTls(cacertfile=f"{TRUST_FOLDER}/{names.TRUST_SITE}"),
        resource_opts=CHECKS,
    )


def _http_action(site: Site, topic: Topic, form: str) -> HttpAction:
    lanes = stream_capacity.lanes(site, topic)
    return HttpAction(
        connector=f"{_KAFKA}_{form}",
        parameters=HttpParameters(
            path=f"/topics/{topic_name(site, topic.name)}",
            headers={"content-type": FORMATS[form]},
            body=_body(form),
            max_retries=5,
        ),
        resource_opts=Delivery(
            health_check_interval=CHECKS.health_check_interval,
            query_mode="sync" if site.streams.ordered else "async",
            inflight_window=lanes.inflight,
            worker_pool_size=lanes.workers,
            max_buffer_bytes=_whole(lanes.buffer),
        ),
    )


def _body(form: str) -> str:
    """Return the request: one record, key and value in the format's own form, headers always in base64."""
    mark = "" if form == "json" else '"'
    headers = ",".join(f'{{"key":{json.dumps(name)},"value":"${{header_{name}}}"}}' for name in HEADERS)
    record = f'"key":{mark}${{record_key}}{mark},"value":{mark}${{record_value}}{mark},"headers":[{headers}]'
    return f'{{"records":[{{{record}}}]}}'


def _kafka_connector(site: Site) -> KafkaConnector:
    return KafkaConnector(
        bootstrap_hosts=site.streams.cluster.bootstrap,
        authentication=KafkaLogin(
            username=user_name(site, site.streams.writer), password=f"file://{KAFKA_FOLDER}/password"
        ),
        ssl=ServerTls(cacertfile=f"{KAFKA_FOLDER}/ca.crt"),
        resource_opts=CHECKS,
    )


def _kafka_action(site: Site, topic: Topic) -> KafkaAction:
    ordered = site.streams.ordered
    limit = _whole(stream_capacity.partition_buffer(site, topic))
    return KafkaAction(
        connector=_KAFKA,
        parameters=KafkaParameters(
            topic=topic_name(site, topic.name),
            message=KafkaMessage(key="${.record_key}", value="${.record_value}"),
            kafka_ext_headers=tuple(
                ExtensionHeader(kafka_ext_header_key=name, kafka_ext_header_value=f"${{.header_{name}}}")
                for name in HEADERS
            ),
            # A batch that is sent again must not be overtaken by the next one.
            max_inflight=1 if ordered else 10,
            query_mode="sync" if ordered else "async",
            buffer=KafkaBuffer(
                mode="disk" if site.broker.keeps_on_disk else "memory",
                per_partition_limit=limit,
                segment_bytes=Bytes(min(_SEGMENT, limit.count)),
            ),
        ),
        resource_opts=CHECKS,
    )


def _whole(amount: Bytes) -> Bytes:
    """Return the amount in whole megabytes, rounded down, and one at least."""
    return Bytes(max(amount.count // 2**20, 1) * 2**20)
