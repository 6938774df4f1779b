"""EMQX's data integration: connectors, actions, sources and the rules between them.

Source: the schema of EMQX 5.8.9, both editions; `rule_engine` is a valid root that the schema's dump leaves out.
"""

from typing import Annotated, Literal

from pydantic import Field

from model.emqx.section import Key, MountedFile, SecretFile, Section, SecureAddress
from model.units import Bytes, Duration

Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""Name of a connector, action, source or rule: what EMQX takes everywhere, in metrics too."""
Template = Annotated[str, Field(min_length=1)]
"""Text with EMQX's placeholders, `${…}`."""
Endless = Literal["infinity"]
ENTERPRISE = Key(editions=("enterprise",))


class ServerTls(Section):
    """TLS towards a server outside of the broker; its certificate is always checked."""

    enable: Literal[True] = True
    verify: Literal["verify_peer"] = "verify_peer"
    cacertfile: MountedFile
    certfile: MountedFile | None = None
    keyfile: MountedFile | None = None
    server_name_indication: str | None = None


class Checks(Section):
    """How often a connector, action or source is looked at."""

    health_check_interval: Duration


class Delivery(Section):
    """How an action delivers, and what waits while it cannot.

    `max_buffer_bytes` is of one worker. Without a `request_ttl` what waits is bounded by its bytes alone. What is
    `sync` holds the process of the client whose message it is, for the time of the request at most.
    """

    health_check_interval: Duration
    query_mode: Literal["sync", "async"]
    inflight_window: Count
    worker_pool_size: Annotated[int, Field(ge=1, le=1024)]
    max_buffer_bytes: Bytes
    request_ttl: Endless | Duration = "infinity"


class HttpConnector(Section):
    """Connections to Strimzi's Kafka bridge, of one record format: the bridge keeps to a connection's first."""

    url: SecureAddress
    headers: dict[str, str]
    pool_type: Literal["hash", "random"]
    pool_size: Count
    enable_pipelining: Count
    connect_timeout: Duration
    ssl: ServerTls
    resource_opts: Checks


class HttpParameters(Section):
    """One request."""

    method: Literal["post"] = "post"
    path: Template
    headers: dict[str, str]
    body: Template
    max_retries: Annotated[int, Field(ge=0)]


class HttpAction(Section):
    """Sends what a rule gives it."""

    connector: Name
    parameters: HttpParameters
    resource_opts: Delivery


class KafkaLogin(Section):
    """SCRAM, the password from a mounted file."""

    mechanism: Literal["scram_sha_512"] = "scram_sha_512"
    username: Template
    password: SecretFile


class KafkaConnector(Section):
    """Connections to Kafka."""

    bootstrap_hosts: Annotated[str, Field(pattern=r"^[a-z0-9.-]+:\d+(,[a-z0-9.-]+:\d+)*$")]
    authentication: KafkaLogin
    ssl: ServerTls
    resource_opts: Checks


class KafkaMessage(Section):
    """A record."""

    key: Template
    value: Template
    timestamp: Template = "${.timestamp}"


class ExtensionHeader(Section):
    """A header of each record."""

    kafka_ext_header_key: Template
    kafka_ext_header_value: Template


class KafkaBuffer(Section):
    """What waits while Kafka is away: on disk, or in a replicant's memory, up to a bound for each partition."""

    mode: Literal["disk", "memory"]
    per_partition_limit: Bytes
    segment_bytes: Bytes
    memory_overload_protection: Literal[True] = True


class KafkaParameters(Section):
    """How records are produced."""

    topic: Template
    message: KafkaMessage
    partition_strategy: Literal["key_dispatch"] = "key_dispatch"
    required_acks: Literal["all_isr"] = "all_isr"
    compression: Literal["no_compression", "snappy", "gzip"] = "snappy"
    max_batch_bytes: Bytes
    kafka_ext_headers: tuple[ExtensionHeader, ...]
    kafka_header_value_encode_mode: Literal["none"] = "none"
    max_inflight: Count
    query_mode: Literal["sync", "async"]
    sync_query_timeout: Duration | None = None
    buffer: KafkaBuffer


class KafkaAction(Section):
    """Produces what a rule gives it to one topic."""

    connector: Name
    parameters: KafkaParameters
    resource_opts: Checks


class MqttConnector(Section):
    """Connections to another MQTT broker, MQTT 5.

    EMQX asks for no session that outlives a connection. Without a clean start one is taken on while the other broker
    still holds it, because it has not noticed yet that the connection broke.
    """

    server: Annotated[str, Field(pattern=r"^[a-z0-9.-]+:\d+$")]
    proto_ver: Literal["v5"] = "v5"
    clean_start: bool
    clientid_prefix: Template
    username: Template
    password: SecretFile
    keepalive: Duration
    pool_size: Count
    ssl: ServerTls
    resource_opts: Checks


class Subscription(Section):
    """What is asked of the other broker."""

    topic: Template
    qos: Literal[1] = 1
    """The highest that EMQX takes from another broker: it makes 1 of 2. A message comes with its own or this, whichever
    is lower."""
    no_local: Literal[True] | None = None


class MqttSource(Section):
    """Messages that come from the other broker."""

    connector: Name
    parameters: Subscription
    resource_opts: Checks


class Publication(Section):
    """What is published at the other broker."""

    topic: Template
    qos: Template
    retain: Template
    payload: Template


class MqttAction(Section):
    """Messages that go to the other broker."""

    connector: Name
    parameters: Publication
    resource_opts: Delivery


class Connectors(Section):
    """Connectors by kind and name."""

    http: dict[str, HttpConnector] | None = None
    kafka_producer: Annotated[dict[str, KafkaConnector] | None, ENTERPRISE] = None
    mqtt: dict[str, MqttConnector] | None = None


class Actions(Section):
    """Actions by kind and name."""

    http: dict[str, HttpAction] | None = None
    kafka_producer: Annotated[dict[str, KafkaAction] | None, ENTERPRISE] = None
    mqtt: dict[str, MqttAction] | None = None


class Sources(Section):
    """Sources by kind and name."""

    mqtt: dict[str, MqttSource] | None = None


class Republication(Section):
    """The message that a rule publishes at this broker."""

    topic: Template
    qos: Template | Literal[1]
    retain: Template | Literal[False]
    payload: Template
    user_properties: Literal["${pub_props.'User-Property'}"] | None = "${pub_props.'User-Property'}"
    """The message's own; EMQX leaves them out unless it is told. None for what comes of no message."""


class Republish(Section):
    """An action of EMQX's own: publish at this broker."""

    function: Literal["republish"] = "republish"
    args: Republication


class Rule(Section):
    """Which messages go to which actions, and how they look then."""

    sql: Template
    actions: Annotated[tuple[str | Republish, ...], Field(min_length=1)]
    description: str
    enable: Literal[True] = True


class Mark(Section):
    """A rule that never runs: its description says which configuration the broker has taken.

    The operator keeps what the broker took last; by this text it is found there, whatever form it has been given.
    """

    sql: Literal['SELECT topic FROM "configuration"'] = 'SELECT topic FROM "configuration"'
    actions: tuple[()] = ()
    description: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    enable: Literal[False] = False


class RuleEngine(Section):
    """The rules; they see what the broker says of itself under `$SYS/`, too, where one asks for it by name."""

    ignore_sys_message: Literal[False] = False
    rules: dict[str, Rule]
