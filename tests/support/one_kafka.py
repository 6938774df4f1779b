"""One Kafka on loopback for tests that need no more of the lab: a single node with TLS, passwords and rights.

It has two addresses for clients: its own, and that of a proxy before it, which a test can cut.
"""

import base64
import contextlib
import os
import secrets
import signal
import subprocess
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from lab.certificates import Authority, KeyPair
from lab.child import Child
from lab.files import write
from lab.ports import HOST, free_ports
from lab.progress import Silent
from lab.servers.java import virtual_machine
from lab.servers.kafka import LOGGING, SUPER_USER, format_arguments
from lab.tools import ensure
from tests.support.kafka_reader import ANSWER_SECONDS, Record, ends, quiet, reader, records
from tests.support.tcp_proxy import Proxy, proxy

START_SECONDS = 120.0
STOP_SECONDS = 60.0
FORMAT_SECONDS = 120.0
_ITERATIONS = 4096


@dataclass(frozen=True)
class OneKafka:
    """A Kafka that runs, and what one needs to come to it."""

    folder: Path
    authority: Authority
    child: Child
    proxy: Proxy
    bootstrap: str
    """Kafka's own address."""
    proxied: str
    """The address of the proxy before it: whoever begins there stays there."""
    password: str

    def settings(
        self, user: str = SUPER_USER, password: str = "", *, proxied: bool = False
    ) -> dict[str, str]:
        """Return librdkafka's settings of a client."""
        return {
            "bootstrap.servers": self.proxied if proxied else self.bootstrap,
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.authority.certificate),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password or self.password,
        }

    def admin(self) -> AdminClient:
        """Return a client that may do everything."""
        return AdminClient({**self.settings()}, logger=quiet())

    def make_topics(self, topics: Mapping[str, Mapping[str, str]], partitions: int = 3) -> None:
        """Make topics with their own settings (`max.message.bytes`, `cleanup.policy`), and wait for them."""
        wanted = [NewTopic(name, partitions, 1, config=dict(config)) for name, config in topics.items()]
        # It must live until its last answer.
        admin = self.admin()
        for future in admin.create_topics(wanted).values():
            future.result(ANSWER_SECONDS)

    def make_user(self, name: str, topics: Iterable[str], read: str | None = None) -> str:
        """Make a user that may write these topics, read the one, and nothing else; return its password."""
        password = secrets.token_urlsafe()
        admin = self.admin()
        mechanism = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
        made = admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(name, mechanism, password.encode())]
        )
        for future in made.values():
            future.result(ANSWER_SECONDS)
        for topic in topics:
            self.allow(name, topic, AclOperation.WRITE)
        if read is not None:
            self.allow(name, read, AclOperation.READ)
        return password

    def allow(self, user: str, topic: str, operation: AclOperation) -> None:
        """Let a user write or read a topic."""
        admin = self.admin()
        for future in admin.create_acls(_rights(user, topic, operation)).values():
            future.result(ANSWER_SECONDS)

    def deny(self, user: str, topic: str, operation: AclOperation) -> None:
        """Let a user write or read a topic no more."""
        admin = self.admin()
        filters = [
            AclBindingFilter(
                one.restype,
                one.name,
                one.resource_pattern_type,
                one.principal,
                one.host,
                one.operation,
                one.permission_type,
            )
            for one in _rights(user, topic, operation)
        ]
        for future in admin.delete_acls(filters).values():
            future.result(ANSWER_SECONDS)

    def count(self, topic: str) -> int:
        """Return how many records were ever written to a topic."""
        with reader(self.settings()) as consumer:
            return sum(end for _, end in ends(consumer, topic))

    def records(self, topic: str) -> list[Record]:
        """Return every record of a topic, partition by partition in order."""
        with reader(self.settings()) as consumer:
            return list(records(consumer, topic))

    def stop(self) -> None:
        """Stop Kafka as an administrator would."""
        self.child.stop()

    def kill(self) -> None:
        """Kill Kafka."""
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.stop()

    def start(self) -> None:
        """Start it again, with what it had."""
        self.child.start()


