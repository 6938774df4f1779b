"""What the bridge is told: one JSON file, read as a whole, and refused with every error at once."""

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from images.worker.bridge import topics
from images.worker.bridge.topics import Space
from images.worker.document import Part
from images.worker.settings import Identity, Listen, SettingsError

LARGEST_WINDOW = 65_535


class Direction(Enum):
    """Which way messages go: from the incumbent to this broker, or from this broker to the incumbent."""

    INGRESS = "ingress"
    EGRESS = "egress"


@dataclass(frozen=True)
class End:
    """One of the two brokers, and who the bridge is there.

    One client id for both directions: who becomes a target begins afresh, so that what it was subscribed to as a source
    ends with the direction.
    """

    name: str
    """`broker` or `incumbent`: the word that figures and lines have for it."""
    host: str
    port: int
    client_id: str
    version_5: bool
    """MQTT 5; else 3.1.1, which has neither user properties nor the retain flag of live messages."""
    identity: Identity
    server_name: str
    """The name in the broker's certificate; its host unless it is reached by another."""
    user: str | None
    password_file: Path | None
    keepalive_seconds: int
    session_expiry_seconds: int
    """How long the broker keeps the session of a source that is away (MQTT 5)."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the files with the bridge's identity: a changed one means a connection with the new one."""
        return (*self.identity.files, *([self.password_file] if self.password_file else []))


@dataclass(frozen=True)
class Heartbeat:
    """What the bridge says at the source, to hear it: a topic of its own, of which nobody else needs to know."""

    topic: str
    every_seconds: int


@dataclass(frozen=True)
class Settings:
    """All of a bridge's settings."""

    site: str
    direction: Direction
    source: End
    target: End
    spaces: tuple[Space, ...]
    window: int
    """Messages of QoS 1 and 2 on their way at once: the Receive Maximum, and as much to the target."""
    held_bytes: int
    """Bytes of messages held at which nothing more is read."""
    retained: bool
    """Whether what the source has retained crosses when a session begins."""
    heartbeat: Heartbeat | None
    watch: str | None
    """A filter on which the source speaks by itself, instead of a heartbeat: `$SYS/broker/uptime`."""
    listen: Listen


def read(file: Path) -> Settings:
    """Return the settings of a JSON file; raises SettingsError."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError((f"{file}: {error}",)) from None
    return parse(document)


def parse(document: object) -> Settings:
    """Return the settings of a document; raises SettingsError with everything that is wrong."""
    errors: list[str] = []
    root = Part(document, "", errors)
    word = root.text("direction")
    if word not in {one.value for one in Direction}:
        root.wrong("direction", "neither ingress nor egress")
    inward = word != Direction.EGRESS.value
    broker, incumbent = (_end(root.part(name), name) for name in ("broker", "incumbent"))
    made = Settings(
        site=root.text("site"),
        direction=Direction.INGRESS if inward else Direction.EGRESS,
        source=incumbent if inward else broker,
        target=broker if inward else incumbent,
        spaces=_spaces(root, inward=inward),
        window=root.number("window", 1, LARGEST_WINDOW, 500),
        held_bytes=root.number("held_bytes", 2**16, 2**33, 64 * 2**20),
        retained=root.flag("retained"),
        heartbeat=_heartbeat(root),
        watch=root.optional_text("watch"),
        listen=_listen(root.part("listen", optional=True)),
    )
    root.done()
    errors += [f"topics: {fault}" for fault in topics.faults(made.spaces)]
    if made.heartbeat and topics.is_within(made.spaces, made.heartbeat.topic):
        errors.append(f"heartbeat.topic: {made.heartbeat.topic} would cross")
    if errors:
        raise SettingsError(tuple(errors))
    return made


def _end(part: Part, name: str) -> End:
    host = part.text("host")
    version = part.optional_text("version") or "5"
    if version not in {"5", "3.1.1"}:
        part.wrong("version", "neither 5 nor 3.1.1")
    identity = Identity(part.file("certificate"), part.file("key"), part.file("authority"))
    if (identity.certificate is None) != (identity.key is None):
        part.wrong("certificate", "a certificate and its key go together")
    user, password = part.optional_text("user"), part.file("password_file")
    if password is not None and user is None:
        part.wrong("user", "a password_file needs a user")
    made = End(
        name,
        host,
        part.number("port", 1, 65_535),
        part.text("client_id"),
        version == "5",
        identity,
        part.optional_text("server_name") or host,
        user,
        password,
        part.number("keepalive_seconds", 1, 65_535, 30),
        part.number("session_expiry_seconds", 1, 2**32 - 1, 7 * 24 * 3600),
    )
    part.done()
    return made


def _spaces(root: Part, *, inward: bool) -> tuple[Space, ...]:
    found = []
    listed = root.part("topics")
    if not listed.names():
        root.wrong("topics", "nothing crosses")
    for name in listed.names():
        part = listed.part(name)
        theirs, ours = part.text("theirs"), part.text("ours")
        found.append(Space(*((theirs, ours) if inward else (ours, theirs)), part.flag("commands")))
        part.done()
    return tuple(found)


def _heartbeat(root: Part) -> Heartbeat | None:
    if "heartbeat" not in root.names():
        return None
    part = root.part("heartbeat")
    made = Heartbeat(part.text("topic"), part.number("every_seconds", 1, 3600, 10))
    if set(made.topic) & {"+", "#"}:
        part.wrong("topic", "a topic, no filter")
    part.done()
    return made


def _listen(part: Part) -> Listen:
    identity = Identity(part.file("certificate"), part.file("key"), part.file("authority"))
    made = Listen(part.optional_text("host") or "127.0.0.1", part.number("port", 0, 65_535, 0), identity)
    if (identity.certificate is None) != (identity.key is None):
        part.wrong("certificate", "a certificate and its key go together")
    part.done()
    return made
