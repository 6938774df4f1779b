"""Which message becomes a record of which topic: the rules' own conditions are evaluated, word for word."""

import json
from typing import Any

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from model import Site, load_site
from model.ingest import JSON_TEXT, TOPICS, Route, known, routes
from model.site import Asset
from tests.support.routing import taken, taken_event
from tests.support.rule_sql import WORDS, evaluated
from tests.support.variants import IMAGES, STACKS

FIELD = load_site(STACKS, "eagle-ford")
PATTERN = regex.compile(JSON_TEXT)
# JSON as people and machines write it, and texts near it.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TEXTS = st.builds(
    lambda value, indent, ascii_only: json.dumps(value, indent=indent, ensure_ascii=ascii_only),
    VALUES,
    st.sampled_from([None, 1]),
    st.booleans(),
)
NEAR = st.builds(
    lambda text, at, new: text[: at % (len(text) + 1)] + new + text[at % (len(text) + 1) + 1 :],
    TEXTS,
    st.integers(0, 200),
    st.sampled_from(["", ",", '"', "{", "]", "\\", "0", "-", ".", "e", "\x00", "\x0b", "x", ":"]),
)
LEVELS = st.text(st.sampled_from("abcp-1"), min_size=1, max_size=4) | st.sampled_from(
    ["event", "command", "command\n", "event\n", "\n"]
)
EMPTY = st.just("")


def is_json(text: str) -> bool:
    """Whether a strict reader takes it."""

    def refuse(_word: str) -> Any:
        raise ValueError

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


def in_enterprise(site: Site) -> Site:
    image = site.broker.image.model_copy(update={"repository": IMAGES["enterprise"]})
    broker = site.broker.model_copy(update={"edition": "enterprise", "image": image})
    return site.model_copy(update={"broker": broker})


# What EMQX 5.8 tells of each event, in both editions (emqx_rule_events); what a record may be made of is among them.
EVERY_EVENT = {"event", "timestamp", "node", "clientid", "username", "peername"}
EVENTS: dict[str, set[str]] = {
    "client_connected": {"keepalive", "proto_ver", "clean_start", "conn_props", "connected_at"},
    "client_disconnected": {"reason", "disconn_props", "disconnected_at"},
    "client_connack": {"reason_code", "keepalive", "clean_start", "conn_props"},
    "client_check_authz_complete": {"topic", "action", "authz_source", "result", "peerhost"},
}
# A client that nobody named: EMQX has no user name then.
SOMEBODY = {
    "clientid": "pump-7",
    "username": None,
    "peername": "10.40.1.7:50112",
    "node": "emqx@a",
    "timestamp": 5,
}


def names(found: list[Route]) -> set[str]:
    return {f"{route.topic}:{route.form}" for route in found}


@given(TEXTS)
def test_what_is_json_is_taken_as_json(text: str) -> None:
    assert PATTERN.search(text)


@given(NEAR)
def test_the_pattern_and_a_strict_reader_agree(text: str) -> None:
    # A lone half of a surrogate pair is JSON to the grammar.
    assert (PATTERN.search(text) is not None) == is_json(text)


@pytest.mark.parametrize(
    "text", ["", " ", "{", "{}{}", "NaN", "01", "+1", "[1,]", "{'a':1}", '"\t"', "\x0b{}"]
)
def test_what_is_no_json_is_not_taken_as_json(text: str) -> None:
    assert PATTERN.search(text) is None


def test_a_deep_or_long_text_is_judged_without_going_back() -> None:
    assert PATTERN.search(json.dumps([{"t": n, "v": n / 7} for n in range(5000)]))
    assert PATTERN.search('["' + "a" * 500_000 + '", 1') is None


@given(st.lists(LEVELS, min_size=1, max_size=4), TEXTS | NEAR)
def test_each_message_of_a_device_goes_one_way_and_a_command_none(levels: list[str], payload: str) -> None:
    found = taken(FIELD, "/".join(["eagle-ford", *levels]), payload)
    kind = levels[1] if len(levels) > 1 else ""
    if kind == "command":
        assert found == []
    elif not is_json(payload):
        assert names(found) == {"dead-letter:bytes"}
    else:
        assert names(found) == {"events:json" if kind == "event" else "raw:json"}


@given(st.lists(LEVELS | EMPTY, min_size=1, max_size=4).filter(lambda levels: "" in levels), TEXTS | NEAR)
def test_a_message_with_an_empty_level_is_a_dead_letter_with_a_key(levels: list[str], payload: str) -> None:
    for space in ("eagle-ford", "ot/eagle-ford"):
        topic = "/".join([space, *levels])
        found = taken(FIELD, topic, payload)
        kind = levels[1] if len(levels) > 1 else ""
        assert names(found) == (set() if kind == "command" else {"dead-letter:bytes"})
        assert [evaluated(route.key, {"topic": topic}) for route in found] == [levels[0]] * len(found)


