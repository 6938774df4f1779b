"""The connectors of the sinks, as Kafka Connect takes them: text alone, and secrets as references.

Every record becomes the same row, whatever is in it (docs/sinks.md): `received`, `mqtt_topic`, `client`, `name`,
`payload`, and where it stood in Kafka (`kafka_topic`, `kafka_partition`, `kafka_offset`). The same record written twice
is the same row, so that what is delivered again changes nothing.
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import TypeAlias

from components.broker_secrets import SINK_KAFKA_CA, SINK_KAFKA_PASSWORD
from components.kafka_topics import control_topic, sink_group, topic_name, user_name
from model import Site, ingest, record_size, stream_capacity
from model.sinks import ROW_KEY, Sink

Configuration: TypeAlias = Mapping[str, str]

MOUNTS = "/mnt/sinks"
"""Where each sink's Secret is mounted in the workers, a folder for each."""
CLASSES = {
    "timescaledb": "io.debezium.connector.jdbc.JdbcSinkConnector",
    "influxdb": "io.lenses.streamreactor.connect.influx.InfluxSinkConnector",
    "iceberg": "org.apache.iceberg.connect.IcebergSinkConnector",
}
JSON_TEXT = "iotbroker.JsonText"
"""The kit's own converter (`connect/`): text, refused before it comes to the store unless `jsonb` takes it."""


def connector_name(sink: Sink, topic: str) -> str:
    """Return the name of the connector of one topic of a sink."""
    return f"{sink.name}-{topic}"


def tasks(site: Site, topic: str) -> int:
    """Return how many tasks read a topic: what its peak takes, and no more than it has partitions."""
    (flow,) = (flow for flow in stream_capacity.flows(site) if flow.topic == topic)
    needed = Decimal(flow.records) / stream_capacity.RECORDS_PER_PARTITION
    return min(max(int(needed.to_integral_value(ROUND_CEILING)), 1), flow.partitions)


def state(site: Site, sink: Sink) -> str:
    """Return whether a sink's connectors run in this phase: not while its user waits for the incumbent's consumers."""
    return "stopped" if site.consumption(sink.user) == "waiting" else "running"


def configuration(site: Site, sink: Sink, topic: str) -> dict[str, str]:
    """Return the whole configuration of a sink's connector for one of its topics."""
    return {
        "topics": topic_name(site, topic),
        **_as_user(site, sink, topic),
        **_rows(site, topic),
        **_dead_letters(site),
        **_STORES[sink.store](site, sink, topic),
    }


def secret(sink: Sink, key: str) -> str:
    """Return the reference to a key of the sink's Secret, by Kafka's own DirectoryConfigProvider."""
    return f"${{directory:{MOUNTS}/{sink.name}:{key}}}"


def _login(site: Site, sink: Sink) -> str:
    return (
        "org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="{user_name(site, sink.user)}" password="{secret(sink, SINK_KAFKA_PASSWORD)}";'
    )


def _as_user(site: Site, sink: Sink, topic: str) -> dict[str, str]:
    """Read, and write dead letters, as the sink's own user: the workers' user has no right to the site's topics."""
    login = {f"{client}.override.sasl.jaas.config": _login(site, sink) for client in _CLIENTS}
    return login | {
        "consumer.override.group.id": sink_group(site, sink, topic),
        # From the beginning of the replay, so that a sink that starts in a later phase misses nothing.
        "consumer.override.auto.offset.reset": "earliest",
        # A dead letter is as large as the record was, and what is said of it comes on top.
        "producer.override.max.request.size": str(record_size.largest_dead_letter(site).count),
    }


_CLIENTS = ("consumer", "producer", "admin")


def _rows(site: Site, topic: str) -> dict[str, str]:
    """Make a row of a record, whatever is in it."""
    as_bytes = topic in binary_topics(site)
    payload = "converters.ByteArrayConverter" if as_bytes else "storage.StringConverter"
    text = "org.apache.kafka.connect.storage.StringConverter"
    transforms: dict[str, dict[str, str]] = {
        "payload": {"type": "org.apache.kafka.connect.transforms.HoistField$Value", "field": "payload"},
        "place": {
            "type": "org.apache.kafka.connect.transforms.InsertField$Value",
            "timestamp.field": "received",
            "topic.field": "kafka_topic",
            "partition.field": "kafka_partition",
            "offset.field": "kafka_offset",
        },
        "sender": {
            "type": "io.debezium.transforms.HeaderToValue",
            "headers": "topic,client,name",
            "fields": "mqtt_topic,client,name",
            "operation": "copy",
        },
    }
    return {
        "key.converter": text,
        "value.converter": f"org.apache.kafka.connect.{payload}",
        # Kafka Connect would make a number of a client id that looks like one.
        "header.converter": text,
        "transforms": ",".join(transforms),
        **{
            f"transforms.{name}.{key}": value
            for name, options in transforms.items()
            for key, value in options.items()
        },
    }


def binary_topics(site: Site) -> frozenset[str]:
    """Return the topics whose records are bytes: dead letters, and Sparkplug where it is not decoded on its way."""
    forms = {"bytes"} if site.sparkplug_is_json else {"bytes", "sparkplug"}
    return frozenset(route.topic for route in ingest.routes(site) if route.form in forms)


