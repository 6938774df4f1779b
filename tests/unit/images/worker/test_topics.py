"""Every message goes one way, by its topic and by whether it can be read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images.worker import topics
from images.worker.settings import Topics
from images.worker.topics import Routed, route

ALL = Topics(("ef", "field/a"), None, "ef", True, "$kit/audit", "$SYS/brokers")
OT = Topics(ot="ot/ef")
READABLE = b"41.5"


@pytest.mark.parametrize(
    ("topic", "payload", "kafka", "key", "reason"),
    [
        ("ef/pump/flow", READABLE, "raw", "pump", None),
        ("ef/pump", READABLE, "raw", "pump", None),
        ("ef/pump/eventful/x", READABLE, "raw", "pump", None),
        ("ef/pump/flow", b"nope", "dead-letter", "pump", "not_json"),
        ("ef/pump/flow", b'{"unit": "\xb0C"}', "dead-letter", "pump", "not_json"),
        ("ef/pump/flow/", READABLE, "dead-letter", "pump", "empty_level"),
        ("ef//flow", READABLE, "dead-letter", None, "empty_level"),
        ("ef/", READABLE, "dead-letter", None, "empty_level"),
        ("ef/pump\n/flow\n", READABLE, "raw", "pump\n", None),
        ("ef/pump/event/start", READABLE, "events", "pump", None),
        ("ef/pump/event", READABLE, "events", "pump", None),
        ("ef/pump/event/start", b"{", "dead-letter", "pump", "not_json"),
        ("ef/pump/command/stop", READABLE, None, "pump", "command"),
        ("ef/pump/command\n/stop", READABLE, "raw", "pump", None),
        ("field/a/pump/flow", READABLE, "raw", "pump", None),
        ("field/b/pump/flow", READABLE, "dead-letter", None, "unknown_topic"),
        ("spBv1.0/ef/NDATA/node", b"\x00", "sparkplug", "node", None),
        ("spBv1.0/ef/DBIRTH/node/dev", b"\x00", "sparkplug", "node", None),
        ("spBv1.0/ef/NCMD/node", b"\x00", None, "node", "command"),
        ("spBv1.0/ef/DCMD//dev", b"\x00", None, None, "command"),
        ("spBv1.0/ef/NDATA/", b"\x00", "dead-letter", None, "empty_level"),
        ("spBv1.0/ef//node", b"\x00", "dead-letter", "node", "empty_level"),
        ("spBv1.0/ef/NDATA", b"\x00", "dead-letter", None, "not_sparkplug"),
        ("spBv1.0/ef/NDATA\n/node", b"\x00", "dead-letter", "node", "not_sparkplug"),
        ("spBv1.0/other/NDATA/node", b"\x00", "dead-letter", None, "unknown_topic"),
        ("spBv1.0/STATE/kit", b'{"online":true}', "events", "kit", None),
        ("spBv1.0/STATE/kit", b"ONLINE", "dead-letter", "kit", "not_json"),
        ("spBv1.0/STATE/", b"{}", "dead-letter", None, "empty_level"),
        ("STATE/kit", b"ONLINE", "events", "kit", None),
        ("STATE/kit", b"online", "dead-letter", "kit", "not_a_state"),
        ("STATE/", b"ONLINE", "dead-letter", None, "empty_level"),
        ("$kit/audit/connected", b'{"client":"pump"}', "audit", "pump", None),
        ("$kit/audit/connected", b'{"client":""}', "audit", None, None),
        ("$kit/audit/connected", b"[" * 2000 + b"]" * 2000, "audit", None, None),
        ("$kit/audit/connected", b"x", "dead-letter", None, "not_json"),
        ("$SYS/brokers/n@h/stats/connections.count", b"8", "metrics", "n@h/stats/connections.count", None),
        ("$SYS/brokers/n@h/stats/x", b"8\n", "dead-letter", "n@h/stats/x", "not_a_number"),
        ("$delayed/60/ef/pump/flow", READABLE, "dead-letter", None, "held_back"),
        ("somewhere", READABLE, "dead-letter", None, "unknown_topic"),
    ],
)
def test_a_message_goes_where_its_topic_says(
    topic: str, payload: bytes, kafka: str | None, key: str | None, reason: str | None
) -> None:
    found = route(topic, payload, ALL, "now")

    assert (found.topic, found.key, found.reason) == (kafka, key, reason)


def test_the_ot_mirrors_topics_have_a_kafka_topic_of_their_own() -> None:
    assert route("ot/ef/pt-1204/value", READABLE, OT) == Routed("ot", "pt-1204", "pt-1204", "ot/ef")
    assert route("ot/ef/pt-1204/command/x", READABLE, OT).topic == "ot"
    assert route("ot/ef/", READABLE, OT).reason == "empty_level"
    assert route("ef/pump/flow", READABLE, OT).reason == "unknown_topic"


def test_a_host_state_by_2_2_is_written_as_json() -> None:
    value = route("STATE/kit", b"OFFLINE", ALL, "now").value

    assert value is not None
    assert json.loads(value) == {"state": "OFFLINE", "host": "kit", "topic": "STATE/kit", "received": "now"}


def test_a_sparkplug_message_is_of_its_device_and_keyed_by_its_node() -> None:
    found = route("spBv1.0/ef/DDATA/node/dev", b"", ALL)

    assert (found.key, found.device) == ("node", "node/dev")
    assert found.levels == ("spBv1.0", "ef", "DDATA", "node", "dev")


def test_filters_are_those_of_what_is_routed() -> None:
    assert topics.filters(OT) == ("ot/ef/+/#",)
    assert topics.filters(ALL) == (
        "ef/+/#",
        "field/a/+/#",
        "spBv1.0/ef/+/+/#",
        "spBv1.0/STATE/+",
        "STATE/+",
        "$delayed/#",
        "$kit/audit/#",
        "$SYS/brokers/+/stats/#",
        "$SYS/brokers/+/metrics/#",
    )


LEVELS = st.sampled_from(
    [
        "",
        "ef",
        "field",
        "a",
        "spBv1.0",
        "NDATA",
        "NCMD",
        "STATE",
        "event",
        "command",
        "\n",
        "+",
        "#",
        "$SYS",
        "brokers",
    ]
) | st.text(max_size=3)


@given(st.lists(LEVELS, min_size=1, max_size=6).map("/".join), st.binary(max_size=8))
def test_no_topic_and_no_payload_is_without_a_way(topic: str, payload: bytes) -> None:
    found = route(topic, payload, ALL)

    assert found.topic in {"raw", "events", "sparkplug", "audit", "metrics", "dead-letter", None}
    assert (found.reason is not None) == (found.topic in {"dead-letter", None})
    assert found.key != ""