@pytest.mark.parametrize(
    ("topic", "key"),
    [
        ("ot/eagle-ford/", ""),
        (
            "spBv1.0/eagle-ford//pad12-gw.gateways.eagle-ford.field.example",
            "pad12-gw.gateways.eagle-ford.field.example",
        ),
        ("spBv1.0/eagle-ford/NDATA/", ""),
        ("spBv1.0/eagle-ford/DDATA//pump", ""),
        ("spBv1.0/eagle-ford/DBIRTH/gw-1/", "gw-1"),
        ("spBv1.0/eagle-ford/NDATA\n/gw-1", "gw-1"),
        ("spBv1.0/eagle-ford/NCMD\n/gw-1", "gw-1"),
        ("spBv1.0/STATE/", ""),
    ],
)
def test_a_message_of_the_mirror_or_sparkplug_without_a_level_is_a_dead_letter(topic: str, key: str) -> None:
    for site in (FIELD, in_enterprise(FIELD)):
        found = taken(site, topic, "1")
        assert names(found) == {"dead-letter:bytes"}
        assert [evaluated(route.key, {"topic": topic}) for route in found] == [key]


@pytest.mark.parametrize("topic", ["spBv1.0/eagle-ford/NCMD/", "spBv1.0/eagle-ford/DCMD//pump"])
def test_a_command_is_no_data_whatever_level_it_lacks(topic: str) -> None:
    assert taken(FIELD, topic, "1") == []


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("NDATA", {"sparkplug:sparkplug"}),
        ("DBIRTH", {"sparkplug:sparkplug", "events:json"}),
        ("NDEATH", {"sparkplug:sparkplug", "events:json"}),
        ("NCMD", set()),
        ("DCMD", set()),
        ("NOISE", {"dead-letter:bytes"}),
    ],
)
def test_a_sparkplug_message_goes_by_its_kind(kind: str, expected: set[str]) -> None:
    for site in (FIELD, in_enterprise(FIELD)):
        assert names(taken(site, f"spBv1.0/eagle-ford/{kind}/gw-1/pump", "\x08\x01")) == expected


def test_a_sparkplug_message_that_cannot_be_decoded_is_kept_where_that_is_known() -> None:
    message = ("spBv1.0/eagle-ford/NDATA/gw-1", "no protobuf")
    assert names(taken(in_enterprise(FIELD), *message, readable=False)) == {"dead-letter:bytes"}
    assert names(taken(FIELD, *message, readable=False)) == {"sparkplug:sparkplug"}


def test_a_hosts_state_is_an_event_and_another_groups_messages_are_not_ours() -> None:
    assert names(taken(FIELD, "spBv1.0/STATE/scada", '{"online": true, "timestamp": 1}')) == {"events:json"}
    assert names(taken(FIELD, "spBv1.0/STATE/scada", "ONLINE")) == {"dead-letter:bytes"}
    assert taken(FIELD, "spBv1.0/baytown/NDATA/gw-1", "\x08") == []


def speaking(*versions: str) -> Site:
    (host,) = FIELD.policy.hosts
    hosts = (host.model_copy(update={"sparkplug": versions}),)
    return FIELD.model_copy(update={"policy": FIELD.policy.model_copy(update={"hosts": hosts})})


@pytest.mark.parametrize("word", ["ONLINE", "OFFLINE"])
def test_a_hosts_state_by_sparkplug_2_2_is_an_event_where_a_host_speaks_it(word: str) -> None:
    site = speaking("v3.0", "v2.2")
    (route,) = taken(site, "STATE/karnes", word)
    assert (route.topic, route.form) == ("events", "json")
    assert evaluated(route.key, {"topic": "STATE/karnes"}) == "karnes"
    message = {"topic": "STATE/karnes", "payload": word, "publish_received_at": 5}
    assert json.loads(evaluated(route.value or "", message)) == {
        "state": word,
        "host": "karnes",
        "topic": "STATE/karnes",
        "received": 5,
    }
    assert names(taken(site, "STATE/karnes", "online")) == {"dead-letter:bytes"}
    assert names(taken(site, "STATE/", word)) == {"dead-letter:bytes"}
    assert taken(speaking("v3.0"), "STATE/karnes", word) == []


@pytest.mark.parametrize("topic", ["$delayed/5/eagle-ford/pump-7/flow", "$delayed/x", "$delayed"])
def test_what_was_to_be_held_back_is_not_lost(topic: str) -> None:
    assert names(taken(FIELD, topic, "1")) == {"dead-letter:bytes"}


def test_what_the_ot_mirror_publishes_is_telemetry() -> None:
    assert names(taken(FIELD, "ot/eagle-ford/separator/pressure", "41.5")) == {"raw:json"}
    assert taken(FIELD, "ot/baytown/separator/pressure", "41.5") == []


