"""The stores behind Kafka: each sink reads as its own user, loses nothing silently, and no secret is in a resource."""

import re
from collections.abc import Iterator

import pytest

from components.recording import Composition
from components.registered import Registered
from components.sink_connectors import JSON_TEXT, MOUNTS
from model.site import Site
from tests.support.composing import compose
from tests.support.variants import Variants

CLIENTS = ("consumer", "producer", "admin")


def connectors(composition: Composition) -> Iterator[tuple[Registered, dict[str, str]]]:
    for made in composition.of("KafkaConnector"):
        yield made, made.spec["config"]


def test_there_is_a_connector_for_each_topic_of_each_sink(composition: Composition) -> None:
    wanted = [(sink.name, topic) for sink in composition.site.streams.sinks for topic in sink.topics]
    made = {made.metadata["name"]: config["topics"] for made, config in connectors(composition)}
    assert made == {f"{name}-{topic}": f"{composition.site.name}.{topic}" for name, topic in wanted}
    assert composition.outputs["connectors"] == [f"{name}-{topic}" for name, topic in wanted]


def test_a_connector_reads_and_writes_as_its_sinks_user_alone(composition: Composition) -> None:
    site = composition.site
    for sink in site.streams.sinks:
        for topic in sink.topics:
            config = composition.one("KafkaConnector", f"{sink.name}-{topic}").spec["config"]
            logins = {config[f"{client}.override.sasl.jaas.config"] for client in CLIENTS}
            (login,) = logins
            assert f'username="{site.name}-{sink.user}"' in login
            assert f'password="${{directory:{MOUNTS}/{sink.name}:kafka-password}}"' in login


def test_its_user_may_do_what_the_connector_does_and_no_more(composition: Composition) -> None:
    site = composition.site
    for sink in site.streams.sinks:
        acls = composition.one("KafkaUser", f"{site.name}-{sink.user}").spec["authorization"]["acls"]
        granted = {(acl["resource"]["type"], acl["resource"]["name"]): acl for acl in acls}
        needed: set[tuple[str, str]] = set()
        for topic in sink.topics:
            config = composition.one("KafkaConnector", f"{sink.name}-{topic}").spec["config"]
            group = config["consumer.override.group.id"]
            needed |= {("topic", config["topics"]), ("group", group)}
            needed.add(("topic", config["errors.deadletterqueue.topic.name"]))
            if sink.iceberg is not None:
                assert config["iceberg.connect.group-id"] == group
                needed.add(("topic", config["iceberg.control.topic"]))
                prefix = config["iceberg.coordinator.transactional.prefix"]
                needed.add(("transactionalId", prefix))
                # The coordinator's group, and those of the tasks.
                assert f"{group}-coord".startswith(group)
                assert config["iceberg.control.group-id-prefix"].startswith(group)
        assert granted.keys() == needed


def test_what_a_store_does_not_take_goes_to_the_dead_letters_with_its_reason(
    composition: Composition,
) -> None:
    for _, config in connectors(composition):
        assert config["errors.tolerance"] == "all"
        assert config["errors.deadletterqueue.topic.name"] == f"{composition.site.name}.dead-letter"
        assert config["errors.deadletterqueue.context.headers.enable"] == "true"
        assert config["errors.log.include.messages"] == "false"


def test_every_secret_is_a_reference_into_a_mounted_folder(composition: Composition) -> None:
    workers = composition.one("KafkaConnect").spec
    mounted = {entry["mountPath"] for entry in workers["template"]["connectContainer"]["volumeMounts"]}
    assert workers["config"]["config.providers.directory.param.allowed.paths"] == MOUNTS
    for _, config in connectors(composition):
        for key, value in config.items():
            if re.search(r"password|credential|access-key|secret", key):
                (path,) = re.findall(r"^\$\{directory:([^:]+):[a-z-]+\}$", value)
                assert path in mounted
            for path in re.findall(r"\$\{directory:([^:]+):", value):
                assert path in mounted


def test_the_workers_own_user_has_no_right_to_the_sites_records(composition: Composition) -> None:
    site = composition.site
    acls = composition.one("KafkaUser", f"{site.name}-connect").spec["authorization"]["acls"]
    own = {f"{site.name}.connect-{kept}" for kept in ("configs", "offsets", "status")}
    assert {acl["resource"]["name"] for acl in acls} == own | {f"{site.name}-connect"}
    workers = composition.one("KafkaConnect").spec
    topics = {workers[f"{kept}StorageTopic"] for kept in ("config", "offset", "status")}
    assert topics == own
    for name in own:
        assert composition.one("KafkaTopic", name).spec["config"]["cleanup.policy"] == "compact"


@pytest.mark.parametrize(
    ("phase", "state"), [("pilot", "stopped"), ("parallel", "running"), ("cutover", "running")]
)
def test_a_sink_runs_from_the_phase_on_in_which_its_user_reads(
    phase: str, state: str, variants: Variants
) -> None:
    for site in variants(phase):
        composition = compose(site)
        assert {made.spec["state"] for made in composition.of("KafkaConnector")} == {state}


