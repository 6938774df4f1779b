"""Kafka in KRaft mode: three brokers, TLS and passwords for clients, and nothing allowed by default."""

import base64
import logging
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lab.certificates import KeyPair
from lab.errors import StorageNotFormattedError
from lab.files import secret, write, write_if_changed, write_once
from lab.servers.base import ZONES, Lab, Server
from lab.servers.java import shared_classes, virtual_machine
from lab.supervision import Launch

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

BROKERS = ("kafka-1", "kafka-2", "kafka-3")
# The lab's own super user, by password; among themselves the brokers use their certificates.
#
# Its name keeps every user's password. A broker that starts replays the log of metadata, often as one change, user by
# user in the order of a HashMap. A removal that leaves the map of users empty makes Kafka throw the map away, and write
# the users that follow into what it threw away (`ScramDelta.apply`, 4.3.1 and 4.4.0 alike). So removed users that come
# first cost all others their passwords: the broker refuses every login. This name falls into the first bucket of each
# map of up to 1,536 users. There it comes first, for it is in the log's first records, and it is never removed.
SUPER_USER = "lab-main-administrator"
FORMAT_SECONDS = 240.0
ANSWER_SECONDS = 2.0
# Kafka's log goes through slf4j-simple, to standard error.
LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")


@dataclass(frozen=True)
class Administrator:
    """Kafka's super user; the password stays in its file until it is used."""

    user: str
    password_file: Path


def administrator(lab: Lab) -> Administrator:
    """Return the lab's super user, for operators and tests: no shell is given it."""
    return Administrator(SUPER_USER, password_file(lab))


def bootstrap(lab: Lab) -> str:
    """Return the brokers' addresses for clients, separated by commas."""
    return ",".join(lab.endpoint(name) for name in BROKERS)


def password_file(lab: Lab) -> Path:
    """Return the file of the super user's password."""
    return lab.state / "kafka" / "password"


