"""The lab's MQTT brokers: one that stands for EMQX at a site's door, one for the broker that is replaced.

No EMQX can be had from a registry. The site's door takes what it is told from the site's own EMQX configuration: which
claims a token must have, what the policy server is asked, how long a decision is remembered, how much a session holds,
and who of a group gets a message.
"""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.certificates import KeyPair
from lab.child import Child, listens
from lab.files import write
from lab.ports import HOST, free_ports
from lab.waiting import wait_until
from model.emqx.configuration import OWN_CLIENT_ID
from model.units import Bytes, Duration

PUBLISHER = "lab-publisher"
"""MQTT 5 user property at a door for rules."""
START_SECONDS = 20.0
FIGURES_SECONDS = 10.0
FIGURES = "figures.json"
"""What became of each client's messages: the broker keeps this file in its folder."""
# EMQX's own, where a configuration says nothing (its schema, 5.8.9).
_WAITING, _WINDOW, _AWAITED, _EXPIRY = 1000, 32, 100, "2h"


@dataclass(frozen=True)
class Door:
    """One listener: its server certificate, and whom it lets in.

    With `authorities` (a PEM file) a client certificate of theirs is asked for, and needed where `certificate_needed`;
    it must not be on one of the lists `revoked` (DER or PEM files). Who has none shows a name and a password or token
    where the door `authenticates`, and else is let in.
    """

    pair: KeyPair
    authorities: Path | None = None
    certificate_needed: bool = True
    authenticates: bool = True
    versions: tuple[str, ...] = ()
    revoked: tuple[Path, ...] = ()
    access: tuple[str, ...] = ()
    web_socket: bool = False
    rules: bool = False
    """For what stands for EMQX's rule engine: nobody asks the policy server about it, `PUBLISHER` names each message's
    publisher to it, and the rule in whose name it publishes to the broker."""
    zone: str = ""
    """The zone whose bounds hold for its clients, where it is in one."""


def site_door(
    listener: Mapping[str, Any],
    pair: KeyPair,
    authorities: Path,
    revoked: tuple[Path, ...],
    *,
    web_socket: bool = False,
) -> Door:
    """Return the door that a listener of EMQX's configuration is; the files are those that the broker would have.

    `revoked` are the lists that EMQX would fetch; they are held only if the listener says so.
    """
    tls = listener["ssl_options"]
    return Door(
        pair,
        authorities=authorities if tls["verify"] == "verify_peer" else None,
        certificate_needed=tls.get("fail_if_no_peer_cert", False),
        authenticates=listener["enable_authn"],
        versions=tuple(tls["versions"]),
        revoked=revoked if tls.get("enable_crl_check") else (),
        access=tuple(listener.get("access_rules") or ()),
        web_socket=web_socket,
        zone=listener.get("zone", ""),
    )


@dataclass(frozen=True)
class Servers:
    """Where a site's door asks: Keycloak is named in the configuration, the policy server is the lab's own."""

    policy: str
    """Address of the policy server, `https://127.0.0.1:PORT`."""
    authority: Path
    """PEM file of who signed both servers' certificates."""


def site_settings(
    document: Mapping[str, Any], servers: Servers, loaded_by: Path | None = None
) -> dict[str, Any]:
    """Return what the site's door is told of tokens, of the policy server and of sessions, from EMQX's configuration.

    With `loaded_by` it does not look at tokens before that file is there, as EMQX does not while it starts: whoever
    comes is let in. Raises ValueError where the configuration allows by default, or leaves a client the id that it asks
    for.
    """
    check, token = document["authentication"]
    (source,) = document["authorization"]["sources"]
    if document["authorization"]["no_match"] != "deny":
        raise ValueError("the lab's door denies what nobody allows, and this configuration does not")
    mqtt = document["mqtt"]
    if (mqtt["peer_cert_as_clientid"], mqtt.get("clientid_override")) != ("cn", OWN_CLIENT_ID):
        raise ValueError("the lab's door binds client ids, and this configuration does not")
    cache = document["authorization"]["cache"]
    return {
        "Token": {
            "Keys": token["endpoint"],
            "Authorities": str(servers.authority),
            "Claims": token["verify_claims"],
            "ACLClaim": token["acl_claim_name"],
        },
        "LoadedBy": str(loaded_by or ""),
        "Login": _asked(check, servers),
        "BindsClientIDs": True,
        "Policy": {
            **_asked(source, servers),
            "CacheSeconds": int(cache["ttl"].removesuffix("s")),
            "CacheSize": cache["max_size"],
        },
        "KeepsSessions": document["authorization"]["deny_action"] == "ignore",
        # EMQX's KB and MB are powers of 1024.
        "LargestPacket": Bytes.parse(mqtt["max_packet_size"].replace("KB", "KiB").replace("MB", "MiB")).count,
        **session_settings(document),
    }