@pytest.mark.parametrize(
    ("edition", "converter"),
    [("opensource", "org.apache.kafka.connect.converters.ByteArrayConverter"), ("enterprise", JSON_TEXT)],
)
def test_sparkplug_is_read_as_bytes_where_the_broker_does_not_decode_it(
    edition: str, converter: str, variants: Variants
) -> None:
    sites = [site for site in variants("parallel", edition) if site.name != "north-cormorant"]
    for site in sites:
        composition = compose(site)
        read = composition.one("KafkaConnector", "edge-sparkplug").spec["config"]["value.converter"]
        assert read == converter


def test_what_a_database_would_refuse_is_refused_before_it(composition: Composition) -> None:
    """Debezium has no dead letters for a row that is refused: its task stops."""
    for sink in composition.site.streams.sinks:
        config = composition.one("KafkaConnector", f"{sink.name}-{sink.topics[0]}").spec["config"]
        text = "raw" in sink.topics
        assert (config["value.converter"] == JSON_TEXT) == (text and sink.store == "timescaledb")


def test_a_database_that_is_away_is_asked_again_for_less_time_than_kafka_gives_up_a_consumer(
    eagle_ford: Composition,
) -> None:
    config = eagle_ford.one("KafkaConnector", "historian-raw").spec["config"]
    # Without it Debezium fails at the first connection that is refused.
    assert config["connection.restart.on.errors"] == "true"
    waited = int(config["flush.max.retries"]) * int(config["flush.retry.delay.ms"])
    assert 180_000 <= waited < 300_000


def test_a_task_has_one_session_in_the_database(eagle_ford: Composition) -> None:
    config = eagle_ford.one("KafkaConnector", "historian-raw").spec["config"]
    assert {config["connection.pool.min_size"], config["connection.pool.max_size"]} == {"1"}


def test_a_failed_task_is_started_again_without_end(composition: Composition) -> None:
    for made, _ in connectors(composition):
        assert made.spec["autoRestart"] == {"enabled": True}


def test_an_error_of_the_database_does_not_tell_the_row(eagle_ford: Composition) -> None:
    config = eagle_ford.one("KafkaConnector", "historian-raw").spec["config"]
    assert "logServerErrorDetail=false" in config["connection.url"]


def test_times_are_written_in_one_zone_whatever_the_workers_is(composition: Composition) -> None:
    properties = composition.one("KafkaConnect").spec["jvmOptions"]["javaSystemProperties"]
    assert properties == [{"name": "user.timezone", "value": "UTC"}]


def test_a_record_that_is_written_twice_is_the_same_row(eagle_ford: Composition) -> None:
    config = eagle_ford.one("KafkaConnector", "historian-raw").spec["config"]
    assert config["insert.mode"] == "upsert"
    fields = {value for key, value in config.items() if re.fullmatch(r"transforms\.place\..*\.field", key)}
    assert set(config["primary.key.fields"].split(",")) == fields
    assert "sslmode=verify-full" in config["connection.url"]


def test_the_workers_reach_kafka_and_the_stores_and_few_reach_them(
    composition: Composition,
) -> None:
    (policy,) = (made for made in composition.of("NetworkPolicy") if made.metadata["name"] == "sinks")
    assert policy.spec["podSelector"]["matchLabels"] == {
        "strimzi.io/cluster": "sinks",
        "strimzi.io/kind": "KafkaConnect",
    }
    for ingress in policy.spec["ingress"]:
        assert all(peer.keys() <= {"namespaceSelector", "podSelector"} for peer in ingress["from"])
    ports = {ingress["ports"][0]["port"]: ingress["from"] for ingress in policy.spec["ingress"]}
    assert ports.keys() == {8083, 9404}
    # What a worker tells of itself goes to Prometheus alone.
    (looks,) = ports[9404]
    assert composition.site.platform.prometheus_namespace in str(looks["namespaceSelector"])
    # Where each store is: tests/unit/components/test_network_destinations.py.
    assert all(rule["to"] for rule in policy.spec["egress"])


def test_a_site_without_sinks_has_no_workers(eagle_ford: Composition) -> None:
    streams = eagle_ford.site.streams.model_copy(update={"sinks": ()})
    bare = compose(Site.model_construct(None, **{**dict(eagle_ford.site), "streams": streams}))
    assert not [*bare.of("KafkaConnect"), *bare.of("KafkaConnector")]
    assert not [made for made in bare.of("KafkaTopic") if ".connect-" in made.metadata["name"]]
    assert bare.outputs["connectors"] == []


def test_what_a_sink_refuses_fits_its_request_and_the_dead_letters_topic(composition: Composition) -> None:
    topics = {made.metadata["name"]: made.spec["config"] for made in composition.of("KafkaTopic")}
    site = composition.site
    taken = int(topics[f"{site.name}.dead-letter"]["max.message.bytes"])
    for connector in composition.of("KafkaConnector"):
        read = int(topics[connector.spec["config"]["topics"]]["max.message.bytes"])
        assert read < int(connector.spec["config"]["producer.override.max.request.size"]) <= taken
