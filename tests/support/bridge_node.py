"""One broker node's end of the bridge to the incumbent: its rendered configuration, carried out between real brokers.

Where EMQX does something beside its configuration it is done here as EMQX 5.8 does it, by its source (emqx/emqx:
apps/emqx_bridge_mqtt and apps/emqx_rule_engine; emqx/emqtt):

- A source subscribes without the retain flag "as published", and a connection asks for no session beyond itself.
- An action sends the properties under the event's own key, `pub_props`; a column that a rule selects by that name,
  without the whole event, has another key, and its properties are not sent.
- What a rule publishes here has the rule's name for its client id.

Of a message's other properties none crosses here; the lab's brokers give each message an expiry of their own.
"""

import contextlib
import queue
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import MQTTMessage

from lab.mqtt import PUBLISHER
from tests.support import hocon
from tests.support.bridge_configuration import Bridge, Connector, Publication, Rule, read_bridge
from tests.support.mqtt import SECONDS, Certificate, Refused, Session, session
from tests.support.rule_sql import NotUnderstood, Output, matches

FENCES = "lab/fence/"
"""What topics begin with by which one knows that all that was said before has come."""
LIMIT = 500
_HERE = "this broker"
_TAKEN = ("Success", "No matching subscribers")
_ROUNDS = 50


class NotConnected(Exception):
    """The other broker does not let the bridge in; the message names the connector, and says why."""


@dataclass(frozen=True)
class Ends:
    """Where a node's bridge leads: to the broker's own rule engine, and to the servers that are configured."""

    rules: Callable[[str], AbstractContextManager[Session]]
    """A session at the door for rules, by its client id."""
    servers: Mapping[str, int]
    """The port on loopback of each configured server."""
    mounted: Mapping[str, Path]
    """Where the files of each mounted folder are."""

    def file(self, path: str) -> Path:
        """Return where a mounted file is."""
        folder, _, name = path.rpartition("/")
        if folder not in self.mounted:
            raise NotUnderstood(f"{path}: nothing is mounted there")
        return self.mounted[folder] / name


@dataclass(frozen=True)
class Crossed:
    """A message that a rule carried on."""

    rule: str
    topic: str


@dataclass
class Node:
    """A running node; it carries `limit` messages and no more, so that a loop comes to an end."""

    name: str
    bridge: Bridge
    limit: int = LIMIT
    carried: list[Crossed] = field(default_factory=list)
    _sessions: dict[str, Session] = field(default_factory=dict)
    _inbox: "queue.Queue[tuple[str, MQTTMessage] | _Fence | None]" = field(default_factory=queue.Queue)
    _fences: "dict[str, _Fence]" = field(default_factory=dict)
    _failures: list[Exception] = field(default_factory=list)

    def fence(self) -> None:
        """Wait until all that the brokers had for this node has been dealt with; raises what went wrong."""
        asked = _Fence()
        self._inbox.put(asked)
        passed = asked.passed.wait(SECONDS)
        if self._failures:
            raise self._failures[0]
        assert passed, f"node {self.name} did not come to its fence"

    def attach(self, end: str, opened: Session) -> None:
        """Deal with what comes by a session; `end` is a connector's name, or this broker."""
        opened.client.on_message = lambda _c, _u, message: self._inbox.put((end, message))
        self._sessions[end] = opened
        assert opened.subscribe(f"{FENCES}{self.name}", 2) == "Granted QoS 2"

    def subscribe(self) -> None:
        """Subscribe to what the sources name, and to what the rules ask of this broker."""
        for source in self.bridge.sources.values():
            granted = self._sessions[source.connector].subscribe(source.topic, source.qos)
            assert granted == f"Granted QoS {source.qos}", f"{source.topic}: {granted}"
        for rule in self.bridge.rules:
            for pattern in rule.filters:
                # The rule engine sees what is published, as it is published, and nothing that was kept.
                word = self._sessions[_HERE].subscribe(pattern, 2, as_published=True, retained=False)
                assert word == "Granted QoS 2", f"{pattern}: {word}"

    def work(self) -> None:
        """Deal with one thing after the other until there is a None; after a failure with nothing any more."""
        while (thing := self._inbox.get()) is not None:
            if self._failures:
                self._give_up(thing)
                continue
            try:
                if isinstance(thing, _Fence):
                    self._put_up(thing)
                elif thing[1].topic.startswith(FENCES):
                    self._fences[thing[1].payload.decode()].reached()
                else:
                    self._deal_with(*thing)
            except Exception as error:  # noqa: BLE001 - whoever waits at a fence raises it
                self._failures.append(error)
                self._give_up(*self._fences.values(), thing)

    def stop(self) -> None:
        """Let `work` end."""
        self._inbox.put(None)

    def _give_up(self, *things: "tuple[str, MQTTMessage] | _Fence") -> None:
        for thing in things:
            if isinstance(thing, _Fence):
                thing.passed.set()

    def _put_up(self, fence: "_Fence") -> None:
        token = uuid.uuid4().hex
        fence.missing = len(self._sessions)
        self._fences[token] = fence
        for opened in self._sessions.values():
            assert opened.publish(f"{FENCES}{self.name}", token, 2) == "Success"

    def _deal_with(self, end: str, message: MQTTMessage) -> None:
        event = _published(message) if end == _HERE else _received(message)
        for rule in self.bridge.rules:
            if self._concerns(rule, end, message.topic) and (output := rule.statement.output(event)):
                self._carry(rule, event, output)

    def _concerns(self, rule: Rule, end: str, topic: str) -> bool:
        if end == _HERE:
            return any(matches(pattern, topic) for pattern in rule.filters)
        sources = [self.bridge.sources[name] for name in rule.sources]
        return any(source.connector == end and matches(_unshared(source.topic), topic) for source in sources)

    def _carry(self, rule: Rule, event: Mapping[str, Any], output: Output) -> None:
        properties = output.columns["pub_props"]["User-Property"] if output.whole else {}
        for name in rule.actions:
            action = self.bridge.actions[name]
            self._publish(action.connector, rule, action.publication, output, properties)
        for republication in rule.republications:
            named = {**event["pub_props"]["User-Property"], PUBLISHER: rule.name}
            self._publish(_HERE, rule, republication, output, named)

    def _publish(
        self, end: str, rule: Rule, wanted: Publication, output: Output, properties: Mapping[str, str]
    ) -> None:
        if len(self.carried) == self.limit:
            return
        columns = output.columns
        topic, payload = columns[wanted.topic], columns[wanted.payload]
        qos, retain = columns.get(wanted.qos, 0), columns.get(wanted.retain, False)
        self.carried.append(Crossed(rule.name, topic))
        word = self._sessions[end].publish(
            topic, payload, qos, retain=retain, user_properties=properties.items()
        )
        assert word in _TAKEN, f"{rule.name} publishes {topic}: {word}"