@contextlib.contextmanager
def one_kafka(folder: Path) -> Iterator[OneKafka]:
    """Run a Kafka of its own in a folder until the end; it is stopped whatever happens."""
    tools = ensure(("kafka", "java"), Silent())
    authority = Authority(folder / "authority", "One Kafka")
    authority.ensure()
    pair = authority.server("kafka")
    ports = free_ports(("clients", "behind", "brokers", "controller"))
    password = secrets.token_urlsafe()
    with proxy(ports["behind"]) as before:
        settings = write(folder / "server.properties", _settings(folder, authority, pair, ports, before.port))
        java = (*virtual_machine(tools["java"], "256m"), *LOGGING, "-cp", str(tools["kafka"] / "libs" / "*"))
        _format(java, folder, settings, password)
        found = OneKafka(
            folder,
            authority,
            Child(
                (*java, "kafka.Kafka", settings),
                folder,
                lambda: _answers(found),
                start_seconds=START_SECONDS,
                stop_seconds=STOP_SECONDS,
            ),
            before,
            f"{HOST}:{ports['clients']}",
            f"{HOST}:{before.port}",
            password,
        )
        with found.child:
            yield found


def _rights(user: str, topic: str, right: AclOperation) -> list[AclBinding]:
    return [
        AclBinding(
            ResourceType.TOPIC,
            topic,
            ResourcePatternType.LITERAL,
            f"User:{user}",
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for operation in (right, AclOperation.DESCRIBE)
    ]


def _answers(kafka: OneKafka) -> bool:
    try:
        return kafka.admin().list_topics(timeout=2.0).controller_id >= 0
    except KafkaException:
        return False


def _settings(
    folder: Path, authority: Authority, pair: KeyPair, ports: Mapping[str, int], proxied: int
) -> str:
    bundle = write(folder / "identity.pem", pair.key.read_text() + pair.certificate.read_text())
    listeners = {"CLIENTS": "clients", "BEHIND": "behind", "BROKERS": "brokers", "CONTROLLER": "controller"}
    advertised = {"CLIENTS": ports["clients"], "BEHIND": proxied, "BROKERS": ports["brokers"]}
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{ports['controller']}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "BROKERS",
        "listeners": ",".join(f"{name}://{HOST}:{ports[port]}" for name, port in listeners.items()),
        "advertised.listeners": ",".join(f"{name}://{HOST}:{port}" for name, port in advertised.items()),
        "listener.security.protocol.map": "CLIENTS:SASL_SSL,BEHIND:SASL_SSL,BROKERS:SSL,CONTROLLER:SSL",
        "log.dirs": folder / "data",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": bundle,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": authority.certificate,
        "listener.name.brokers.ssl.client.auth": "required",
        "listener.name.controller.ssl.client.auth": "required",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:{SUPER_USER};User:CN=kafka",
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": 1,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "num.network.threads": 2,
        "num.io.threads": 2,
        "background.threads": 2,
        "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
        "controlled.shutdown.max.retries": 1,
        # One that was killed is taken back only when its old self counts as gone.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
    }
    for listener in ("clients", "behind"):
        settings[f"listener.name.{listener}.scram-sha-512.sasl.jaas.config"] = (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        )
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _format(java: tuple[str, ...], folder: Path, settings: Path, password: str) -> None:
    identifier = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    arguments = format_arguments(identifier, settings)
    arguments += ["--add-scram", f"SCRAM-SHA-512=[name={SUPER_USER},password={password}]"]
    file = write(folder / "format.arguments", "\n".join(arguments) + "\n")
    try:
        subprocess.run(
            (*java, "kafka.tools.StorageTool", f"@{file}"),
            cwd=folder,
            capture_output=True,
            timeout=FORMAT_SECONDS,
            check=True,
        )
    finally:
        file.unlink()
