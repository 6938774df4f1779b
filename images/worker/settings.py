"""What the worker is told: one JSON file, read as a whole, and refused with every error at once."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from images.worker.document import Part

LARGEST_WINDOW = 65_535
"""Largest Receive Maximum of MQTT 5."""
TOPICS = ("raw", "sparkplug", "events", "dead-letter", "ot", "audit", "metrics", "births")
"""Kafka topics by the name that the site file gives them."""


class SettingsError(Exception):
    """The file cannot be used; `errors` has one sentence for each reason."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclass(frozen=True)
class Identity:
    """A certificate, its key, and the authorities that the other side must be signed by; PEM files."""

    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that there are."""
        return tuple(file for file in (self.certificate, self.key, self.authority) if file is not None)


@dataclass(frozen=True)
class Mqtt:
    """The broker, and the session that the worker keeps there."""

    host: str
    port: int
    client_id: str
    group: str
    identity: Identity = field(default_factory=Identity)
    session_expiry_seconds: int = 7200
    window: int = 500
    """Messages of QoS 1 and 2 that the broker sends before one is acknowledged."""
    keepalive_seconds: int = 30
    filters: tuple[str, ...] = ()
    """Instead of those that follow from the topics."""
    former_filters: tuple[str, ...] = ()
    """What an earlier file subscribed to: the kept session forgets it."""


@dataclass(frozen=True)
class KafkaTopic:
    """A topic's full name, and the bytes of the largest record that it takes (`max.message.bytes`)."""

    name: str
    largest_record: int


@dataclass(frozen=True)
class Kafka:
    """The Kafka cluster; without a user nobody logs in, without an authority nothing is encrypted."""

    bootstrap: str
    topics: Mapping[str, KafkaTopic]
    user: str | None = None
    password_file: Path | None = None
    authority: Path | None = None
    buffer_bytes: int = 64 * 2**20
    """Bytes of payload that the worker holds: at this it reads no more."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files whose content a connection is made with."""
        return tuple(file for file in (self.password_file, self.authority) if file is not None)


@dataclass(frozen=True)
class Topics:
    """The MQTT topics that are the worker's; a part that is None or empty is not subscribed to."""

    spaces: tuple[str, ...] = ()
    ot: str | None = None
    sparkplug_group: str | None = None
    states_2_2: bool = False
    audit: str | None = None
    figures: str | None = None


@dataclass(frozen=True)
class Sparkplug:
    """Whether Sparkplug B is decoded, and the host in whose name a rebirth may be asked for."""

    decode: bool = False
    host_id: str | None = None


@dataclass(frozen=True)
class Listen:
    """Where figures and health are served: over HTTPS with a certificate, else over HTTP."""

    host: str = "127.0.0.1"
    port: int = 0
    identity: Identity = field(default_factory=Identity)


@dataclass(frozen=True)
class Settings:
    """All of a worker's settings."""

    site: str
    mqtt: Mqtt
    kafka: Kafka
    topics: Topics
    sparkplug: Sparkplug
    assets: Mapping[str, str]
    """Asset by device or topic space."""
    listen: Listen


