"""The broker's way to Kafka: a client of its own (enterprise), or over the Kafka bridge (opensource)."""

import base64
import json
from typing import Any

import pytest

from components.emqx_configuration import document
from components.recording import Composition
from components.requirements import needed_apis
from components.settings import Settings
from model import Site, stream_capacity
from model.ingest import routes
from model.scaling import Autoscaling
from model.units import Percentage
from tests.support.composing import compose
from tests.support.variants import Variants

EDITIONS = ("opensource", "enterprise")


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
        # A worker has a megabyte at least.
        least = 2**20 * stream_capacity.WORKERS[0] * 2
        assert waiting <= stream_capacity.buffer(site).count + least


def _bytes(text: str) -> int:
    return int(text.removesuffix("MB")) * 2**20


@pytest.mark.parametrize("ordered", [True, False])
def test_order_costs_throughput_and_is_kept_by_one_request_at_a_time(
    ordered: bool, variants: Variants, settings: Settings
) -> None:
    for edition in EDITIONS:
        for site in variants("pilot", edition):
            streams = site.streams.model_copy(update={"ordered": ordered})
            values = told(site.model_copy(update={"streams": streams}), settings)
            if edition == "enterprise":
                for action in values["actions"]["kafka_producer"].values():
                    assert action["parameters"]["partition_strategy"] == "key_dispatch"
                    assert (action["parameters"]["max_inflight"] == 1) is ordered
                continue
            for connector in values["connectors"]["http"].values():
                assert (connector["pool_type"], connector["enable_pipelining"] == 1) == (
                    ("hash", True) if ordered else ("random", False)
                )
            for action in values["actions"]["http"].values():
                options = action["resource_opts"]
                assert (options["query_mode"], options["inflight_window"]) == (
                    ("sync", 1) if ordered else ("async", stream_capacity.UNORDERED_INFLIGHT)
                )
                # It waits as long as its bytes allow, and is not thrown away earlier.
                assert options["request_ttl"] == "infinity"


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
            assert ("sparkplug_decode(payload)" in sql) is (edition == "enterprise")
            assert ("schema_check(" in sql) is (edition == "enterprise")


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
    assert (made.spec["replicas"], made.ignore_changes) == (2, ("spec.replicas",))
    spec = composition.one("HorizontalPodAutoscaler").spec
    assert spec["scaleTargetRef"] == {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaBridge",
        "name": "kafka",
    }
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 6)
    assert "HorizontalPodAutoscaler" in {api.kind for api in needed_apis(site)}


def test_a_bridge_that_does_not_scale_itself_has_the_number_of_the_site(eagle_ford: Composition) -> None:
    made = eagle_ford.one("KafkaBridge")
    assert (made.spec["replicas"], made.ignore_changes) == (2, ())


def scaling(site: Site) -> Site:
    """The site with bridges that scale themselves."""
    wanted = Autoscaling(maximum=6, cpu=Percentage.parse("70%"))
    bridge = site.streams.bridge.model_copy(update={"autoscaling": wanted})
    return site.model_copy(update={"streams": site.streams.model_copy(update={"bridge": bridge})})