def test_an_assets_own_space_is_taken_from_when_the_asset_takes_part() -> None:
    assets = tuple(
        Asset(name=asset.name, title=asset.title, topic_space=f"legacy/{asset.name}")
        for asset in FIELD.assets
    )
    site = FIELD.model_copy(update={"assets": assets})
    inside, outside = site.scope[0], next(a.name for a in assets if a.name not in site.scope)
    assert names(taken(site, f"legacy/{inside}/pump/flow", "1")) == {"raw:json"}
    assert taken(site, f"legacy/{outside}/pump/flow", "1") == []


@pytest.mark.parametrize(
    ("topic", "key"),
    [
        ("eagle-ford/pump-7.devices.x/flow", "pump-7.devices.x"),
        ("ot/eagle-ford/separator/pressure", "separator"),
        ("spBv1.0/eagle-ford/DDATA/gw-1/pump", "gw-1"),
    ],
)
def test_the_key_is_the_device_or_edge_node(topic: str, key: str) -> None:
    (route,) = taken(FIELD, topic, "1")
    assert evaluated(route.key, {"topic": topic}) == key


def test_messages_go_to_the_topics_that_the_model_asks_of_each_site() -> None:
    assert {route.topic for route in routes(FIELD)} == set(TOPICS)


@pytest.mark.parametrize(
    ("event", "facts", "expected"),
    [
        ("client_connected", {}, {"event": "connected"}),
        (
            "client_disconnected",
            {"reason": "keepalive_timeout"},
            {"event": "left", "reason": "keepalive_timeout"},
        ),
        (
            "client_connack",
            {"reason_code": "not_authorized"},
            {"event": "refused", "reason": "not_authorized"},
        ),
        (
            "client_check_authz_complete",
            {"result": "deny", "action": "publish", "topic": "ot/x", "authz_source": "http"},
            {"event": "denied", "action": "publish", "topic": "ot/x", "decided_by": "http"},
        ),
    ],
)
def test_who_connected_was_refused_and_left_is_audited(
    event: str, facts: dict[str, str], expected: dict[str, str]
) -> None:
    for site in (FIELD, in_enterprise(FIELD)):
        (route,) = taken_event(site, event, SOMEBODY | facts)
        assert (route.topic, route.form) == ("audit", "json")
        assert evaluated(route.key, SOMEBODY | facts) == "pump-7"
        common = {"client": "pump-7", "name": "", "peer": "10.40.1.7:50112", "node": "emqx@a", "at": 5}
        assert json.loads(evaluated(route.value or "", SOMEBODY | facts)) == common | expected


@pytest.mark.parametrize(
    ("event", "facts"),
    [("client_connack", {"reason_code": "success"}), ("client_check_authz_complete", {"result": "allow"})],
)
def test_what_was_allowed_is_no_refusal(event: str, facts: dict[str, str]) -> None:
    assert taken_event(FIELD, event, SOMEBODY | facts) == []


def test_an_audit_record_is_made_of_what_emqx_tells_and_holds_neither_payload_nor_secret() -> None:
    audits = [route for route in routes(FIELD) if route.topic == "audit"]
    assert {route.filters[0].removeprefix("$events/") for route in audits} == set(EVENTS)
    for route in audits:
        event = route.filters[0].removeprefix("$events/")
        words = set(regex.findall(r"[a-z_]+", regex.sub("'[^']*'", "", f"{route.condition} {route.value}")))
        columns = words - set(WORDS)
        assert columns <= EVERY_EVENT | EVENTS[event]
        assert not columns & {"payload", "password", "conn_props", "disconn_props", "pub_props", "headers"}


@pytest.mark.parametrize(
    ("figure", "payload", "key"),
    [
        ("stats/connections/count", "812", "emqx@a/stats/connections/count"),
        ("metrics/messages/dropped", "0", "emqx@a/metrics/messages/dropped"),
    ],
)
def test_the_brokers_own_figures_are_kept_by_node_and_figure(figure: str, payload: str, key: str) -> None:
    topic = f"$SYS/brokers/emqx@a/{figure}"
    for site in (FIELD, in_enterprise(FIELD)):
        (route,) = taken(site, topic, payload)
        assert (route.topic, evaluated(route.key, {"topic": topic})) == ("metrics", key)


class Word:
    """One of EMQX's own words: it is no text, and no function of texts takes it."""

    def __str__(self) -> str:
        return "emqx_sys"


def test_the_brokers_own_messages_come_under_a_word_that_becomes_a_text() -> None:
    assert evaluated(known("clientid"), {"clientid": Word()}) == "emqx_sys"
    assert evaluated(known("clientid"), {"clientid": "pump-7"}) == "pump-7"
    assert evaluated(known("clientid"), {"clientid": None}) == ""


@pytest.mark.parametrize(
    "rest", ["version", "alarms/activate", "clients/pump-7/connected", "stats/sessions/x"]
)
def test_what_is_no_figure_is_not_among_the_figures(rest: str) -> None:
    assert taken(FIELD, f"$SYS/brokers/emqx@a/{rest}", "5.8.9") == []
