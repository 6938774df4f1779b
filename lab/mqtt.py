"""The lab's MQTT brokers: one that stands for EMQX at a site's door, one for the broker that is replaced.

No EMQX can be had from a registry. The site's door takes what it is told from the site's own EMQX configuration: which
claims a token must have, what the policy server is asked, how long a decision is remembered.
"""

import contextlib
import json
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.certificates import KeyPair
from lab.errors import LabError
from lab.files import write
from lab.ports import HOST
from lab.waiting import NotInTimeError, wait_until

START_SECONDS = 20.0
STOP_SECONDS = 10.0


class BrokerFailedError(LabError):
    """An MQTT broker did not start; the message is its own."""


@dataclass(frozen=True)
class Door:
    """One listener: its server certificate, and whom it lets in.

    With `authorities` (a PEM file) a client certificate of theirs is needed, and not on one of the lists `revoked`
    (DER or PEM files); without, a name and a password or token.
    """

    pair: KeyPair
    authorities: Path | None = None
    revoked: tuple[Path, ...] = ()
    web_socket: bool = False


@dataclass(frozen=True)
class Servers:
    """Where a site's door asks: Keycloak is named in the configuration, the policy server is the lab's own."""

    policy: str
    """Address of the policy server, `https://127.0.0.1:PORT`."""
    authority: Path
    """PEM file of who signed both servers' certificates."""


def site_settings(document: Mapping[str, Any], servers: Servers) -> dict[str, Any]:
    """Return what the site's door is told of tokens and of the policy server, from EMQX's configuration.

    Raises ValueError where the configuration allows by default.
    """
    (token,) = document["authentication"]
    (source,) = document["authorization"]["sources"]
    if document["authorization"]["no_match"] != "deny":
        raise ValueError("the lab's door denies what nobody allows, and this configuration does not")
    cache = document["authorization"]["cache"]
    return {
        "Token": {
            "Keys": token["endpoint"],
            "Authorities": str(servers.authority),
            "Claims": token["verify_claims"],
        },
        "Policy": {
            # Its name is one of the cluster's network, which is simulated.
            "URL": servers.policy + urlsplit(source["url"]).path,
            "Authorities": str(servers.authority),
            "Body": source["body"],
            "CacheSeconds": int(cache["ttl"].removesuffix("s")),
            "CacheSize": cache["max_size"],
        },
    }


@contextlib.contextmanager
def running(
    program: Path, folder: Path, doors: Mapping[str, Door], settings: Mapping[str, Any]
) -> Iterator[dict[str, int]]:
    """Give the ports of a broker's doors by name while it runs; it is stopped at the end, whatever happens.

    `settings` are those beside the doors: `Users` (password files by name), `Token`, `Policy`. Raises
    BrokerFailedError.
    """
    ports = _free_ports(doors)
    listeners = {name: _listener(door, ports[name]) for name, door in doors.items()}
    file = write(folder / "settings.json", json.dumps({**settings, "Listeners": listeners}, indent=2))
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([program, file], stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        _await(process, log, ports)
        yield ports
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], log: Path, ports: Mapping[str, int]) -> None:
    def is_up() -> bool:
        if process.poll() is not None:
            raise BrokerFailedError(log.read_text(errors="replace").strip())
        return all(_answers(port) for port in ports.values())

    try:
        wait_until(is_up, START_SECONDS, "the MQTT broker listens")
    except NotInTimeError as error:
        raise BrokerFailedError(str(error)) from error


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _listener(door: Door, port: int) -> dict[str, Any]:
    return {
        "Address": f"{HOST}:{port}",
        "Certificate": str(door.pair.certificate),
        "Key": str(door.pair.key),
        "Authorities": str(door.authorities or ""),
        "Revoked": [str(file) for file in door.revoked],
        "WebSocket": door.web_socket,
    }


def _free_ports(names: Mapping[str, Any]) -> dict[str, int]:
    """Return a free port for each name; all are held until the last is known, so that none comes twice."""
    with contextlib.ExitStack() as held:
        found = {}
        for name in names:
            holder = held.enter_context(socket.socket())
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind((HOST, 0))
            found[name] = holder.getsockname()[1]
        return found