def session_settings(document: Mapping[str, Any], *, by_connection: bool = True) -> dict[str, Any]:
    """Return what a broker is told of sessions and of groups, from EMQX's configuration: `mqtt`, and `zones` if any.

    With `by_connection` groups are as EMQX 5.8.9 has them (emqx_shared_sub.erl): a member is a connection, and what
    `sticky` remembers is a publisher's connection's. Who comes again, with its session too, may get other publishers'
    messages then, and a publisher that comes again may be given to another member.
    """
    mqtt = document["mqtt"]
    zones = document.get("zones") or {}
    return {
        "Shared": {
            "Strategy": mqtt.get("shared_subscription_strategy", "round_robin"),
            "InitialPick": mqtt.get("shared_subscription_initial_sticky_pick", "random"),
            "ByConnection": by_connection,
        },
        "EachSubscription": True,
        "Session": _session(mqtt),
        "Zones": {name: _session({**mqtt, **zone.get("mqtt", {})}) for name, zone in zones.items()},
    }


def _session(mqtt: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Queue": _bound(mqtt.get("max_mqueue_len", _WAITING)),
        "Window": mqtt.get("max_inflight", _WINDOW),
        "Awaited": _bound(mqtt.get("max_awaiting_rel", _AWAITED)),
        "SessionSeconds": Duration.parse(mqtt.get("session_expiry_interval", _EXPIRY)).seconds,
        "StoresQoS0": mqtt.get("mqueue_store_qos0", True),
    }


def _bound(count: int | str) -> int:
    """Return a bound as the broker has it: 0 for none, which EMQX also calls `infinity`."""
    return 0 if count == "infinity" else int(count)


def _asked(source: Mapping[str, Any], servers: Servers) -> dict[str, Any]:
    """Return how a source of EMQX's is asked; its name is one of the cluster's network, which is simulated."""
    return {
        "URL": servers.policy + urlsplit(source["url"]).path,
        "Authorities": str(servers.authority),
        "Body": source["body"],
    }


@contextlib.contextmanager
def running(
    program: Path, folder: Path, doors: Mapping[str, Door], settings: Mapping[str, Any]
) -> Iterator[dict[str, int]]:
    """Give the ports of a broker's doors by name while it runs; it is stopped at the end, whatever happens.

    `settings` are those beside the doors: `Users` (password files by name), and what `site_settings` gives. Raises
    ChildFailedError.
    """
    ports = free_ports(doors)
    listeners = {name: _listener(door, ports[name]) for name, door in doors.items()}
    file = write(folder / "settings.json", json.dumps({**settings, "Listeners": listeners}, indent=2))

    def is_ready() -> bool:
        return all(listens(port) for port in ports.values())

    with Child((program, file), folder, is_ready, start_seconds=START_SECONDS):
        yield ports


def figures(folder: Path, client_id: str) -> dict[str, int]:
    """Return what a broker in `folder` says of a client: since it started, and as it is now.

    `Dropped` are the oldest, where too much waited; `DroppedQoS0`, `Expired`, `TooLarge` and `Ended` (with a session)
    are the others that are gone. `Sent` are those that were written to a connection, again ones included. `Queued`,
    `InFlight` (unacknowledged) and `Received` (of QoS 2, unreleased) are what its session holds; `Session` and
    `Connected` say whether it has one, and is there. Empty for a client that never came. Raises NotInTimeError when
    the broker says nothing any more.
    """
    asked, said = time.time_ns(), dict[str, Any]()

    def is_of_now() -> bool:
        with contextlib.suppress(FileNotFoundError):
            said.update(json.loads((folder / FIGURES).read_text()))
        return bool(said) and said["Since"] >= asked

    wait_until(is_of_now, FIGURES_SECONDS, f"the broker writes {FIGURES}")
    found: dict[str, int] = said["Clients"].get(client_id, {})
    return found


def _listener(door: Door, port: int) -> dict[str, Any]:
    return {
        "Address": f"{HOST}:{port}",
        "Certificate": str(door.pair.certificate),
        "Key": str(door.pair.key),
        "Authorities": str(door.authorities or ""),
        "CertificateNeeded": door.certificate_needed,
        "Authenticates": door.authenticates,
        "Versions": list(door.versions),
        "Revoked": [str(file) for file in door.revoked],
        "Access": list(door.access),
        "WebSocket": door.web_socket,
        "Rules": door.rules,
        "Zone": door.zone,
    }