def read(file: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of a JSON file; `${NAME}` in the client id is the environment's. Raises SettingsError."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError((f"{file}: {error}",)) from None
    return parse(document, environment)


def parse(document: object, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of a document; raises SettingsError with everything that is wrong."""
    errors: list[str] = []
    root = Part(document, "", errors)
    settings = Settings(
        site=root.text("site"),
        mqtt=_mqtt(root.part("mqtt"), environment),
        kafka=_kafka(root.part("kafka")),
        topics=_topics(root.part("topics")),
        sparkplug=_sparkplug(root.part("sparkplug", optional=True)),
        assets=root.texts_by_name("assets"),
        listen=_listen(root.part("listen", optional=True)),
    )
    root.done()
    errors += _between(settings) if not errors else []
    if errors:
        raise SettingsError(tuple(errors))
    return settings


def _mqtt(part: Part, environment: Mapping[str, str]) -> Mqtt:
    def of_environment(match: re.Match[str]) -> str:
        if match[1] not in environment:
            part.wrong("client_id", f"the environment has no {match[1]}")
        return environment.get(match[1], "")

    made = Mqtt(
        host=part.text("host"),
        port=part.number("port", 1, 65_535),
        client_id=re.sub(r"\$\{(\w+)\}", of_environment, part.text("client_id")),
        group=part.text("group"),
        identity=_identity(part),
        session_expiry_seconds=part.number("session_expiry_seconds", 1, 2**32 - 1, 7200),
        window=part.number("window", 1, LARGEST_WINDOW, 500),
        keepalive_seconds=part.number("keepalive_seconds", 1, 65_535, 30),
        filters=part.texts("filters"),
        former_filters=part.texts("former_filters"),
    )
    if made.group and set(made.group) & {"/", "+", "#"}:
        part.wrong("group", "a shared subscription's name has no /, + or #")
    part.done()
    return made


def _kafka(part: Part) -> Kafka:
    topics = part.part("topics")
    found = {}
    for name in topics.names():
        one = topics.part(name)
        found[name] = KafkaTopic(one.text("name"), one.number("largest_record", 1024, 2**31 - 1))
        one.done()
        if name not in TOPICS:
            topics.wrong(name, f"none of {', '.join(TOPICS)}")
    made = Kafka(
        bootstrap=part.text("bootstrap"),
        topics=found,
        user=part.optional_text("user"),
        password_file=part.file("password_file"),
        authority=part.file("authority"),
        buffer_bytes=part.number("buffer_bytes", 2**20, 2**33, 64 * 2**20),
    )
    if (made.user is None) != (made.password_file is None):
        part.wrong("user", "a user and a password_file go together")
    part.done()
    return made


def _topics(part: Part) -> Topics:
    made = Topics(
        spaces=part.texts("spaces"),
        ot=part.optional_text("ot"),
        sparkplug_group=part.optional_text("sparkplug_group"),
        states_2_2=part.flag("states_2_2"),
        audit=part.optional_text("audit"),
        figures=part.optional_text("figures"),
    )
    part.done()
    return made


def _sparkplug(part: Part) -> Sparkplug:
    made = Sparkplug(part.flag("decode"), part.optional_text("host_id"))
    part.done()
    return made


def _listen(part: Part) -> Listen:
    identity = _identity(part)
    if identity.authority is not None:
        part.wrong("authority", "clients show no certificate here")
    made = Listen(part.optional_text("host") or "127.0.0.1", part.number("port", 0, 65_535, 0), identity)
    part.done()
    return made


def _identity(part: Part) -> Identity:
    made = Identity(part.file("certificate"), part.file("key"), part.file("authority"))
    if (made.certificate is None) != (made.key is None):
        part.wrong("certificate", "a certificate and its key go together")
    return made


def _between(settings: Settings) -> list[str]:
    """Return what is wrong between the parts: a topic that messages go to and that is missing."""
    topics, needed = settings.topics, set[str]()
    needed |= {"raw", "events", "dead-letter"} if topics.spaces else set()
    needed |= {"ot"} if topics.ot else set()
    needed |= {"sparkplug", "events", "dead-letter"} if topics.sparkplug_group else set()
    needed |= {"events", "dead-letter"} if topics.states_2_2 else set()
    needed |= {"audit", "dead-letter"} if topics.audit else set()
    needed |= {"metrics", "dead-letter"} if topics.figures else set()
    needed |= {"births"} if topics.sparkplug_group and settings.sparkplug.decode else set()
    missing = sorted(needed - set(settings.kafka.topics))
    nothing = [] if needed or settings.mqtt.filters else ["topics: nothing is subscribed to"]
    nowhere = {"dead-letter", "ot"} & set(settings.kafka.topics)
    lost = [] if nowhere else ["kafka.topics: no dead-letter, and no ot in its stead"]
    return [*(f"kafka.topics.{name}: missing" for name in missing), *nothing, *lost]
