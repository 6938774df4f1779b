"""EMQX's way to Kafka for a site: connectors, actions and rules, from the table in `model/ingest.py`.

Where workers alone carry messages, they alone know Kafka: the broker tells them of its own events, and no more.
"""

import json

from components import names
from components.emqx_mounts import KAFKA_FOLDER, TRUST_FOLDER
from components.kafka_topics import topic_name, user_name
from model import Site, ingest, record_size, stream_capacity, worker_topics
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
    Republication,
    Republish,
    Rule,
    ServerTls,
)
from model.ingest import RecordFormat, Route, record_format
from model.streams import Topic
from model.units import Bytes, Duration
from model.worker_topics import AuditRule

CHECKS = Checks(health_check_interval=Duration(15))
# Record formats of Strimzi's Kafka bridge, each with a connector of its own (strimzi-kafka-bridge#803).
FORMATS: dict[RecordFormat, str] = {
    "json": "application/vnd.kafka.json.v2+json",
    "bytes": "application/vnd.kafka.binary.v2+json",
}
# Beside each record: where it came from, and whose certificate (or token) it came under.
HEADERS = {"topic": "topic", "client": "clientid", "name": "username"}
_SEGMENT = 10 * 2**20
_KAFKA = "kafka"


def connectors(site: Site) -> Connectors:
    """Return the connections to Kafka, or to its bridge; none with workers alone."""
    if site.way_to_kafka == "worker":
        return Connectors()
    if site.way_to_kafka == "broker":
        return Connectors(kafka_producer={_KAFKA: _kafka_connector(site)})
    return Connectors(http={f"{_KAFKA}_{form}": _http_connector(site, form) for form in FORMATS})


def actions(site: Site) -> Actions:
    """Return an action for each topic that the broker writes; none with workers alone."""
    if site.way_to_kafka == "worker":
        return Actions()
    topics = [topic for topic in site.streams.topics if topic.name in ingest.TOPICS]
    if site.broker.writes_kafka:
        return Actions(kafka_producer={_word(topic.name): _kafka_action(site, topic) for topic in topics})
    return Actions(
        http={
            f"{_word(topic.name)}_{record_format(topic.name)}": _http_action(site, topic) for topic in topics
        }
    )


def rules(site: Site) -> dict[str, Rule]:
    """Return a rule for each way from MQTT to Kafka; with workers, one for each of the broker's own events.

    Both while workers run beside the former way: no rule of one has the name of one of the other.
    """
    told = worker_topics.audit_rules() if site.streams.by_worker else ()
    carrying = () if site.way_to_kafka == "worker" else ingest.routes(site)
    return {rule.name: _republished(rule) for rule in told} | {
        route.name: _rule(site, route) for route in carrying
    }


def _republished(rule: AuditRule) -> Rule:
    """Return the rule that publishes an event, which no subscriber sees, where the workers alone may read."""
    entry = Republication(topic=rule.topic, qos=1, retain=False, payload="${entry}", user_properties=None)
    return Rule(
        sql=rule.sql, actions=(Republish(args=entry),), description=f"{rule.title}: to the workers to Kafka"
    )


def _rule(site: Site, route: Route) -> Rule:
    native = site.broker.writes_kafka
    action = (
        f"kafka_producer:{_word(route.topic)}"
        if native
        else f"http:{_word(route.topic)}_{record_format(route.topic)}"
    )
    fields = {
        "record_key": _key(site, route),
        "record_value": _value(site, route),
        **{f"header_{name}": _header(column, encoded=not native) for name, column in HEADERS.items()},
    }
    # By the client's name a hashed pool finds its connection.
    columns = [f"{expression} as {name}" for name, expression in fields.items()]
    selected = ", ".join([*columns, "timestamp", "clientid"])
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
    return (
        f"json_encode({route.key})" if record_format(route.topic) == "json" else f"base64_encode({route.key})"
    )


def _value(site: Site, route: Route) -> str:
    value = route.value or "payload"
    if site.broker.writes_kafka:
        # The older function lets what is no UTF-8 become a question mark; the newer one gives it in base64.
        decoded = "spb_decode" if site.broker.decodes_bytes else "sparkplug_decode"
        return f"json_encode({decoded}(payload))" if route.form == "sparkplug" else value
    return value if record_format(route.topic) == "json" else f"base64_encode({value})"


def _header(column: str, *, encoded: bool) -> str:
    value = ingest.known(column)
    return f"base64_encode({value})" if encoded else value


def _word(topic: str) -> str:
    return topic.replace("-", "_")


def _http_connector(site: Site, form: RecordFormat) -> HttpConnector:
    ordered = site.streams.keeps_order
    return HttpConnector(
        url=f"https://{names.service_host(site, names.KAFKA_BRIDGE_SERVICE)}:{site.streams.bridge.port}",
        headers={"content-type": FORMATS[form]},
        # A client's records go over one connection, one after the other.
        pool_type="hash" if ordered else "random",
        pool_size=stream_capacity.connections(site, form),
        enable_pipelining=1 if ordered else stream_capacity.UNORDERED_INFLIGHT,
        connect_timeout=Duration(15),
        ssl=ServerTls(cacertfile=f"{TRUST_FOLDER}/{names.TRUST_SITE}"),
        resource_opts=CHECKS,
    )


def _http_action(site: Site, topic: Topic) -> HttpAction:
    lanes, form = stream_capacity.lanes(site, topic), record_format(topic.name)
    awaited = _awaited(site, topic)
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
            # What is synchronous holds the client's own process.
            query_mode="sync" if awaited else "async",
            inflight_window=lanes.inflight,
            worker_pool_size=lanes.workers,
            max_buffer_bytes=_whole(lanes.buffer),
            request_ttl=site.streams.await_at_most if awaited else "infinity",
        ),
    )


def _body(form: RecordFormat) -> str:
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
    limit = _whole(stream_capacity.partition_buffer(site, topic))
    awaited = _awaited(site, topic)
    return KafkaAction(
        connector=_KAFKA,
        parameters=KafkaParameters(
            topic=topic_name(site, topic.name),
            message=KafkaMessage(key="${.record_key}", value="${.record_value}"),
            kafka_ext_headers=tuple(
                ExtensionHeader(kafka_ext_header_key=name, kafka_ext_header_value=f"${{.header_{name}}}")
                for name in HEADERS
            ),
            max_batch_bytes=record_size.batch(site, topic),
            # A batch that is sent again must not be overtaken by the next one.
            max_inflight=1 if site.streams.keeps_order else 10,
            # What is synchronous holds the client's own process.
            query_mode="sync" if awaited else "async",
            sync_query_timeout=site.streams.await_at_most if awaited else None,
            buffer=KafkaBuffer(
                mode="disk" if site.broker.keeps_on_disk else "memory",
                per_partition_limit=limit,
                segment_bytes=Bytes(min(_SEGMENT, limit.count)),
            ),
        ),
        resource_opts=CHECKS,
    )


def _awaited(site: Site, topic: Topic) -> bool:
    """Return whether who publishes waits for Kafka: never who connects, nor the broker with its own figures."""
    return site.streams.delivery == "awaited" and topic.name in ingest.OF_CLIENTS


def _whole(amount: Bytes) -> Bytes:
    """Return the amount in whole megabytes, rounded down, and one at least."""
    return Bytes(max(amount.count // 2**20, 1) * 2**20)
