"""The broker's way to Kafka: a client of its own (enterprise), or over the Kafka bridge (opensource)."""

import base64
import json
from datetime import date
from typing import Any

import pytest

from components.emqx_configuration import document
from components.recording import Composition
from components.requirements import needed_apis
from components.settings import Settings
from model import Site, load_site, neighbours, record_size, stream_capacity
from model.ingest import DEAD_LETTER, TOPICS, routes
from model.promotion.chain import Chain
from model.scaling import Autoscaling
from model.units import Percentage
from model.warnings import warnings_of
from tests.support.composing import compose
from tests.support.emqx_schema import EmqxSchema
from tests.support.variants import STACKS, Variants

EDITIONS = ("opensource", "enterprise")
# What the broker says of itself: nobody who connects waits for that.
OWN = ("audit", "metrics")


def told(site: Site, settings: Settings) -> Any:
    return document(site, settings)


@pytest.mark.parametrize("edition", EDITIONS)
def test_each_rule_leads_to_an_action_that_is_there_and_each_action_to_its_connector(
    edition: str, variants: Variants, settings: Settings
) -> None:
    for site in variants("pilot", edition):
        values = told(site, settings)
        (kind,) = values["actions"]
        named = {f"{kind}:{name}" for name in values["actions"][kind]}
        rules = values["rule_engine"]["rules"]
        assert {action for rule in rules.values() for action in rule["actions"]} == named
        assert set(rules) == {route.name for route in routes(site)}
        connectors = values["connectors"][kind]
        assert {action["connector"] for action in values["actions"][kind].values()} == set(connectors)


def test_the_enterprise_edition_writes_kafka_itself_with_every_copy_and_a_bounded_buffer(
    variants: Variants, settings: Settings
) -> None:
    for site in variants("pilot", "enterprise"):
        values = told(site, settings)
        (connector,) = values["connectors"]["kafka_producer"].values()
        assert connector["bootstrap_hosts"] == "core-kafka-bootstrap.kafka.svc:9093"
        assert connector["authentication"]["mechanism"] == "scram_sha_512"
        assert connector["authentication"]["password"].startswith("file:///mounted/kafka/")
        assert connector["ssl"]["verify"] == "verify_peer"
        for action in values["actions"]["kafka_producer"].values():
            assert action["parameters"]["required_acks"] == "all_isr"
            assert action["parameters"]["buffer"]["mode"] == "disk"
        assert compose(site).of("KafkaBridge") == []


@pytest.mark.parametrize("edition", EDITIONS)
def test_what_waits_for_kafka_stays_within_the_nodes_buffer(
    edition: str, variants: Variants, settings: Settings
) -> None:
    for site in variants("pilot", edition):
        values, topics = told(site, settings), {topic.name: topic for topic in site.streams.topics}
        if edition == "enterprise":
            waiting = sum(
                _bytes(action["parameters"]["buffer"]["per_partition_limit"])
                * stream_capacity.partitions(site, topics[name.replace("_", "-")])
                for name, action in values["actions"]["kafka_producer"].items()
            )
        else:
            waiting = sum(
                _bytes(action["resource_opts"]["max_buffer_bytes"])
                * action["resource_opts"]["worker_pool_size"]
                for action in values["actions"]["http"].values()
            )
        assert waiting <= stream_capacity.waiting(site).count
        # Each queue takes its largest record, whatever its share; that is no more than so much again.
        assert waiting <= stream_capacity.buffer(site).count * 2


def _bytes(text: str) -> int:
    return int(text.removesuffix("MB")) * 2**20


def delivering(site: Site, delivery: str) -> Site:
    """The site with another way of delivery."""
    streams = site.streams.model_copy(update={"delivery": delivery})
    return site.model_copy(update={"streams": streams})