class Broker(Server):
    """One broker; the first is the controller as well."""

    tools = ("kafka", "java")
    # Long enough for the archive of classes, which the first stop writes.
    stop_seconds = 60.0
    number: ClassVar[int]

    def launch(self, lab: Lab) -> Launch:
        """Write the broker's settings, format its empty storage, and start it."""
        folder = lab.folder("kafka") / self.name
        folder.mkdir(mode=0o700, exist_ok=True)
        password = secret(password_file(lab))
        write_if_changed(folder / "version", _version(lab.tools["kafka"] / "libs"))
        settings = write_if_changed(folder / "server.properties", self._settings(lab, folder))
        java = virtual_machine(lab.tools["java"], "256m")
        program = (*LOGGING, "-cp", str(lab.tools["kafka"] / "libs" / "*"))
        if not (folder / "data" / "meta.properties").exists():
            self._format(lab, (*java, *program), folder, password)
        classes = shared_classes(lab.folder("kafka") / "classes.jsa", made_here=self.number == 1)
        command = (*java, *classes, *program, "kafka.Kafka", str(settings))
        return Launch(command, folder, {}, files=(settings,))

    def is_ready(self, lab: Lab) -> bool:
        """Ask this broker, as the super user, whether it is in the cluster and a controller leads."""
        from confluent_kafka import KafkaException

        if not password_file(lab).exists():
            return False
        try:
            metadata = _administrator(lab, self.name).list_topics(timeout=ANSWER_SECONDS)
        except KafkaException:
            return False
        return self.number in metadata.brokers and metadata.controller_id >= 0

    def version(self, lab: Lab) -> str:
        """Return the version that the broker was started from: Kafka's protocol does not tell it."""
        return (lab.state / "kafka" / self.name / "version").read_text()

    def address(self, lab: Lab) -> str:
        """Return where clients reach the broker."""
        return lab.endpoint(self.name)

    def _settings(self, lab: Lab, folder: Path) -> str:
        pair = lab.authority.server("kafka")
        controller = self.number == 1
        listeners = [f"CLIENTS://{lab.endpoint(self.name)}", f"BROKERS://{lab.endpoint(self.ports[1])}"]
        if controller:
            listeners.append(f"CONTROLLER://{lab.endpoint('kafka-controller')}")
        settings: dict[str, object] = {
            "process.roles": "broker,controller" if controller else "broker",
            "node.id": self.number,
            "broker.rack": ZONES[self.number - 1],
            "controller.quorum.voters": f"1@{lab.endpoint('kafka-controller')}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "BROKERS",
            "listeners": ",".join(listeners),
            "listener.security.protocol.map": "CLIENTS:SASL_SSL,BROKERS:SSL,CONTROLLER:SSL",
            "log.dirs": folder / "data",
            # Clients: a password over TLS.
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.clients.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            # The brokers among themselves: certificates.
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": _bundle(folder, pair),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": lab.authority.certificate,
            "listener.name.brokers.ssl.client.auth": "required",
            "listener.name.controller.ssl.client.auth": "required",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": f"User:{SUPER_USER};User:CN=kafka",
            # Declared topics only, and what a small cluster can hold.
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": 3,
            "offsets.topic.replication.factor": 3,
            "transaction.state.log.num.partitions": 3,
            "transaction.state.log.replication.factor": 3,
            "transaction.state.log.min.isr": 2,
            "share.coordinator.state.topic.num.partitions": 3,
            "share.coordinator.state.topic.replication.factor": 3,
            "share.coordinator.state.topic.min.isr": 2,
            "group.initial.rebalance.delay.ms": 0,
            "num.network.threads": 2,
            "num.io.threads": 2,
            "background.threads": 2,
            "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
            # A broker that stops tells the controller, and does not wait for one that is gone already.
            "controlled.shutdown.max.retries": 1,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _format(self, lab: Lab, program: tuple[str, ...], folder: Path, password: str) -> None:
        """Format the storage; the super user's password goes by a file of arguments, not by the command line."""
        arguments = format_arguments(cluster_identifier(lab), folder / "server.properties")
        if self.number == 1:
            arguments += ["--add-scram", f"SCRAM-SHA-512=[name={SUPER_USER},password={password}]"]
        file = write(folder / "format.arguments", "\n".join(arguments) + "\n")
        try:
            subprocess.run(
                (*program, "kafka.tools.StorageTool", f"@{file}"),
                cwd=folder,
                capture_output=True,
                timeout=FORMAT_SECONDS,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            raise StorageNotFormattedError(
                self.name, error.stderr.decode(errors="replace")[-2000:]
            ) from error
        finally:
            file.unlink()


class FirstBroker(Broker):
    """The broker that is the controller too."""

    name = "kafka-1"
    number = 1
    ports = ("kafka-1", "kafka-1-inner", "kafka-controller")


class SecondBroker(Broker):
    """A broker."""

    name = "kafka-2"
    number = 2
    ports = ("kafka-2", "kafka-2-inner")


class ThirdBroker(Broker):
    """A broker."""

    name = "kafka-3"
    number = 3
    ports = ("kafka-3", "kafka-3-inner")


def format_arguments(identifier: str, configuration: Path) -> list[str]:
    """Return the arguments that format a storage for the cluster of this identifier."""
    # One word: an identifier may begin with a dash, and would be read as an option of its own.
    return ["format", f"--cluster-id={identifier}", "--config", str(configuration)]


def cluster_identifier(lab: Lab) -> str:
    """Return the cluster's identifier in Kafka's form (a UUID in URL-safe base64), the same for all brokers."""
    identifier = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return write_once(lab.folder("kafka") / "cluster-id", identifier)


def _bundle(folder: Path, pair: KeyPair) -> Path:
    """Write key and certificate into one file, as Kafka wants them."""
    return write_if_changed(folder / "identity.pem", pair.key.read_text() + pair.certificate.read_text())


def _version(libraries: Path) -> str:
    """Return the version in the name of Kafka's own library."""
    return next(libraries.glob("kafka_*-*.jar")).stem.rpartition("-")[2]


def _administrator(lab: Lab, broker: str) -> "AdminClient":
    from confluent_kafka.admin import AdminClient

    # A client that finds nobody says so again and again; here that is the answer, not news.
    quiet = logging.getLogger("lab.servers.kafka.probe")
    quiet.disabled = True
    return AdminClient(
        {
            "bootstrap.servers": lab.endpoint(broker),
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(lab.authority.certificate),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": SUPER_USER,
            "sasl.password": password_file(lab).read_text(),
        },
        logger=quiet,
    )
