"""Sinks for real: records of the lab's Kafka become rows of a PostgreSQL, by Kafka Connect and Debezium's own sink.

Worker and connectors are those that the site's resources say; the table is the one that docs/sinks.md says.
"""

import re
import secrets as random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from components import names
from components.kafka_topics import sink_group, topic_name, user_name
from lab import connect
from lab.estate import Estate
from lab.ports import HOST, free_ports
from lab.progress import Silent
from lab.tools import ensure
from lab.waiting import wait_until
from model import Site
from model.ingest import DEAD_LETTER
from model.sinks import WORKERS, Sink
from tests.support import servers
from tests.support.shell import Shell
from tests.support.sinks import Database, DatabaseRefused, Place, Topic, database, table_statements

HISTORIAN, EDGE = "historian-raw", "edge-sparkplug"
# A machine that does much else takes long; who waits for what has happened waits for nothing.
PATIENCE = 180
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


@dataclass(frozen=True)
class Running:
    """A worker of the site with its connectors, and the two ends of what they do."""

    site: Site
    api: connect.Connect
    database: Database
    log: Path
    raw: Topic
    sparkplug: Topic
    dead_letters: Topic
    configurations: dict[str, dict[str, str]]
    passwords: tuple[str, ...]
    metrics: str

    def written(self, topic: str) -> set[Place]:
        """Return which records of a topic are rows of its table."""
        table = "sparkplug" if topic == "sparkplug" else "telemetry"
        rows = self.database.rows(f"SELECT kafka_partition, kafka_offset FROM {table}")  # noqa: S608 - one of two
        return {(partition, offset) for partition, offset in rows}

    def refused(self) -> dict[Place, dict[str, str]]:
        """Return which records of the raw topic are dead letters, with their headers."""
        found = {}
        for headers in self.dead_letters.headers():
            if headers.get("__connect.errors.topic") == self.raw.name:
                place = int(headers["__connect.errors.partition"]), int(headers["__connect.errors.offset"])
                found[place] = headers
        return found

    def figure(self, series: str) -> float:
        """Return the sum of a series of the historian's connector, as the worker tells it to Prometheus."""
        told = urllib3.request("GET", self.metrics).data.decode()
        found = re.findall(rf'^{series}{{.*connector="{HISTORIAN}".*}} (\S+)$', told, re.MULTILINE)
        assert found, f"no {series} in what the worker tells:\n{told[:2000]}"
        return sum(float(value) for value in found)

    def settled(self) -> None:
        """Wait until every record of the raw topic is a row or a dead letter."""
        wait_until(
            lambda: self.raw.places() == self.written("raw") | self.refused().keys(),
            PATIENCE,
            "every record's row or dead letter",
        )

    def states(self, name: str, *wanted: str) -> None:
        """Wait until a connector and each of its tasks are in one of these states, the first the connector's."""
        wait_until(lambda: self.api.states(name) == wanted, PATIENCE, f"{name}: {wanted}")

    def row(self, place: Place) -> tuple[Any, ...]:
        """Return a row of the historian's table, with its payload's type."""
        (found,) = self.database.rows(
            "SELECT received, mqtt_topic, client, name, payload, kafka_topic, pg_typeof(payload)::text "
            "FROM telemetry WHERE (kafka_partition, kafka_offset) = (%s, %s)",
            *place,
        )
        return found


def headers(site: Site, device: str = "pump-1") -> dict[str, str]:
    """The headers of a record that the broker makes of a device's message."""
    name = f"{device}.{names.client_domain(site, 'device')}"
    # A client id that looks like a number stays text.
    return {"topic": f"{site.name}/{name}/flow", "client": "007", "name": name}