@pytest.mark.parametrize("delivery", ["ordered", "awaited", "unordered"])
def test_order_is_kept_by_one_in_flight_and_no_client_waits_unless_that_is_asked_for(
    delivery: str, variants: Variants, settings: Settings
) -> None:
    ordered = delivery != "unordered"
    for site in variants("pilot", "enterprise"):
        actions = told(delivering(site, delivery), settings)["actions"]["kafka_producer"]
        for name, action in actions.items():
            parameters, awaited = action["parameters"], delivery == "awaited" and name not in OWN
            assert parameters["partition_strategy"] == "key_dispatch"
            assert parameters["max_inflight"] == (1 if ordered else 10)
            assert parameters["query_mode"] == ("sync" if awaited else "async")
            assert parameters.get("sync_query_timeout") == ("5s" if awaited else None)
    for site in variants("pilot", "opensource"):
        values = told(delivering(site, delivery), settings)
        for connector in values["connectors"]["http"].values():
            assert (connector["pool_type"], connector["enable_pipelining"]) == (
                ("hash", 1) if ordered else ("random", stream_capacity.UNORDERED_INFLIGHT)
            )
        for name, action in values["actions"]["http"].items():
            options = action["resource_opts"]
            awaited = delivery == "awaited" and name.removesuffix("_json") not in OWN
            assert options["query_mode"] == ("sync" if awaited else "async")
            assert options["inflight_window"] == (1 if ordered else stream_capacity.UNORDERED_INFLIGHT)
            # What waits is bounded by its bytes alone; what a client waits for ends.
            assert options["request_ttl"] == ("5s" if awaited else "infinity")


@pytest.mark.parametrize("delivery", ["ordered", "awaited", "unordered"])
@pytest.mark.parametrize("edition", EDITIONS)
def test_emqx_knows_every_key_of_each_delivery(
    edition: str, delivery: str, variants: Variants, settings: Settings
) -> None:
    schema = EmqxSchema.load(edition)
    for site in variants("pilot", edition):
        assert schema.problems(told(delivering(site, delivery), settings)) == []


def test_rules_see_what_the_broker_says_of_itself(composition: Composition, settings: Settings) -> None:
    engine = told(composition.site, settings)["rule_engine"]
    # EMQX leaves `$SYS/` out otherwise.
    assert engine["ignore_sys_message"] is False
    sources = [rule["sql"].split(" FROM ")[1].split(" WHERE ")[0] for rule in engine["rules"].values()]
    assert '"$SYS/brokers/+/stats/#", "$SYS/brokers/+/metrics/#"' in sources
    assert all(not source.startswith(('"#', '"+')) for source in sources)


def test_by_default_a_client_never_waits_for_kafka(composition: Composition, settings: Settings) -> None:
    """EMQX runs rules in the process of the client, and a synchronous action holds it."""
    assert composition.site.streams.delivery == "ordered"
    values = told(composition.site, settings)
    for action in values["actions"].get("http", {}).values():
        assert action["resource_opts"]["query_mode"] == "async"
    for action in values["actions"].get("kafka_producer", {}).values():
        assert action["parameters"]["query_mode"] == "async"


def test_each_worker_of_a_format_has_a_connection(variants: Variants, settings: Settings) -> None:
    for delivery in ("ordered", "unordered"):
        for site in variants("pilot", "opensource"):
            values = told(delivering(site, delivery), settings)
            for name, connector in values["connectors"]["http"].items():
                workers = sum(
                    action["resource_opts"]["worker_pool_size"]
                    for action in values["actions"]["http"].values()
                    if action["connector"] == name
                )
                assert connector["pool_size"] == workers


def test_the_pools_carry_the_peak_with_one_node_lost(variants: Variants, settings: Settings) -> None:
    for site in variants("pilot", "opensource"):
        values = told(site, settings)
        shares = {topic.name: topic.share.ratio for topic in site.streams.topics}
        for name, connector in values["connectors"]["http"].items():
            topics = [
                action["parameters"]["path"].rsplit(".", 1)[1]
                for action in values["actions"]["http"].values()
                if action["connector"] == name
            ]
            peak = sum(site.broker.load.messages.count * shares[topic] for topic in topics)
            carried = connector["pool_size"] * stream_capacity.REQUESTS_PER_SECOND * (site.broker.serving - 1)
            assert carried >= peak


