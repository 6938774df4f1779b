"""EMQX's listeners of a site: TLS only, each with its limits, and the zones of those of the kit's own programs."""

from collections.abc import Iterable
from typing import Final

from components import names, vault_names
from components.emqx_mounts import TLS_FOLDER, TRUST_FOLDER
from components.settings import Settings
from components.workers import workers
from model import Site, bridge_capacity, worker_capacity
from model.capacity import DoorLimits, door_limits
from model.emqx.configuration import ForcedShutdown, Zone, ZoneMqtt
from model.emqx.listeners import (
    BytesRate,
    DeviceListener,
    DeviceTls,
    Listeners,
    Stapling,
    TokenListener,
    TokenTls,
    ZoneName,
)
from model.emqx.protection import Bounds
from model.listeners import Listener
from model.network import Cidr
from model.units import Duration, Rate

WORKER: Final = "worker"
"""Name of the workers' listener (`ssl:worker`), and of its zone."""
BRIDGE: Final = "bridge"
"""Name of the listener of the program that bridges to the incumbent (`ssl:bridge`), and of its zone."""
CONNECTIONS_OF_A_WORKER = 2


def listeners(site: Site, settings: Settings, limits: Bounds) -> Listeners:
    """Return the site's listeners: those of its clients, and where it has workers, theirs."""
    doors, limited = site.broker.listeners, door_limits(site.broker)
    secured: dict[str, DeviceListener | TokenListener] = {
        "default": _device_listener(
            site, settings, doors.mqtts, limited["mqtts"], limits, _general_access(site)
        )
    }
    if doors.gateway is not None:
        secured["gateway"] = _token_listener(doors.gateway, limited["gateway"], limits)
    for zone in doors.zones:
        name, rules = f"zone-{zone.name}", _access(site.network.addresses(zone.name))
        secured[name] = _device_listener(
            site, settings, zone.beside(doors.mqtts), limited[name], limits, rules
        )
    if site.streams.worker is not None:
        count = sum(kind.number for kind in workers(site))
        door = Listener(port=site.streams.worker.port, max_connections=None, connection_rate=None)
        secured[WORKER] = _own_listener(site, WORKER, door, count, settings, limits)
    if site.bridge_worker is not None:
        door = Listener(
            port=site.bridge_worker.port,
            max_connections=None,
            connection_rate=None,
            # One client brings what all clients of the incumbent say.
            messages_rate=bridge_capacity.MOST_MESSAGES,
            bytes_rate=bridge_capacity.most_bytes(site),
        )
        secured[BRIDGE] = _own_listener(site, BRIDGE, door, 1, settings, limits)
    return Listeners(ssl=secured, wss={"default": _token_listener(doors.wss, limited["wss"], limits)})


def zones(site: Site, limits: Bounds) -> dict[ZoneName, Zone] | None:
    """Return what holds for the sessions of the kit's own programs alone; None where the site has none."""
    return {**_workers_zone(site, limits), **_bridges_zone(site)} or None


def _bridges_zone(site: Site) -> dict[ZoneName, Zone]:
    """Return what holds for the bridge's session: what is to go out waits there while the incumbent is away.

    It is there in each phase, and so none is left behind by one.
    """
    worker = site.incumbent.bridge_worker
    if worker is None:
        return {}
    return {
        BRIDGE: Zone(
            mqtt=ZoneMqtt(
                max_inflight=bridge_capacity.WINDOW,
                max_mqueue_len=bridge_capacity.waiting(site),
                max_awaiting_rel=bridge_capacity.WINDOW,
                session_expiry_interval=worker.session_expiry,
            ),
            force_shutdown=ForcedShutdown(
                max_mailbox_size=bridge_capacity.session_mailbox(site),
                max_heap_size=bridge_capacity.session_memory(site),
            ),
        )
    }


