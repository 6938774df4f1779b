"""Sinks for real: records of the lab's Kafka become rows of a PostgreSQL, by Kafka Connect and Debezium's own sink.

Worker and connectors are those that the site's resources say; the table is the one that docs/sinks.md says.
"""

import secrets as random
from collections.abc import Iterator

import pytest

from components.kafka_topics import sink_group
from lab.estate import Estate
from lab.waiting import wait_until
from model import Site
from tests.support.shell import Shell
from tests.support.sink_worker import HISTORIAN, PATIENCE, Running, headers, sink, store_of, working
from tests.support.sinks import Database, DatabaseRefused, Place

EDGE = "edge-sparkplug"
REFUSED = {
    "no JSON": b"pressure 4.2",
    "no UTF-8": b"\xff{}",
    "two values": b"{} {}",
    "a NUL": b'{"a": "\\u0000"}',
    "a NUL in a key": b'{"\\u0000": 1}',
    "half a character": b'"\\ud800"',
    "a number too large": b"1e131072",
    "a number too small": b"1e-16384",
    "a number of numbers": b"1e99999999999",
    "nothing": b"",
    "a byte order mark": b"\xef\xbb\xbf{}",
}
TAKEN = {
    "a list": b"[]",
    "null": b" null ",
    "both halves of a character": b'"\\ud83d\\ude00"',
    "a large number": b"1e131071",
    "a small number": b"1e-16383",
    "a key twice": b'{"a": 1, "a": 2}',
    "a deep one": b"[" * 900 + b"]" * 900,
}


