"""A Kafka Connect worker with the site's connectors, for tests: as its resources say, between real Kafka and store."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from components import names
from components.kafka_topics import topic_name, user_name
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
from tests.support.sinks import Database, Place, Topic, database, table_statements

HISTORIAN = "historian-raw"
# A machine that does much else takes long; who waits for what has happened waits for nothing.
PATIENCE = 180


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


@contextmanager
def store_of(site: Site, folder: Path) -> Iterator[Database]:
    """Run the store that the historian fills, with the tables that docs/sinks.md says, until the end."""
    wanted = sink(site, "historian").timescaledb
    assert wanted is not None
    program = ensure({"postgres"}, Silent())["postgres"]
    with database(program, folder, free_ports(["store"])["store"], wanted) as running:
        for table, binary in (("telemetry", False), ("sparkplug", True)):
            for statement in table_statements(table, binary=binary):
                running.rows(statement)
        yield running


@contextmanager
def working(deployed: Shell, site: Site, estate: Estate, store: Database, root: Path) -> Iterator[Running]:
    """Run a worker with the site's connectors, as Strimzi would, until the end."""
    tools = ensure({"connect", "java"}, Silent())
    host = sink(site, "historian").timescaledb
    assert host is not None
    ports = free_ports(["rest", "metrics"])
    place = connect.Place(
        kafka=deployed.environment["KAFKA_BOOTSTRAP"],
        root=root,
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


def headers(site: Site, device: str = "pump-1") -> dict[str, str]:
    """The headers of a record that the broker makes of a device's message."""
    name = f"{device}.{names.client_domain(site, 'device')}"
    # A client id that looks like a number stays text.
    return {"topic": f"{site.name}/{name}/flow", "client": "007", "name": name}


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