@contextlib.contextmanager
def running(name: str, configuration: str, ends: Ends, limit: int = LIMIT) -> Iterator[Node]:
    """Give a node that carries out a configuration (as `sitectl render` writes it) until the end.

    Raises NotUnderstood and NotConnected.
    """
    node = Node(name, read_bridge(hocon.read(configuration)), limit)
    with contextlib.ExitStack() as opened:
        node.attach(_HERE, opened.enter_context(ends.rules(f"rules-{name}")))
        for connector_name, connector in node.bridge.connectors.items():
            connection = _connection(connector_name, connector, name, ends)
            node.attach(connector_name, opened.enter_context(connection))
        node.subscribe()
        worker = threading.Thread(target=node.work, name=f"bridge-{name}")
        worker.start()
        try:
            yield node
            node.fence()
        finally:
            node.stop()
            worker.join()


def at_rest(*nodes: Node) -> None:
    """Wait until none of the nodes has anything to carry any more; raises what went wrong."""
    quiet = 0
    for _ in range(_ROUNDS):
        before = sum(len(node.carried) for node in nodes)
        for node in nodes:
            node.fence()
        quiet = quiet + 1 if sum(len(node.carried) for node in nodes) == before else 0
        # Twice, because what one node carried may have come to another after that one's fence.
        if quiet == 2:
            return
    raise AssertionError("the bridge does not come to rest")


@dataclass
class _Fence:
    """A message to oneself by each session: what came by it before has been dealt with."""

    passed: threading.Event = field(default_factory=threading.Event)
    missing: int = 0

    def reached(self) -> None:
        self.missing -= 1
        if self.missing == 0:
            self.passed.set()


@contextlib.contextmanager
def _connection(name: str, connector: Connector, node: str, ends: Ends) -> Iterator[Session]:
    if connector.server not in ends.servers:
        raise NotUnderstood(f"connector {name}: nobody knows {connector.server}")
    certificate = Certificate(*map(ends.file, connector.certificate)) if connector.certificate else None
    with contextlib.ExitStack() as opened:
        try:
            made = opened.enter_context(
                session(
                    ends.servers[connector.server],
                    connector.host,
                    ends.file(connector.authorities),
                    f"{connector.client_prefix}:{node}:1",
                    certificate=certificate,
                    login=(connector.user, ends.file(connector.password).read_text().rstrip()),
                    clean_start=connector.clean_start,
                    keepalive=connector.keepalive,
                )
            )
        except Refused as refused:
            raise NotConnected(
                f"connector {name}: {connector.server} does not let in {connector.user}: {refused}"
            ) from refused
        yield made


def _published(message: MQTTMessage) -> dict[str, Any]:
    """The event of a message that is published at this broker."""
    properties = user_properties(message)
    return {
        "topic": message.topic,
        "clientid": properties.pop(PUBLISHER),
        "payload": message.payload,
        "qos": message.qos,
        "flags": {"retain": message.retain},
        "pub_props": {"User-Property": properties},
    }


def _received(message: MQTTMessage) -> dict[str, Any]:
    """The event of a message that came from another broker."""
    return {
        "topic": message.topic,
        "payload": message.payload,
        "qos": message.qos,
        "retain": message.retain,
        "pub_props": {"User-Property": user_properties(message)},
    }


def user_properties(message: MQTTMessage) -> dict[str, str]:
    """Return a message's user properties; a rule sees one of each name."""
    return dict(getattr(message.properties, "UserProperty", []))


def _unshared(topic: str) -> str:
    return topic.split("/", 2)[2] if topic.startswith("$share/") else topic
