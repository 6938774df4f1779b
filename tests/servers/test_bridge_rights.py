"""The program that bridges comes to the broker of its site with what the stack renders, and may what it needs alone.

The lab's broker has the site's own configuration, and asks a real policy server with the site's own data. Another of
the lab's brokers is the incumbent, which asks for a password.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components import bridge_settings
from lab.progress import Silent
from lab.tools import ensure
from lab.waiting import wait_until
from model import Site
from model.incumbent_bridge import CROSSED
from tests.support import two_brokers
from tests.support.broker_bench import Bench, Broker, bench
from tests.support.counted_messages import Watcher, watching
from tests.support.mqtt import Certificate, session
from tests.support.two_brokers import BridgeProgram
from tests.support.variants import sites_with_bridge_worker

DOOR = "ssl-bridge"
PATIENCE = 60.0
DEVICE = "pump-1"


@dataclass(frozen=True)
class Table:
    """The site's broker and the incumbent, which run, and where their files are."""

    bench: Bench
    broker: Broker
    incumbent: two_brokers.Broker
    folder: Path

    @property
    def site(self) -> Site:
        """The site, in the phase of the direction."""
        return self.bench.site

    def identity(self) -> Certificate:
        """Return the certificate that the program has at the site's broker."""
        pair = self.bench.authority.client("bridge", bridge_settings.user(self.site))
        return Certificate(pair.certificate, pair.key)

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Return the settings that the stack renders, but for addresses and where files are."""
        worker = self.site.bridge_worker
        assert worker is not None
        found: dict[str, Any] = json.loads(bridge_settings.text(self.site, worker))
        mine = self.identity()
        found["broker"] |= {
            "host": "localhost",
            "port": self.broker.ports[DOOR],
            "certificate": str(mine.chain),
            "key": str(mine.key),
            "authority": str(self.bench.authority.certificate),
        }
        found["incumbent"] |= {
            "host": two_brokers.NAME,
            "port": self.incumbent.port,
            "user": two_brokers.BRIDGE,
            "password_file": str(self.incumbent.passwords[two_brokers.BRIDGE]),
            "authority": str(self.incumbent.authority.certificate),
        }
        found["heartbeat"]["every_seconds"] = 1
        return found | changes

    @contextlib.contextmanager
    def bridge(self, name: str, **changes: Any) -> Iterator[BridgeProgram]:
        """Give the program, which runs and lets messages cross."""
        made = BridgeProgram(self.folder / name, self.settings(**changes))
        with made.child:
            yield made

    @contextlib.contextmanager
    def at_site(self, kind: str, name: str) -> Iterator[Any]:
        """Give a client's session at the site's broker."""
        with self.broker.session(
            f"{name}.{kind}s.{self.site.domain}", self.bench.certificate(kind, name)
        ) as made:
            yield made

    @contextlib.contextmanager
    def at_incumbent(self) -> Iterator[Watcher]:
        """Give somebody who sees all that is published at the incumbent."""
        with watching(self.incumbent.client("watcher")) as made:
            yield made


@pytest.fixture(scope="module", params=["parallel", "cutover"])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    folder = tmp_path_factory.mktemp(request.param)
    found = sites_with_bridge_worker(folder, request.param, "opensource")
    site = next(site for site in found if site.name == "eagle-ford")
    program = ensure(["mqtt"], Silent())["mqtt"] / "mqtt"
    incumbent = two_brokers.Broker(program, folder / "incumbent", certificates=False)
    # First, so that its port is taken when the others look for free ones.
    incumbent.start()
    (folder / "bench").mkdir()
    try:
        with bench(site, folder / "bench") as made, made.broker() as running:
            yield Table(made, running, incumbent, folder)
    finally:
        incumbent.stop()


def heard(bridge: BridgeProgram) -> None:
    """Wait until the bridge has heard its own heartbeat, for which it may wait three times as long."""
    before = bridge.figure("connections_total", end="source")
    wait_until(lambda: 0 < bridge.figure("source_silent_seconds") < 3, PATIENCE, "a heartbeat")
    assert bridge.figure("connections_total", end="source") == before


def test_messages_cross_in_the_phases_direction_and_nothing_is_refused(table: Table) -> None:
    topic = f"{table.site.name}/{DEVICE}/state"
    command = f"{table.site.name}/{DEVICE}/command/start"
    with table.bridge("crosses") as bridge:
        if table.site.bridge == "ingress":
            with table.at_site("service", "historian") as reader:
                assert "Granted" in reader.subscribe(f"{table.site.name}/#", 2)
                speaker = table.incumbent.client("speaker")
                for name, text in (
                    (command, "not this"),
                    (topic, "on"),
                    (f"ot/{topic}", "nor this"),
                    (topic, "off"),
                ):
                    speaker.publish(name, text, 2).wait_for_publish(PATIENCE)
                speaker.disconnect()
                speaker.loop_stop()
                came = [reader.received.get(timeout=PATIENCE) for _ in range(2)]
            assert [(message.topic, message.payload, message.qos) for message in came] == [
                (topic, b"on", 2),
                (topic, b"off", 2),
            ]
            assert CROSSED in dict(came[0].properties.UserProperty)
        else:
            with table.at_incumbent() as watcher, table.at_site("device", DEVICE) as device:
                whole = f"{DEVICE}.devices.{table.site.domain}"
                topic = f"{table.site.name}/{whole}/state"
                for text in ("on", "off"):
                    assert device.publish(topic, text, 2) == "Success"
                wait_until(lambda: len(watcher.came) == 2, PATIENCE, "what goes out")
            assert [(message.topic, message.payload, message.qos) for message in watcher.came] == [
                (topic, b"on", 2),
                (topic, b"off", 2),
            ]
            assert CROSSED in dict(watcher.came[0].properties)
        heard(bridge)
        assert bridge.figure("refused_total") == 0
        assert bridge.figure("connected", end="source") == bridge.figure("connected", end="target") == 1


def test_the_other_direction_is_not_granted(table: Table) -> None:
    """The control: the same program with the settings of the other phase is let in, and may nothing."""
    other = "egress" if table.site.bridge == "ingress" else "ingress"
    bridge = BridgeProgram(table.folder / "other", table.settings(direction=other))
    with bridge.begun():
        wait_until(lambda: answers(bridge), PATIENCE, "its figures")
        if other == "egress":
            # EMQX ends the session of who subscribes to what it may not, and the program comes again.
            wait_until(lambda: bridge.figure("connections_total", end="source") > 1, PATIENCE, "a refusal")
            assert not bridge.is_ready()
            assert bridge.figure("received_total") == 0
        else:
            wait_until(bridge.is_ready, PATIENCE, "it is let in")
            speaker = table.incumbent.client("speaker")
            speaker.publish(f"{table.site.name}/{DEVICE}/state", "on", 1).wait_for_publish(PATIENCE)
            speaker.disconnect()
            speaker.loop_stop()
            wait_until(lambda: bridge.figure("refused_total") > 0, PATIENCE, "a refusal")


def answers(bridge: BridgeProgram) -> bool:
    with contextlib.suppress(OSError):
        bridge.figure("connected")
        return True
    return False


def test_its_certificate_is_good_for_nothing_else(table: Table) -> None:
    name, mine = bridge_settings.user(table.site), table.identity()
    said = {}
    for topic in (f"ot/{table.site.name}/unit/1", f"{table.site.name}/{DEVICE}/command/start", "else/where"):
        with session(
            table.broker.ports[DOOR],
            table.site.mqtt_host,
            table.bench.authority.certificate,
            name,
            certificate=mine,
        ) as client:
            said[topic] = client.publish(topic, "x")
    for topic in ("#", f"ot/{table.site.name}/#", "$kit/audit/#", "spBv1.0/#"):
        with session(
            table.broker.ports[DOOR],
            table.site.mqtt_host,
            table.bench.authority.certificate,
            name,
            certificate=mine,
        ) as client:
            said[topic] = client.subscribe(topic)
    assert [words for words in said.values() if words == "Success" or "Granted" in words] == [], said
