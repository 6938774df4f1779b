"""Two of the lab's brokers with a bridge between them that is a program: they are restarted, cut off, and counted."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from lab.certificates import Authority, KeyPair
from lab.child import Child, listens
from lab.ports import HOST, free_ports
from lab.waiting import wait_until
from tests.support.counted_messages import HEARTBEATS, Speaker, Watcher, await_all, doubled, watching
from tests.support.cut_network import Network

ROOT = Path(__file__).parents[2]
NAME = "localhost"
"""In the certificates of both brokers."""
SITE = "eagle-ford"
BRIDGE = "incumbent-bridge"
"""Who the bridge is at both brokers."""
THEIRS, OURS = "Field/Pads", "eagle-ford"


class Broker:
    """One of the lab's brokers on a port of its own, which it keeps over restarts, and its sessions where it may."""

    def __init__(self, program: Path, folder: Path, *, certificates: bool, **settings: object) -> None:
        folder.mkdir(parents=True)
        self.folder, self.certificates = folder, certificates
        self.authority = Authority(folder / "tls", folder.name)
        self.authority.ensure()
        self.port = free_ports(("mqtts",))["mqtts"]
        self.passwords = {name: folder / f"{name}.password" for name in (BRIDGE, "tester")}
        for file in self.passwords.values():
            file.write_text(secrets.token_urlsafe())
        pair = self.authority.server("broker", (NAME,))
        listener = {
            "Address": f"{HOST}:{self.port}",
            "Certificate": str(pair.certificate),
            "Key": str(pair.key),
            "Authorities": str(self.authority.certificate) if certificates else "",
            "CertificateNeeded": certificates,
            "Authenticates": not certificates,
        }
        document = {
            "Listeners": {"mqtts": listener},
            "Users": {} if certificates else {name: str(file) for name, file in self.passwords.items()},
            **settings,
        }
        file = folder / "settings.json"
        file.write_text(json.dumps(document, indent=2))
        self.child = Child((program, file), folder, lambda: listens(self.port), start_seconds=20.0)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.child.start()

    def stop(self) -> None:
        """Stop it in order."""
        self.child.stop()

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.stop()

    def end(self, port: int, version: str = "5", pair: KeyPair | None = None) -> dict[str, Any]:
        """Return the bridge's settings of this end, reached at a port (a `Network`'s)."""
        who: dict[str, Any] = {"user": BRIDGE, "password_file": str(self.passwords[BRIDGE])}
        if self.certificates:
            shown = pair or self.authority.client("bridge", BRIDGE)
            who = {"certificate": str(shown.certificate), "key": str(shown.key)}
        return {
            "host": HOST,
            "port": port,
            "client_id": BRIDGE,
            "version": version,
            "authority": str(self.authority.certificate),
            "server_name": NAME,
            "keepalive_seconds": 5,
            "session_expiry_seconds": 600,
            **who,
        }

    def client(self, client_id: str, *, clean: bool = True, version_5: bool = True) -> Client:
        """Return a client that is connected, and connects again; its loop runs."""
        made = Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if version_5 else MQTTProtocolVersion.MQTTv311,
            clean_session=None if version_5 else clean,
        )
        made.reconnect_delay_set(1, 1)
        if self.certificates:
            pair = self.authority.client(f"client-{client_id}", client_id)
            made.tls_set(str(self.authority.certificate), str(pair.certificate), str(pair.key))
        else:
            made.tls_set(str(self.authority.certificate))
            made.username_pw_set("tester", self.passwords["tester"].read_text())
        made.max_inflight_messages_set(200)
        if version_5:
            asked = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # as paho has it
            asked.SessionExpiryInterval = 0 if clean else 600
            made.connect(NAME, self.port, 20, clean_start=clean, properties=asked)
        else:
            made.connect(NAME, self.port, 20)
        made.loop_start()
        wait_until(made.is_connected, 20, f"{client_id} is let in")
        return made