@pytest.fixture(scope="module")
def store(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    wanted = sink(site, "historian").timescaledb
    assert wanted is not None
    folder = tmp_path_factory.mktemp("store")
    program = ensure({"postgres"}, Silent())["postgres"]
    with database(program, folder, free_ports(["store"])["store"], wanted) as running:
        for table, binary in (("telemetry", False), ("sparkplug", True)):
            for statement in table_statements(table, binary=binary):
                running.rows(statement)
        yield running


@pytest.fixture(scope="module")
def running(
    deployed: Shell, site: Site, estate: Estate, store: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    tools = ensure({"connect", "java"}, Silent())
    host = sink(site, "historian").timescaledb
    assert host is not None
    ports = free_ports(["rest", "metrics"])
    place = connect.Place(
        kafka=deployed.environment["KAFKA_BOOTSTRAP"],
        root=tmp_path_factory.mktemp("worker"),
        port=ports["rest"],
        metrics=ports["metrics"],
        tool=tools["connect"],
        hosts={host.host: HOST, f"another.{host.host}": HOST},
    )
    mounted = secrets(deployed, site, store)
    resource = deployed.get("kafkaconnect", names.SINKS, site.namespace)
    api = connect.Connect(place.port)
    administrator = estate.kafka_administrator()
    reader = servers.kafka(deployed, administrator.user, administrator.password_file.read_text())
    writer = user_name(site, site.streams.writer)
    written = servers.kafka(deployed, writer, servers.kafka_password(deployed, writer))
    configurations = {
        document["metadata"]["name"]: configuration(document["spec"], place, store)
        for document in deployed.all("kafkaconnector", site.namespace)
    }
    passwords = tuple(kept[key] for kept in mounted.values() for key in kept if key.endswith("password"))
    with connect.worker(resource, mounted, place, tools["java"]) as worker:
        for document in deployed.all("kafkaconnector", site.namespace):
            name = document["metadata"]["name"]
            api.create(name, configurations[name], document["spec"]["state"])
        yield Running(
            site,
            api,
            store,
            worker.log,
            Topic(topic_name(site, "raw"), written, reader),
            Topic(topic_name(site, "sparkplug"), written, reader),
            Topic(topic_name(site, DEAD_LETTER), written, reader),
            configurations,
            passwords,
            f"http://{HOST}:{place.metrics}/metrics",
        )


@pytest.fixture(scope="module")
def payloads(running: Running) -> dict[str, Place]:
    """Records with every payload that is hard to take, in turn with easy ones: where each stands."""
    places = {}
    for case, payload in (REFUSED | TAKEN).items():
        places[case] = running.raw.write(payload, headers(running.site))[0]
        places[f"after {case}"] = running.raw.write(b'{"flow": 4.4}', headers(running.site))[0]
    running.settled()
    return places


def sink(site: Site, name: str) -> Sink:
    return next(sink for sink in site.streams.sinks if sink.name == name)


def secrets(deployed: Shell, site: Site, store: Database) -> dict[str, dict[str, str]]:
    """The Secrets that docs/sinks.md asks a site for, with the passwords that Strimzi made."""
    kafka = deployed.authority.read_text()

    def password(user: str) -> str:
        return servers.kafka_password(deployed, user_name(site, user))

    found = {names.SINKS_KAFKA: {"password": password(WORKERS), "ca.crt": kafka}}
    for wanted in site.streams.sinks:
        found[names.sink_secret(wanted.name)] = {
            "kafka-password": password(wanted.user),
            "kafka-ca.crt": kafka,
            "password": store.password,
            "ca.crt": store.authority.read_text(),
        }
    return found


def configuration(spec: dict[str, Any], place: connect.Place, store: Database) -> dict[str, str]:
    """A connector's configuration, as Strimzi gives it to the workers; the store's port is another here."""
    rendered = connect.as_strings(spec["config"], place)
    url = rendered["connection.url"].replace(":5432/", f":{store.port}/")
    own = {"connector.class": spec["class"], "tasks.max": str(spec["tasksMax"])}
    return rendered | own | {"connection.url": url}


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