def _dead_letters(site: Site) -> dict[str, str]:
    return {
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": topic_name(site, ingest.DEAD_LETTER),
        "errors.deadletterqueue.topic.replication.factor": str(site.streams.replication),
        # Which record, of which topic, and why: in headers that begin with `__connect.errors.`.
        "errors.deadletterqueue.context.headers.enable": "true",
        "errors.log.enable": "true",
        # What devices send is nobody's log line.
        "errors.log.include.messages": "false",
    }


def _timescaledb(site: Site, sink: Sink, topic: str) -> dict[str, str]:
    assert sink.timescaledb is not None  # noqa: S101 - chosen by the sink's own store
    store = sink.timescaledb
    options = {
        # The server proves who it is.
        "sslmode": "verify-full",
        "sslrootcert": f"{MOUNTS}/{sink.name}/ca.crt",
        # A payload that is JSON becomes `jsonb`.
        "stringtype": "unspecified",
        # An error would tell the whole row, in the log and in the connector's status.
        "logServerErrorDetail": "false",
    }
    # Debezium has no dead letters for what the store refuses: the task would stop at that record for good.
    converter = {} if topic in binary_topics(site) else {"value.converter": JSON_TEXT}
    return converter | {
        "connection.url": (
            f"jdbc:postgresql://{store.host}:{store.port}/{store.database}?"
            + "&".join(f"{name}={value}" for name, value in options.items())
        ),
        "connection.username": store.login,
        "connection.password": secret(sink, "password"),
        # A task writes in one session; five to 32 each, Debezium's own choice, are more than a database has.
        "connection.pool.min_size": "1",
        "connection.pool.max_size": "1",
        **_PATIENCE,
        "collection.name.format": store.table,
        "insert.mode": "upsert",
        "primary.key.mode": "record_value",
        "primary.key.fields": ",".join(ROW_KEY),
        "delete.enabled": "false",
        # The table is its owner's: a connector that may alter it can lose data.
        "schema.evolution": "none",
        "use.time.zone": "UTC",
    }


# A database that is away for four minutes is asked again, in less time than Kafka gives up a consumer (five); then the
# task fails, is seen to have failed, and is started again by Strimzi. Without the first, Debezium gives up at once. One
# that does not even refuse takes longer: what is then written twice is the same rows.
_PATIENCE = {
    "connection.restart.on.errors": "true",
    "flush.max.retries": "48",
    "flush.retry.delay.ms": "5000",
}


def _influxdb(site: Site, sink: Sink, topic: str) -> dict[str, str]:
    assert sink.influxdb is not None  # noqa: S101 - chosen by the sink's own store
    store = sink.influxdb
    fields, tags = "payload, kafka_offset", "mqtt_topic, client, name, kafka_topic, kafka_partition"
    return {
        "connect.influx.url": f"https://{store.host}:{store.port}",
        "connect.influx.db": store.database,
        "connect.influx.username": store.login,
        "connect.influx.password": secret(sink, "password"),
        "connect.influx.kcql": (
            # Lenses' own query language, and no SQL; every name in it is checked by the model.
            f"INSERT INTO {store.measurement} SELECT {fields} FROM `{topic_name(site, topic)}` "  # noqa: S608
            f"WITHTIMESTAMP received WITHTAG({tags})"
        ),
        # A failed write stops the task, which is started again and reads the same records: none is passed over.
        "connect.influx.error.policy": "THROW",
    }


def _iceberg(site: Site, sink: Sink, topic: str) -> dict[str, str]:
    assert sink.iceberg is not None  # noqa: S101 - chosen by the sink's own store
    store, group = sink.iceberg, sink_group(site, sink, topic)
    return {
        "iceberg.tables": f"{store.namespace}.{store.table}",
        "iceberg.tables.auto-create-enabled": "true",
        "iceberg.tables.default-partition-by": "day(received)",
        "iceberg.catalog.type": "rest",
        "iceberg.catalog.uri": store.catalog,
        "iceberg.catalog.warehouse": store.warehouse,
        "iceberg.catalog.credential": secret(sink, "credential"),
        "iceberg.catalog.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "iceberg.catalog.s3.endpoint": store.object_storage,
        "iceberg.catalog.s3.path-style-access": "true",
        "iceberg.catalog.s3.access-key-id": secret(sink, "access-key"),
        "iceberg.catalog.s3.secret-access-key": secret(sink, "secret-key"),
        "iceberg.catalog.client.region": store.region,
        "iceberg.control.topic": topic_name(site, control_topic(sink)),
        "iceberg.control.commit.interval-ms": str(store.commit_every.milliseconds),
        # Files and offsets are committed together, in the group that the tasks read with.
        "iceberg.connect.group-id": group,
        "iceberg.control.group-id-prefix": f"{group}-control-",
        "iceberg.coordinator.transactional.prefix": f"{group}-",
        # The sink has Kafka clients of its own, which Kafka Connect's settings do not reach.
        "iceberg.kafka.bootstrap.servers": site.streams.cluster.bootstrap,
        "iceberg.kafka.security.protocol": "SASL_SSL",
        "iceberg.kafka.sasl.mechanism": "SCRAM-SHA-512",
        "iceberg.kafka.sasl.jaas.config": _login(site, sink),
        "iceberg.kafka.ssl.truststore.type": "PEM",
        "iceberg.kafka.ssl.truststore.location": f"{MOUNTS}/{sink.name}/{SINK_KAFKA_CA}",
    }


_STORES: dict[str, Callable[[Site, Sink, str], dict[str, str]]] = {
    "timescaledb": _timescaledb,
    "influxdb": _influxdb,
    "iceberg": _iceberg,
}
