"""The program that bridges to the incumbent: who it is at this broker, what it may there, and its settings."""

import json
from typing import Any

from components import emqx_incumbent, names
from components.component import selector_labels
from components.workers import common_name
from model import Site, bridge_capacity
from model.bridge_worker import BRIDGE, POD, BridgeWorker
from model.incumbent_bridge import crossings

FOLDER = "/bridge"
"""Where volumes are mounted in the program's container, each below its own name."""
IDENTITY = f"{BRIDGE}-identity"
"""Secret of its certificate at this broker, filled by cert-manager."""
FIGURES_TLS = f"{BRIDGE}-tls"
"""Secret of the certificate under which it tells its figures, likewise."""
FILE = "settings.json"
KEEPALIVE_SECONDS = 30
HEARTBEAT_SECONDS = 10
"""As seldom as it hears itself; an alert counts by this."""


def selected(site: Site) -> dict[str, str]:
    """Return the labels of its pod."""
    return selector_labels(site, BRIDGE, POD)


def user(site: Site) -> str:
    """Return the common name of its certificate, which is its user name and its client id at this broker."""
    return common_name(site, POD)


def figures_host(site: Site) -> str:
    """Return the name in the certificate under which it tells its figures."""
    return names.service_host(site, BRIDGE)


def filters(site: Site) -> tuple[str, ...]:
    """Return what it subscribes to at this broker: what goes out, and its heartbeat; nothing while it brings in."""
    worker = site.bridge_worker
    if worker is None or site.bridge != "egress":
        return ()
    return (*(f"{crossing.ours}/#" for crossing in crossings(site)), worker.heartbeat)


def rights(site: Site) -> dict[str, Any] | None:
    """Return what it may at this broker, as the policy reads it; None where no program is the bridge."""
    worker = site.bridge_worker
    if worker is None:
        return None
    inwards = site.bridge == "ingress"
    return {
        "filters": list(filters(site)),
        "publishes": [] if inwards else [worker.heartbeat],
        "spaces": [
            {"begins": crossing.ours, "commands": crossing.commands}
            for crossing in crossings(site)
            if inwards
        ],
    }


def text(site: Site, worker: BridgeWorker) -> str:
    """Return its settings as JSON, without any secret (`images/worker/bridge/settings.py`)."""
    return json.dumps(_settings(site, worker), indent=2, sort_keys=True) + "\n"


def _settings(site: Site, worker: BridgeWorker) -> dict[str, Any]:
    watched = worker.watch if site.bridge == "ingress" else None
    beat = {"topic": worker.heartbeat, "every_seconds": HEARTBEAT_SECONDS}
    return {
        "site": site.name,
        "direction": site.bridge,
        "broker": _broker(site, worker),
        "incumbent": _incumbent(site, worker),
        "topics": {
            f"space-{number}": {
                "theirs": crossing.theirs,
                "ours": crossing.ours,
                "commands": crossing.commands,
            }
            for number, crossing in enumerate(crossings(site), 1)
        },
        "window": bridge_capacity.WINDOW,
        "held_bytes": bridge_capacity.held(worker).count,
        **({"watch": watched} if watched else {"heartbeat": beat}),
        "listen": {
            "host": "0.0.0.0",  # noqa: S104 - the pod's; a network policy says who comes there
            "port": worker.figures_port,
            "certificate": f"{FOLDER}/figures/tls.crt",
            "key": f"{FOLDER}/figures/tls.key",
        },
    }


def _broker(site: Site, worker: BridgeWorker) -> dict[str, Any]:
    return {
        "host": names.service_host(site, names.BROKER_LISTENERS),
        "port": worker.port,
        # What the broker makes of it anyway: the certificate's common name.
        "client_id": user(site),
        "certificate": f"{FOLDER}/identity/tls.crt",
        "key": f"{FOLDER}/identity/tls.key",
        "authority": f"{FOLDER}/trust/{names.TRUST_SITE}",
        **_session(worker),
    }


def _incumbent(site: Site, worker: BridgeWorker) -> dict[str, Any]:
    incumbent, folder = site.incumbent, f"{FOLDER}/incumbent"
    shown = (
        {"certificate": f"{folder}/tls.crt", "key": f"{folder}/tls.key"}
        if incumbent.client_certificate
        else {}
    )
    return {
        "host": incumbent.address,
        "port": incumbent.port,
        "version": worker.mqtt,
        "client_id": f"{site.name}-bridge",
        "user": emqx_incumbent.user(site),
        "password_file": f"{folder}/password",
        "authority": f"{folder}/ca.crt",
        **shown,
        **_session(worker),
    }


def _session(worker: BridgeWorker) -> dict[str, int]:
    return {
        "keepalive_seconds": KEEPALIVE_SECONDS,
        "session_expiry_seconds": worker.session_expiry.seconds,
    }


def rights_by_name(site: Site) -> dict[str, Any]:
    """Return what the program that bridges to the incumbent may, by its common name; nothing where there is none."""
    found = rights(site)
    return {} if found is None else {"bridges": {user(site): found}}
