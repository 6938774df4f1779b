"""The lab's MQTT broker for a worker: a listener for devices, and the worker's own behind a network that can be cut."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import mqtt
from lab.certificates import Authority, KeyPair
from lab.child import Child, listens
from lab.files import write
from lab.ports import free_ports
from lab.progress import Silent
from lab.tools import ensure
from lab.waiting import NotInTimeError, wait_until
from tests.support.publisher import Publisher, publisher
from tests.support.tcp_proxy import Proxy, proxy

DEVICES, WORKERS = "devices", "worker"
SECONDS = 60.0


@dataclass(frozen=True)
class BenchBroker:
    """A broker that runs; it can be killed and started again at the same ports."""

    folder: Path
    authority: Authority
    child: Child
    ports: Mapping[str, int]
    proxy: Proxy
    """The network between the worker and its listener."""

    def device(self, client_id: str) -> AbstractContextManager[Publisher]:
        """A device that publishes."""
        return publisher(self.ports[DEVICES], self.authority.certificate, client_id)

    def certificate(self, name: str) -> KeyPair:
        """Return a client certificate of a worker."""
        return self.authority.client(name, name)

    def figures(self, client_id: str) -> dict[str, int]:
        """Return what the broker says of a client (see `lab.mqtt.figures`)."""
        return mqtt.figures(self.folder, client_id)

    def says(self, client_id: str, **wanted: int) -> None:
        """Wait until the broker says so of a client."""

        def holds() -> bool:
            try:
                found = self.figures(client_id)
            except NotInTimeError:
                # A broker that has much to do says what it holds more seldom.
                return False
            return all(found.get(name) == value for name, value in wanted.items())

        try:
            wait_until(holds, SECONDS, f"{client_id} is {wanted}")
        except Exception as error:
            error.add_note(str(self.figures(client_id)))
            raise

    def kill(self) -> None:
        """Kill the broker."""
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.stop()

    def start(self) -> None:
        """Start it again, with what it had on disk, which is nothing."""
        self.child.start()


@contextlib.contextmanager
def bench_broker(folder: Path, zone: Mapping[str, Any]) -> Iterator[BenchBroker]:
    """Run a broker in a folder until the end.

    `zone` has EMQX's `mqtt` keys of the workers' zone; groups are `sticky`, as EMQX 5.8.9 has them.
    """
    program = ensure({"mqtt"}, Silent())["mqtt"] / "mqtt"
    folder.mkdir()
    authority = Authority(folder / "authority", "The worker's bench")
    authority.ensure()
    pair = authority.server("mqtt")
    doors = {
        DEVICES: mqtt.Door(pair, authenticates=False),
        WORKERS: mqtt.Door(pair, authorities=authority.certificate, zone=WORKERS),
    }
    document = {"mqtt": {"shared_subscription_strategy": "sticky"}, "zones": {WORKERS: {"mqtt": zone}}}
    settings = mqtt.session_settings(document, by_connection=True)
    ports = free_ports(doors)
    listeners = {name: mqtt._listener(door, ports[name]) for name, door in doors.items()}
    file = write(folder / "settings.json", json.dumps({**settings, "Listeners": listeners}, indent=2))
    child = Child(
        (program, file),
        folder,
        lambda: all(listens(port) for port in ports.values()),
        start_seconds=mqtt.START_SECONDS,
    )
    with child, proxy(ports[WORKERS]) as before:
        yield BenchBroker(folder, authority, child, ports, before)
