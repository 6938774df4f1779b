"""Settings are read as a whole, and refused with everything that is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from images.worker.settings import KafkaTopic, SettingsError, parse, read

Document = Callable[..., dict[str, Any]]


def errors(document: object) -> set[str]:
    with pytest.raises(SettingsError) as refusal:
        parse(document, {})
    return set(refusal.value.errors)


def test_what_is_left_out_has_its_usual_value(document: Document) -> None:
    found = parse(document(), {})

    assert (found.mqtt.window, found.mqtt.session_expiry_seconds, found.mqtt.keepalive_seconds) == (
        500,
        7200,
        30,
    )
    assert found.kafka.topics["raw"] == KafkaTopic("s.raw", 1_049_600)
    assert (found.listen.host, found.listen.port) == ("127.0.0.1", 0)
    assert not found.sparkplug.decode


def test_the_client_id_is_the_pods(document: Document) -> None:
    made = document(mqtt={"client_id": "${HOSTNAME}"})

    assert parse(made, {"HOSTNAME": "kafka-worker-0"}).mqtt.client_id == "kafka-worker-0"
    assert errors(made) == {"mqtt.client_id: the environment has no HOSTNAME"}


def test_every_error_is_said_at_once(document: Document) -> None:
    made = document(
        mqtt={"port": 0, "window": 70_000, "group": "a/b", "certificate": "c", "colour": "red"},
        kafka={"user": "u", "topics": {"cooked": {"name": "x", "largest_record": True}}},
        topics={"spaces": "s"},
        listen={"authority": "a"},
    )
    del made["site"]

    assert errors(made) == {
        "site: no text",
        "mqtt.port: no whole number from 1 to 65535",
        "mqtt.window: no whole number from 1 to 65535",
        "mqtt.group: a shared subscription's name has no /, + or #",
        "mqtt.certificate: a certificate and its key go together",
        "mqtt.colour: unknown",
        "kafka.user: a user and a password_file go together",
        "kafka.topics.cooked: none of raw, sparkplug, events, dead-letter, ot, audit, metrics, births",
        "kafka.topics.cooked.largest_record: no whole number from 1024 to 2147483647",
        "topics.spaces: no list of texts",
        "listen.authority: clients show no certificate here",
    }


def test_a_topic_that_messages_go_to_must_be_there(document: Document) -> None:
    made = document(sparkplug={"decode": True})
    made["kafka"]["topics"] = {}

    assert errors(made) == {
        "kafka.topics.audit: missing",
        "kafka.topics.births: missing",
        "kafka.topics.dead-letter: missing",
        "kafka.topics.events: missing",
        "kafka.topics.metrics: missing",
        "kafka.topics.raw: missing",
        "kafka.topics.sparkplug: missing",
        "kafka.topics: no dead-letter, and no ot in its stead",
    }
    assert errors({**document(), "topics": {}}) == {"topics: nothing is subscribed to"}


def test_a_file_that_is_no_json_is_refused(tmp_path: Path, document: Document) -> None:
    file = tmp_path / "settings.json"
    with pytest.raises(SettingsError):
        read(file)
    file.write_text("{", encoding="utf-8")
    with pytest.raises(SettingsError):
        read(file)
    file.write_text(json.dumps(document()), encoding="utf-8")
    assert read(file).site == "s"
    assert errors([]) >= {"settings: no object"}
