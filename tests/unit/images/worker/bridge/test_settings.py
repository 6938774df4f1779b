"""What the bridge is told, and every error of it at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from images.worker.bridge.settings import Direction, parse, read
from images.worker.bridge.topics import Space
from images.worker.settings import SettingsError

END = {"host": "a.example", "port": 8883, "client_id": "eagle-ford-bridge"}


def document(**changed: Any) -> dict[str, Any]:
    return {
        "site": "eagle-ford",
        "direction": "ingress",
        "broker": END | {"certificate": "/c", "key": "/k", "authority": "/a"},
        "incumbent": END | {"version": "3.1.1", "user": "bridge", "password_file": "/p"},
        "topics": {"pads": {"theirs": "Field/Pads", "ours": "eagle-ford", "commands": True}},
        **changed,
    }


def errors(**changed: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refusal:
        parse(document(**changed))
    return refusal.value.errors


def test_the_direction_says_which_broker_is_the_source_and_how_topics_are_called() -> None:
    inward, outward = parse(document()), parse(document(direction="egress"))
    assert (inward.direction, inward.source.name, inward.target.name) == (
        Direction.INGRESS,
        "incumbent",
        "broker",
    )
    assert (outward.source.name, outward.target.name) == ("broker", "incumbent")
    assert inward.spaces == (Space("Field/Pads", "eagle-ford", commands=True),)
    assert outward.spaces == (Space("eagle-ford", "Field/Pads", commands=True),)
    assert (inward.source.version_5, inward.target.version_5) == (False, True)


def test_what_is_left_out_has_a_default() -> None:
    made = parse(document())
    assert (made.window, made.retained, made.heartbeat, made.watch) == (500, False, None, None)
    assert made.source.server_name == "a.example"
    assert made.listen.host == "127.0.0.1"


def test_the_files_of_an_identity_are_those_that_are_looked_at() -> None:
    made = parse(document())
    assert set(made.source.files) == {Path("/p")}
    assert set(made.target.files) == {Path("/c"), Path("/k"), Path("/a")}


def test_every_error_is_named_at_once() -> None:
    assert errors(direction="both", window=0, broker=END | {"version": "4"}, extra=1) == (
        "direction: neither ingress nor egress",
        "broker.version: neither 5 nor 3.1.1",
        "window: no whole number from 1 to 65535",
        "extra: unknown",
    )


def test_a_map_that_would_bridge_the_mirror_or_one_message_twice_is_refused() -> None:
    assert errors(topics={"one": {"theirs": "ot/plant", "ours": "b"}}) == (
        "topics: ot/plant: nothing crosses the bridge there",
    )
    twice = {"one": {"theirs": "a", "ours": "b"}, "two": {"theirs": "a/c", "ours": "d"}}
    assert errors(topics=twice) == ("topics: a and a/c: a topic could be in both, and would cross twice",)
    assert errors(topics={}) == ("topics: nothing crosses",)


def test_a_heartbeat_that_would_cross_is_refused() -> None:
    assert errors(heartbeat={"topic": "Field/Pads/heart"}) == (
        "heartbeat.topic: Field/Pads/heart would cross",
    )


def test_half_an_identity_is_refused() -> None:
    assert errors(broker=END | {"certificate": "/c"}) == (
        "broker.certificate: a certificate and its key go together",
    )
    assert errors(broker=END | {"password_file": "/p"}) == ("broker.user: a password_file needs a user",)


def test_a_file_that_cannot_be_read_is_an_error_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    with pytest.raises(SettingsError, match=r"settings\.json"):
        read(file)
    file.write_text(json.dumps(document()))
    assert read(file).site == "eagle-ford"