class BridgeProgram:
    """`python -m images.worker.bridge` with its settings: started, stopped, killed and asked."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_ports(("figures",))["figures"]
        self.file = folder / "settings.json"
        document = {**settings, "listen": {"host": HOST, "port": self.port}}
        self.file.write_text(json.dumps(document, indent=2))
        command = (sys.executable, "-m", "images.worker.bridge", self.file)
        self.child = Child(
            command,
            folder,
            self.is_ready,
            start_seconds=60.0,
            stop_seconds=20.0,
            environment={"PYTHONPATH": str(ROOT)},
        )

    def is_ready(self) -> bool:
        """Return whether messages cross."""
        try:
            return requests.get(f"http://{HOST}:{self.port}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def await_ready(self, seconds: float = 60.0) -> None:
        """Wait until messages cross."""
        wait_until(self.is_ready, seconds, "the bridge is ready")

    def figure(self, name: str, **labels: str) -> float:
        """Return a figure, summed over the labels that are not named."""
        text = requests.get(f"http://{HOST}:{self.port}/metrics", timeout=5).text
        total = 0.0
        for line in text.splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == f"bridge_{name}" and all(
                f'{key}="{word}"' in series for key, word in labels.items()
            ):
                total += float(value)
        return total

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.stop()

    @contextlib.contextmanager
    def begun(self) -> Iterator[None]:
        """Let it run, though it may never be ready."""
        with self.child.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "images.worker.bridge", str(self.file)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)

    def end(self) -> int:
        """Let both brokers forget its sessions; return the program's exit code."""
        command = [sys.executable, "-m", "images.worker.bridge", str(self.file), "--end"]
        return subprocess.run(command, cwd=ROOT, check=False, timeout=120).returncode

    @property
    def log(self) -> str:
        """Return what it said."""
        return self.child.log.read_text(errors="replace")


def settings(
    direction: str, broker: Mapping[str, Any], incumbent: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """Return the settings of a bridge between two ends."""
    return {
        "site": SITE,
        "direction": direction,
        "broker": dict(broker),
        "incumbent": dict(incumbent),
        "topics": {"pads": {"theirs": THEIRS, "ours": OURS}},
        "heartbeat": {"topic": f"{HEARTBEATS}heartbeat", "every_seconds": 1},
        "window": 200,
        **more,
    }


@dataclass
class Pair:
    """Two brokers, the ways to them, and bridges between them; everything is stopped at the end."""

    folder: Path
    here: Broker
    there: Broker
    to_here: Network
    to_there: Network
    opened: contextlib.ExitStack
    bridges: int = 0

    def bridge(self, direction: str, version: str = "5", *, start: bool = True, **more: Any) -> BridgeProgram:
        """Give a bridge, started and ready; `version` of MQTT at the incumbent, `more` of its settings."""
        self.bridges += 1
        told = settings(
            direction,
            more.pop("broker", None) or self.here.end(self.to_here.port),
            more.pop("incumbent", None) or self.there.end(self.to_there.port, version),
            **more,
        )
        made = BridgeProgram(self.folder / f"bridge-{self.bridges}", told)
        self.opened.callback(made.child.stop)
        if start:
            made.child.start()
        return made

    def sides(self, direction: str) -> tuple[Broker, Broker]:
        """Return where messages come from, and where they go."""
        return (self.there, self.here) if direction == "ingress" else (self.here, self.there)

    def ways(self, direction: str) -> tuple[Network, Network]:
        """Return the way to the source, and the way to the target."""
        return (self.to_there, self.to_here) if direction == "ingress" else (self.to_here, self.to_there)

    def watch(self, broker: Broker, name: str = "watcher") -> Watcher:
        """See what is published at a broker from now on."""
        return self.opened.enter_context(watching(broker.client(name, clean=False)))

    def speaker(self, broker: Broker, name: str = "speaker") -> Speaker:
        """Publish at a broker, in the space that crosses."""
        prefix = THEIRS if broker is self.there else OURS
        made = Speaker(broker.client(name), f"{broker.folder.name}-{name}", prefix)
        self.opened.callback(made.end)
        return made


@contextlib.contextmanager
def pair_of_brokers(program: Path, folder: Path, **more: object) -> Iterator[Pair]:
    """Give this broker, which asks for certificates, and the incumbent, which asks for passwords; both run."""
    with contextlib.ExitStack() as opened:
        made = []
        for name, certificates in (("here", True), ("there", False)):
            broker = Broker(program, folder / name, certificates=certificates, **more)
            broker.start()
            opened.callback(broker.stop)
            network = Network(broker.port)
            opened.callback(network.end)
            made.append((broker, network))
        (here, to_here), (there, to_there) = made
        yield Pair(folder, here, there, to_here, to_there, opened)


def quiet(bridge: BridgeProgram, watcher: Watcher) -> None:
    """Wait until nothing crosses any more: two looks at what came, a second apart, and nothing held."""
    seen = [-1]

    def rests() -> bool:
        before, seen[0] = seen[0], len(watcher.came)
        time.sleep(0.5)
        return before == len(watcher.came) == seen[0] and bridge.figure("held") == 0

    wait_until(rests, 60, "nothing crosses any more")


def crosses(bridge: BridgeProgram, watcher: Watcher, acknowledged: set[bytes], most: float) -> None:
    """Hold that everything acknowledged crossed, and how much at most came twice."""
    await_all(watcher, lambda: acknowledged)
    quiet(bridge, watcher)
    assert doubled(watcher.payloads()) <= most
