"""Sites of every phase, edition and size, for the properties that hold whatever the data says."""

import tempfile
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import get_args

from hypothesis import assume
from hypothesis import strategies as st

from model import Site
from model.broker import Broker, Licence, Replicants
from model.listeners import Listener, Listeners, ZoneListener
from model.network import Cidr
from model.platform import ExternalSecrets
from model.protection import Load
from model.rules import RULES, capacity, kafka_way
from model.rules.rule import Finding, Rule
from model.streams import Delivery
from model.units import Bytes, Duration, Rate
from tests.support.variants import IMAGES, PHASES, variants

MEBIBYTE = 2**20
VERSIONS = {
    "opensource": ("5.8.0", "5.8.9"),
    "enterprise": ("5.8.0", "5.8.9", "5.9.3", "5.10.4", "6.0.3", "6.3.1"),
}
ZONES = ("a", "b", "c")
PODS = (Cidr.parse("10.244.0.0/16"),)
OF_THE_BROKER = [rule for rule in RULES if rule not in kafka_way.RULES]
"""What `validate` holds, but for the way to Kafka, which is sized apart from the broker."""


@cache
def _samples() -> tuple[Site, ...]:
    """Return each sample site in each phase."""
    with tempfile.TemporaryDirectory() as folder:
        return tuple(site for phase in PHASES for site in variants(Path(folder), phase))


def broken(site: Site, rules: Sequence[Rule] = RULES) -> list[Finding]:
    """Return what breaks one of the rules: of all that `validate` holds, when none are named."""
    return [finding for rule in rules for finding in rule.find(site)]


@st.composite
def planned_sites(draw: st.DrawFn) -> Site:
    """Sites that are right but for their capacity: the peak may be more than they or their way to Kafka carry."""
    site = _put(draw, draw(st.sampled_from(_samples())))
    # Kafka's own bounds are not what is asked here.
    room = site.streams.quota.model_copy(update={"produce": Bytes(2**40), "consume": Bytes(2**40)})
    site = site.model_copy(update={"streams": site.streams.model_copy(update={"quota": room})})
    assume(not broken(site, [rule for rule in OF_THE_BROKER if rule not in capacity.RULES]))
    return site


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """Sites that `validate` takes."""
    site = draw(planned_sites())
    connections = draw(st.integers(10, 2000))
    load = Load(
        connections=connections,
        people=draw(st.integers(0, 5)),
        gateways=0 if site.broker.listeners.gateway is None else draw(st.integers(0, 5)),
        messages=Rate(draw(st.integers(1, 5000))),
    )
    site = with_load(site, load)
    assume(not broken(site))
    return site


def with_load(site: Site, load: Load) -> Site:
    """Return the site with another peak."""
    return site.model_copy(update={"broker": site.broker.model_copy(update={"load": load})})


def _put(draw: st.DrawFn, site: Site) -> Site:
    external = ExternalSecrets(store="vault", path="iot", refresh=Duration(3600))
    platform = {
        "zones": ZONES[: draw(st.integers(1, len(ZONES)))],
        "external_secrets": draw(st.sampled_from([None, external])),
    }
    streams = {
        "delivery": draw(st.sampled_from(get_args(Delivery))),
        "sinks": site.streams.sinks if draw(st.booleans()) else (),
        # As many bridges as the peak asks for, whatever is drawn.
        "bridge": site.streams.bridge.model_copy(update={"autoscaling": None}),
    }
    return site.model_copy(
        update={
            "platform": site.platform.model_copy(update=platform),
            "streams": site.streams.model_copy(update=streams),
            "incumbent": site.incumbent.model_copy(update={"client_certificate": draw(st.booleans())}),
            "broker": _broker(draw, site),
            "network": site.network.model_copy(update={"pods": PODS}),
        }
    )


def _broker(draw: st.DrawFn, site: Site) -> Broker:
    edition = draw(st.sampled_from(sorted(VERSIONS)))
    enterprise = edition == "enterprise"
    with_replicants = enterprise and draw(st.booleans())
    return site.broker.model_copy(
        update={
            "edition": edition,
            "version": draw(st.sampled_from(VERSIONS[edition])),
            "image": site.broker.image.model_copy(update={"repository": IMAGES[edition]}),
            "licence": Licence(secret="licence", key="emqx.lic") if enterprise else None,
            "replicas": draw(st.integers(4, 8)),
            "replicants": Replicants(replicas=draw(st.integers(2, 9)), autoscaling=None)
            if with_replicants
            else None,
            "max_unavailable": draw(st.integers(1, 3)),
            "cores": Decimal(draw(st.integers(1, 32))) / 2,
            "memory": Bytes(draw(st.integers(2048, 32 * 1024)) * MEBIBYTE),
            "revocation": draw(st.sampled_from(["none", "crl", "ocsp"])),
            "revocation_reason": None,
            "listeners": _listeners(draw, site),
            "load": Load(
                connections=draw(st.integers(1, 400_000)),
                people=draw(st.integers(0, 1000)),
                messages=Rate(draw(st.integers(1, 1_000_000))),
            ),
        }
    )


def _listeners(draw: st.DrawFn, site: Site) -> Listeners:
    zones = tuple(
        ZoneListener(name=zone.name, **_door(draw, 9000 + number).model_dump())
        for number, zone in enumerate(site.network.zones)
        if draw(st.booleans())
    )
    taken = {zone.name for zone in zones}
    doors = {
        "mqtts": _door(draw, 8883),
        "wss": _door(draw, 8084),
        "gateway": _door(draw, 8885) if draw(st.booleans()) else None,
        "zones": zones,
        "mqtts_for": tuple(zone.name for zone in site.network.zones if zone.name not in taken)
        if zones
        else (),
    }
    return site.broker.listeners.model_copy(update=doors)


def _door(draw: st.DrawFn, port: int) -> Listener:
    return Listener(
        port=port,
        max_connections=draw(st.none() | st.integers(100, 100_000)),
        connection_rate=draw(st.none() | st.integers(1, 10_000).map(Rate)),
    )
