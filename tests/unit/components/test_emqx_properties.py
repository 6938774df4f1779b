"""What holds for the broker of every valid site, whatever its phase, edition, size and limits."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from components import emqx_nodes
from components.emqx_configuration import document, text
from components.recording import OFFLINE
from model import Site
from model.emqx.roots import KNOWN_ROOTS, LATER_ROOTS
from model.protection import Load
from model.units import Rate
from tests.support.any_site import OF_THE_BROKER, broken, planned_sites, sites, with_load
from tests.support.composing import compose_broker

# EMQX's published figure: 40,000 messages a second at QoS 1 on 4 vCPU.
MESSAGES_OF_A_CORE = 40_000 // 4
# What the kit reckons with: 64 KiB for a connection, out of half of the memory.
CONNECTIONS_OF_A_MEBIBYTE = 1024 // 64 // 2

few = settings(max_examples=40, deadline=None)


@few
@given(sites())
def test_no_listener_is_plain(site: Site) -> None:
    listeners: Any = document(site, OFFLINE)["listeners"]
    assert {kind: listeners[kind] for kind in ("tcp", "ws")} == {
        "tcp": {"default": {"enable": False}},
        "ws": {"default": {"enable": False}},
    }
    assert listeners.keys() == {"tcp", "ws", "ssl", "wss"}
    for door in (*listeners["ssl"].values(), *listeners["wss"].values()):
        assert set(door["ssl_options"]["versions"]) == {"tlsv1.3", "tlsv1.2"}
        # Who comes in has a certificate or a token.
        assert door["enable_authn"] is True or door["ssl_options"]["fail_if_no_peer_cert"] is True


@few
@given(sites())
def test_no_root_is_unknown(site: Site) -> None:
    known = KNOWN_ROOTS[site.broker.edition] | LATER_ROOTS[site.broker.edition]
    assert document(site, OFFLINE).keys() <= known


@few
@given(sites())
def test_no_secret_is_written_out(site: Site) -> None:
    values = document(site, OFFLINE)
    for key, value in _leaves(values):
        if key == "dashboard.default_password":
            # No password is no secret: it says that there is no such user.
            assert value == ""
        elif key == "license.key" and value == "default":
            assert site.broker.licence is None
        elif re.search("password|secret|cookie", key) or key == "license.key":
            assert str(value).startswith("file:///mounted/"), key
    assert "PRIVATE KEY" not in json.dumps(values, default=str)


@few
@given(sites())
def test_what_nobody_allows_is_denied(site: Site) -> None:
    authorization: Any = document(site, OFFLINE)["authorization"]
    assert (authorization["no_match"], authorization["deny_action"]) == ("deny", "disconnect")
    assert authorization["sources"], "nobody would be asked"


@settings(max_examples=150, deadline=None)
@given(planned_sites(), st.data())
def test_a_peak_is_taken_exactly_when_what_is_rendered_carries_it_with_the_nodes_lost_that_may_be(
    site: Site, data: st.DataObject
) -> None:
    room = rendered_room(site)
    load = Load(
        connections=data.draw(around(room["memory"], room["devices"]), label="connections"),
        messages=Rate(data.draw(around(room["messages"]), label="messages")),
    )
    site = with_load(site, load)
    # What a listener accepts may follow from the load.
    room = rendered_room(site)
    carried = (
        load.messages.count <= room["messages"]
        and load.connections <= room["memory"]
        and load.connections <= room["devices"]
    )
    assert (broken(site, OF_THE_BROKER) == []) is carried


@settings(max_examples=50, deadline=None)
@given(planned_sites(), st.data())
def test_people_and_gateways_are_taken_exactly_when_their_own_doors_are_open_to_them(
    site: Site, data: st.DataObject
) -> None:
    room = rendered_room(site)
    people = data.draw(around(room["people"]), label="people")
    gateways = data.draw(st.just(0) | around(room["gateways"]), label="gateways")
    load = Load(connections=people + gateways, people=people, gateways=gateways, messages=Rate(1))
    site = with_load(site, load)
    room = rendered_room(site)
    carried = (
        people <= room["people"] and gateways <= room["gateways"] and people + gateways <= room["memory"]
    )
    assert (broken(site, OF_THE_BROKER) == []) is carried


def around(*borders: int) -> st.SearchStrategy[int]:
    """Any number, and often one beside a border."""
    beside = [border + step for border in borders for step in (0, 1) if border + step > 0]
    return st.integers(1, 2 * max(*borders, 1)) | st.sampled_from(beside)


def rendered_room(site: Site) -> dict[str, int]:
    """Return what the rendered resource carries on the nodes that are left when all go that may."""
    replicants = site.broker.replicants
    nodes = emqx_nodes.replicant_nodes(site, replicants) if replicants else emqx_nodes.core_nodes(site)
    left = nodes["replicas"] - nodes["maxUnavailable"]
    requests = nodes["resources"]["requests"]
    listeners: Any = document(site, OFFLINE)["listeners"]
    devices = [door for name, door in listeners["ssl"].items() if name != "gateway"]
    gateways = [door for name, door in listeners["ssl"].items() if name == "gateway"]
    return {
        "messages": int(left * cores(requests["cpu"]) * MESSAGES_OF_A_CORE),
        "memory": left * mebibytes(requests["memory"]) * CONNECTIONS_OF_A_MEBIBYTE,
        "devices": left * sum(door["max_connections"] for door in devices),
        "people": left * listeners["wss"]["default"]["max_connections"],
        "gateways": left * sum(door["max_connections"] for door in gateways),
    }


def cores(written: str) -> Decimal:
    return Decimal(written.removesuffix("m")) / (1000 if written.endswith("m") else 1)


def mebibytes(written: str) -> int:
    return int(written[:-2]) * {"Mi": 1, "Gi": 1024}[written[-2:]]


@few
@given(sites())
def test_one_client_cannot_take_a_node(site: Site) -> None:
    door: Any = document(site, OFFLINE)["listeners"]["ssl"]["default"]  # type: ignore[index, call-overload]
    rate = int(door["messages_rate"].removesuffix("/s"))
    assert rate <= max(int(site.broker.cores * 10_000) // 20, 1)


@settings(max_examples=8, deadline=None)
@given(sites())
def test_the_broker_that_is_composed_has_this_configuration(site: Site) -> None:
    assert compose_broker(site).one("EMQX").spec["config"]["data"] == text(site, OFFLINE)


@few
@given(sites())
def test_the_same_site_gives_the_same_text(site: Site) -> None:
    assert text(site, OFFLINE) == text(site, OFFLINE)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    else:
        yield path, value