def _workers_zone(site: Site, limits: Bounds) -> dict[ZoneName, Zone]:
    """Return what holds for the sessions of workers: all that waits for Kafka waits in them."""
    worker = site.streams.worker
    if worker is None:
        return {}
    return {
        WORKER: Zone(
            mqtt=ZoneMqtt(
                max_inflight=worker_capacity.window(site),
                max_mqueue_len=worker_capacity.waiting(site),
                max_awaiting_rel=limits.awaited,
                session_expiry_interval=worker.session_expiry,
            ),
            force_shutdown=ForcedShutdown(
                max_mailbox_size=worker_capacity.session_mailbox(site),
                max_heap_size=worker_capacity.session_memory(site),
            ),
        )
    }


def _own_listener(
    site: Site, name: ZoneName, door: Listener, count: int, settings: Settings, limits: Bounds
) -> DeviceListener:
    """Return the listener of so many programs of the kit's, and nobody else's, which is in the zone of its name.

    The operator's Service shows every listener outside of the cluster, too: network policies close it there, and where
    the site says which addresses pods have, the broker itself.
    """
    most = DoorLimits(
        # Each comes back while the broker may still hold its connection before.
        max_connections=count * CONNECTIONS_OF_A_WORKER,
        connection_rate=Rate(count * CONNECTIONS_OF_A_WORKER),
    )
    access = _access(site.network.pods) if site.network.pods else None
    made = _device_listener(site, settings, door, most, limits, access)
    return made.model_copy(update={"zone": name})


def _general_access(site: Site) -> tuple[str, ...] | None:
    """Return who comes to `mqtts`: everybody, or, beside listeners of zones, the pods and the zones that are named."""
    doors, network = site.broker.listeners, site.network
    if not doors.zones:
        return None
    return _access([*network.pods, *(cidr for zone in doors.mqtts_for for cidr in network.addresses(zone))])


def _access(ranges: Iterable[Cidr]) -> tuple[str, ...]:
    return (*(f"allow {cidr}" for cidr in ranges), "deny all")


def _device_listener(
    site: Site,
    settings: Settings,
    door: Listener,
    limited: DoorLimits,
    limits: Bounds,
    access: tuple[str, ...] | None = None,
) -> DeviceListener:
    return DeviceListener(
        bind=f"0.0.0.0:{door.port}",
        max_connections=limited.max_connections,
        max_conn_rate=limited.connection_rate,
        messages_rate=door.messages_rate or limits.client_messages,
        bytes_rate=BytesRate((door.bytes_rate or limits.client_bytes).count),
        access_rules=access,
        ssl_options=DeviceTls(
            certfile=f"{TLS_FOLDER}/tls.crt",
            keyfile=f"{TLS_FOLDER}/tls.key",
            cacertfile=f"{TRUST_FOLDER}/{names.TRUST_SITE}",
            enable_crl_check=True if site.broker.revocation == "crl" else None,
            ocsp=_stapling(site, settings) if site.broker.revocation == "ocsp" else None,
        ),
    )


def _token_listener(door: Listener, limited: DoorLimits, limits: Bounds) -> TokenListener:
    return TokenListener(
        bind=f"0.0.0.0:{door.port}",
        max_connections=limited.max_connections,
        max_conn_rate=limited.connection_rate,
        messages_rate=door.messages_rate or limits.client_messages,
        bytes_rate=BytesRate((door.bytes_rate or limits.client_bytes).count),
        ssl_options=TokenTls(certfile=f"{TLS_FOLDER}/tls.crt", keyfile=f"{TLS_FOLDER}/tls.key"),
    )


def _stapling(site: Site, settings: Settings) -> Stapling:
    return Stapling(
        responder_url=f"{settings.vault_address}/v1/{vault_names.issuing_mount(site)}/ocsp",
        issuer_pem=f"{TRUST_FOLDER}/{names.TRUST_SITE}",
        refresh_interval=Duration(300),
        refresh_http_timeout=Duration(15),
    )