@pytest.fixture(scope="module")
def store(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with store_of(site, tmp_path_factory.mktemp("store")) as made:
        yield made


@pytest.fixture(scope="module")
def running(
    deployed: Shell, site: Site, estate: Estate, store: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    with working(deployed, site, estate, store, tmp_path_factory.mktemp("worker")) as made:
        yield made


@pytest.fixture(scope="module")
def payloads(running: Running) -> dict[str, Place]:
    """Records with every payload that is hard to take, in turn with easy ones: where each stands."""
    places = {}
    for case, payload in (REFUSED | TAKEN).items():
        places[case] = running.raw.write(payload, headers(running.site))[0]
        places[f"after {case}"] = running.raw.write(b'{"flow": 4.4}', headers(running.site))[0]
    running.settled()
    return places


def test_in_the_pilot_no_sink_reads(running: Running) -> None:
    running.raw.write(b'{"flow": 4.2}', headers(running.site))
    for name in (HISTORIAN, EDGE):
        running.states(name, "STOPPED")
    assert running.raw.committed(sink_group(running.site, sink(running.site, "historian"), "raw")) == {}
    assert running.written("raw") == set()


def test_a_sink_that_runs_begins_with_the_oldest_record(running: Running) -> None:
    assert running.raw.places()
    running.api.resume(HISTORIAN)
    running.settled()


def test_a_record_becomes_the_documented_row(running: Running) -> None:
    sent = headers(running.site)
    place, time = running.raw.write(b'{"flow": 4.25, "unit": "m3/h"}', sent)
    running.settled()
    payload = {"flow": 4.25, "unit": "m3/h"}
    assert running.row(place) == (
        time,
        sent["topic"],
        sent["client"],
        sent["name"],
        payload,
        running.raw.name,
        "jsonb",
    )


def test_sparkplug_of_the_opensource_edition_becomes_bytes(running: Running) -> None:
    body = b"\x08\x01\x00\xff"
    sent = {"topic": f"spBv1.0/{running.site.name}/NDATA/gw-1", "client": "gw-1", "name": "gw-1"}
    place, _ = running.sparkplug.write(body, sent, "gw-1")
    running.api.resume(EDGE)
    wait_until(lambda: place in running.written("sparkplug"), PATIENCE, "the row of Sparkplug")
    (found,) = running.database.rows(
        "SELECT payload, mqtt_topic FROM sparkplug WHERE (kafka_partition, kafka_offset) = (%s, %s)", *place
    )
    assert found == (body, sent["topic"])


def test_a_record_that_is_written_twice_is_one_row(running: Running) -> None:
    place, _ = running.raw.write(b'{"flow": 4.3}', headers(running.site))
    running.settled()
    rows = running.written("raw")
    # What the second time writes shows.
    running.database.rows("UPDATE telemetry SET client = 'once'")
    running.api.stop(HISTORIAN)
    running.states(HISTORIAN, "STOPPED")
    running.raw.rewind(sink_group(running.site, sink(running.site, "historian"), "raw"))
    running.api.resume(HISTORIAN)
    wait_until(lambda: running.row(place)[2] == "007", PATIENCE, "the row is written again")
    assert running.written("raw") == rows


@pytest.mark.parametrize("case", REFUSED)
def test_what_jsonb_does_not_take_is_a_dead_letter_and_the_sink_goes_on(
    running: Running, payloads: dict[str, Place], case: str
) -> None:
    found = running.refused()[payloads[case]]
    written = running.written("raw")
    assert payloads[case] not in written
    # The sink went on.
    assert payloads[f"after {case}"] in written
    assert found["__connect.errors.connector.name"] == HISTORIAN
    assert found["__connect.errors.stage"] == "VALUE_CONVERTER"
    assert found["__connect.errors.exception.message"].startswith("the value")
    assert headers(running.site).items() <= found.items()


@pytest.mark.parametrize("case", TAKEN)
def test_what_jsonb_takes_is_a_row(running: Running, payloads: dict[str, Place], case: str) -> None:
    assert payloads[case] in running.written("raw")


def test_a_worker_tells_prometheus_what_the_alerts_ask_for(
    running: Running, payloads: dict[str, Place]
) -> None:
    assert payloads
    refused = running.figure("kafka_connect_task_error_metrics_deadletterqueue_produce_requests")
    assert len(REFUSED) <= refused <= len(running.refused())
    assert running.figure("kafka_connect_sink_task_metrics_sink_record_read") >= len(payloads)
    assert running.figure("kafka_connect_connect_worker_metrics_connector_failed_task_count") == 0


def test_a_store_that_is_away_holds_the_sink_and_loses_nothing(running: Running) -> None:
    running.settled()
    running.database.server.stop()
    try:
        while_away = running.raw.write(b'{"flow": 4.5}', headers(running.site))[0]
        asked = "Connection to "
        wait_until(lambda: asked in running.log.read_text()[-2000:], PATIENCE, "the sink finds nobody")
        assert running.api.states(HISTORIAN) == ("RUNNING", "RUNNING")
    finally:
        running.database.server.start()
    running.settled()
    assert while_away in running.written("raw")


def test_a_store_of_another_name_is_not_written_to(running: Running) -> None:
    rendered = running.configurations[HISTORIAN]
    url = rendered["connection.url"].replace("//", "//another.", 1)
    running.api.configure(HISTORIAN, rendered | {"connection.url": url})
    try:
        running.states(HISTORIAN, "RUNNING", "FAILED")
        # The task's own trace says only that it has no connection.
        assert "could not be verified by hostnameverifier" in running.log.read_text().lower()
    finally:
        running.api.configure(HISTORIAN, rendered)
    running.states(HISTORIAN, "RUNNING", "RUNNING")


@pytest.mark.parametrize("statement", ["DELETE FROM telemetry", "TRUNCATE telemetry", "DROP TABLE telemetry"])
def test_the_sinks_login_takes_nothing_away(running: Running, statement: str) -> None:
    with pytest.raises(DatabaseRefused):
        running.database.as_login("iot_broker", statement)


def test_a_task_has_one_session(running: Running) -> None:
    ((sessions,),) = running.database.rows(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'iot_broker'"
    )
    tasks = sum(int(entry["tasks.max"]) for entry in running.configurations.values())
    # One that has had nothing to write since the store came back has none.
    assert 0 < sessions <= tasks


def test_no_secret_and_no_payload_is_told(running: Running) -> None:
    payload = random.token_hex(8)
    # A row that the database refuses, whatever the converter lets through: the table is not what it should be.
    running.database.rows(
        "ALTER TABLE telemetry ADD CONSTRAINT strict CHECK (payload->>'flow' = '0') NOT VALID"
    )
    try:
        running.raw.write(f'{{"flow": "{payload}"}}'.encode(), headers(running.site))
        wait_until(lambda: "strict" in running.log.read_text(), PATIENCE, "the row is refused")
        # Debezium's task says that it failed when it is given more to write.
        running.raw.write(b'{"flow": "0"}', headers(running.site))
        running.states(HISTORIAN, "RUNNING", "FAILED")
        failed = running.figure("kafka_connect_connect_worker_metrics_connector_failed_task_count")
        told = running.api.everything() + running.log.read_text() + running.database.server.log.read_text()
    finally:
        running.database.rows("ALTER TABLE telemetry DROP CONSTRAINT strict")
    assert failed == 1
    assert "strict" in told
    assert payload not in told
    assert not [password for password in running.passwords if password in told]