def test_a_hashed_pool_finds_its_connection_by_the_client(
    eagle_ford: Composition, settings: Settings
) -> None:
    for rule in told(eagle_ford.site, settings)["rule_engine"]["rules"].values():
        assert rule["sql"].split(" FROM ")[0].endswith(", timestamp, clientid")


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_largest_message_fits_the_whole_way(edition: str, variants: Variants, settings: Settings) -> None:
    for site in variants("pilot", edition):
        values, made = told(site, settings), compose(site)
        taken = {
            entry.spec["topicName"].rsplit(".", 1)[1]: entry.spec["config"].get("max.message.bytes", 0)
            for entry in made.of("KafkaTopic")
        }
        largest = site.broker.protection.largest_message.count
        for topic in ("raw", "sparkplug", "events", "dead-letter"):
            # Topic, client id, name and key come on top, each up to 64 KiB.
            assert taken[topic] >= largest + 4 * 65_535 + 100
        if edition == "enterprise":
            for action in values["actions"]["kafka_producer"].values():
                topic = action["parameters"]["topic"].rsplit(".", 1)[1]
                assert _kilobytes(action["parameters"]["max_batch_bytes"]) < taken[topic]
                assert _bytes(action["parameters"]["buffer"]["per_partition_limit"]) >= (
                    record_size.largest_record(site, topic)
                )
            continue
        config = made.one("KafkaBridge").spec["producer"]["config"]
        # The dead letters' topic takes more, which the sinks bring there.
        assert config["max.request.size"] >= max(taken[topic] for topic in TOPICS if topic != DEAD_LETTER)
        assert config["max.request.size"] >= record_size.largest_record(site, DEAD_LETTER)
        for action in values["actions"]["http"].values():
            topic = action["parameters"]["path"].rsplit(".", 1)[1]
            request = record_size.largest_request(site, topic)
            assert _bytes(action["resource_opts"]["max_buffer_bytes"]) >= request


def _kilobytes(text: str) -> int:
    return int(text.removesuffix("KB")) * 2**10


def test_each_record_format_has_a_connector_of_its_own(eagle_ford: Composition, settings: Settings) -> None:
    values = told(eagle_ford.site, settings)
    kinds = {name: entry["headers"]["content-type"] for name, entry in values["connectors"]["http"].items()}
    assert kinds == {
        "kafka_json": "application/vnd.kafka.json.v2+json",
        "kafka_bytes": "application/vnd.kafka.binary.v2+json",
    }
    for action in values["actions"]["http"].values():
        assert action["parameters"]["headers"]["content-type"] == kinds[action["connector"]]


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [("raw", '{"flow": 1.5}', {"flow": 1.5}), ("sparkplug", "CAESAA==", "CAESAA==")],
)
def test_a_filled_in_request_is_a_record_as_the_bridge_reads_it(
    rule: str, value: str, expected: Any, eagle_ford: Composition, settings: Settings
) -> None:
    values = told(eagle_ford.site, settings)
    (action,) = values["rule_engine"]["rules"][rule]["actions"]
    kind, name = action.split(":")
    request = values["actions"][kind][name]["parameters"]
    key = '"pump 7"' if rule == "raw" else "cHVtcCA3"
    filled = request["body"].replace("${record_key}", key).replace("${record_value}", value)
    for header in ("topic", "client", "name"):
        filled = filled.replace(f"${{header_{header}}}", base64.b64encode(header.encode()).decode())
    (record,) = json.loads(filled)["records"]
    assert record["value"] == expected
    assert [entry["key"] for entry in record["headers"]] == ["topic", "client", "name"]
    assert request["path"] == f"/topics/eagle-ford.{'raw' if rule == 'raw' else 'sparkplug'}"


def test_sparkplug_is_decoded_in_the_enterprise_edition_alone(variants: Variants, settings: Settings) -> None:
    for edition in EDITIONS:
        for site in variants("pilot", edition):
            sql = told(site, settings)["rule_engine"]["rules"]["sparkplug"]["sql"]
            assert ("spb_decode(payload)" in sql) is (edition == "enterprise")
            assert ("schema_check(" in sql) is (edition == "enterprise")


@pytest.mark.parametrize(
    ("version", "function"),
    [
        ("5.8.7", "sparkplug_decode"),
        ("5.8.9", "spb_decode"),
        ("5.9.2", "sparkplug_decode"),
        ("5.9.3", "spb_decode"),
        ("5.10.0", "sparkplug_decode"),
        ("5.10.4", "spb_decode"),
        ("6.0.3", "spb_decode"),
        ("6.3.1", "spb_decode"),
    ],
)
def test_metrics_of_bytes_survive_where_emqx_can_decode_them(
    settings: Settings, version: str, function: str
) -> None:
    sample = load_site(STACKS, "north-cormorant")
    broker = sample.broker.model_copy(update={"version": version})
    site = sample.model_copy(update={"broker": broker})
    sql = told(site, settings)["rule_engine"]["rules"]["sparkplug"]["sql"]
    assert f"json_encode({function}(payload))" in sql
    warned = "\n".join(warnings_of(site, Chain(site.name, ()), date(2026, 11, 25)))
    assert ("Bytes and File" in warned) is (function == "sparkplug_decode")


def test_the_bridge_has_tls_on_both_sides_and_produces_only(eagle_ford: Composition) -> None:
    spec = eagle_ford.one("KafkaBridge").spec
    assert spec["http"]["tls"]["certificateAndKey"]["secretName"] == "kafka-bridge-tls"
    assert spec["bootstrapServers"] == "core-kafka-bootstrap.kafka.svc:9093"
    assert spec["authentication"]["username"] == "eagle-ford-broker"
    assert spec["tls"]["trustedCertificates"]
    assert (spec["consumer"]["enabled"], spec["producer"]["enabled"]) == (False, True)
    assert spec["producer"]["config"]["acks"] == "all"
    assert spec["resources"]["limits"] == {"memory": "512Mi"}


def test_the_broker_asks_the_bridge_under_the_name_in_its_certificate(
    eagle_ford: Composition, settings: Settings
) -> None:
    (name,) = eagle_ford.one("Certificate", "kafka-bridge-tls").spec["dnsNames"]
    for connector in told(eagle_ford.site, settings)["connectors"]["http"].values():
        assert connector["url"] == f"https://{name}:8443"


def test_only_the_broker_reaches_the_bridge_and_the_bridge_only_kafka(eagle_ford: Composition) -> None:
    bridge = eagle_ford.one("NetworkPolicy", "kafka-bridge").spec
    (door,) = bridge["ingress"]
    assert door["from"][0]["podSelector"]["matchLabels"]["apps.emqx.io/instance"] == "broker"
    (out,) = bridge["egress"]
    (peer,) = out["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kafka"}
    assert out["ports"] == [{"protocol": "TCP", "port": 9093}]


def test_a_bridge_that_scales_itself_begins_with_a_number_and_then_leaves_it_to_the_autoscaler(
    eagle_ford: Composition,
) -> None:
    site = scaling(eagle_ford.site)
    composition = compose(site)
    made = composition.one("KafkaBridge")
    # Strimzi's definition asks for a number.
    assert (made.spec["replicas"], made.ignore_changes) == (5, ("spec.replicas",))
    spec = composition.one("HorizontalPodAutoscaler").spec
    assert spec["scaleTargetRef"] == {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaBridge",
        "name": "kafka",
    }
    assert (spec["minReplicas"], spec["maxReplicas"]) == (5, 8)
    assert "HorizontalPodAutoscaler" in {api.kind for api in needed_apis(site)}


def test_bridges_are_as_many_as_the_site_writes_or_the_peak_asks_for(eagle_ford: Composition) -> None:
    made = eagle_ford.one("KafkaBridge")
    assert (made.spec["replicas"], made.ignore_changes) == (neighbours.bridges(eagle_ford.site), ())
    bridge = eagle_ford.site.streams.bridge.model_copy(update={"replicas": 9})
    streams = eagle_ford.site.streams.model_copy(update={"bridge": bridge})
    written = compose(eagle_ford.site.model_copy(update={"streams": streams}))
    assert written.one("KafkaBridge").spec["replicas"] == 9


def scaling(site: Site) -> Site:
    """The site with bridges that scale themselves."""
    wanted = Autoscaling(maximum=8, cpu=Percentage.parse("70%"))
    bridge = site.streams.bridge.model_copy(update={"autoscaling": wanted})
    return site.model_copy(update={"streams": site.streams.model_copy(update={"bridge": bridge})})
