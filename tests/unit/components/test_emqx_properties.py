"""What holds for the broker of every valid site, whatever its edition, size and limits."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from components.emqx_configuration import document, text
from components.recording import OFFLINE
from model import Site, load_site
from model.broker import Broker, Licence, Listener, Load
from model.capacity import headroom
from model.emqx.roots import KNOWN_ROOTS
from model.rules import broker as broker_rules
from model.rules import capacity as capacity_rules
from model.units import Bytes, Rate
from tests.support.variants import IMAGES, STACKS

BASE = load_site(STACKS, "eagle-ford")
MEBIBYTE = 2**20


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """Sites of any edition and size that the model's rules take."""
    edition = draw(st.sampled_from(["opensource", "enterprise"]))
    version = draw(
        st.sampled_from(["5.8.0", "5.8.9"] + (["5.9.0", "6.3.1"] if edition == "enterprise" else []))
    )
    replicas = draw(st.integers(len(BASE.platform.zones), 32))
    broker = BASE.broker.model_copy(
        update={
            "edition": edition,
            "version": version,
            "image": BASE.broker.image.model_copy(update={"repository": IMAGES[edition]}),
            "licence": Licence(secret="licence", key="emqx.lic") if edition == "enterprise" else None,
            "replicas": replicas,
            "cores": Decimal(draw(st.integers(1, 64))) / 2,
            "memory": Bytes(draw(st.integers(512, 64 * 1024)) * MEBIBYTE),
            "revocation": draw(st.sampled_from(["none", "crl", "ocsp"])),
            "listeners": BASE.broker.listeners.model_copy(
                update={
                    "mqtts": _door(draw, 8883),
                    "gateway": draw(st.none() | st.just(_door(draw, 8885))),
                }
            ),
        }
    )
    return BASE.model_copy(update={"broker": broker.model_copy(update={"load": _load(draw, broker)})})


def _door(draw: st.DrawFn, port: int) -> Listener:
    return Listener(
        port=port,
        max_connections=draw(st.integers(1, 100_000)),
        connection_rate=Rate(draw(st.integers(1, 10_000))),
    )


def _load(draw: st.DrawFn, broker: Broker) -> Load:
    """A peak that the broker carries."""
    carried = {figure.what: figure.carried for figure in headroom(broker)}
    return Load(
        connections=draw(st.integers(1, min(carried["connections"], carried["accepted connections"]))),
        messages=Rate(draw(st.integers(1, carried["messages"]))),
    )


@given(sites())
def test_the_site_is_valid(site: Site) -> None:
    rules = (*broker_rules.RULES, *capacity_rules.RULES)
    assert [finding for rule in rules for finding in rule.find(site)] == []


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


@given(sites())
def test_no_root_is_unknown(site: Site) -> None:
    assert document(site, OFFLINE).keys() <= KNOWN_ROOTS[site.broker.edition]


@given(sites())
def test_no_secret_is_written_out(site: Site) -> None:
    values = document(site, OFFLINE)
    for key, value in _leaves(values):
        if re.search("password|secret|cookie", key) or key == "license.key":
            assert str(value).startswith("file:///mounted/"), key
    assert "PRIVATE KEY" not in json.dumps(values, default=str)


@given(sites())
def test_what_nobody_allows_is_denied(site: Site) -> None:
    authorization: Any = document(site, OFFLINE)["authorization"]
    assert (authorization["no_match"], authorization["deny_action"]) == ("deny", "disconnect")
    assert authorization["sources"], "nobody would be asked"


@given(sites())
def test_the_peak_is_carried_with_one_node_lost(site: Site) -> None:
    assert all(figure.enough for figure in headroom(site.broker))
    listeners: Any = document(site, OFFLINE)["listeners"]
    each = sum(door["max_connections"] for kind in ("ssl", "wss") for door in listeners[kind].values())
    assert each * max(site.broker.replicas - 1, 1) >= site.broker.load.connections


@given(sites())
def test_one_client_cannot_take_a_node(site: Site) -> None:
    door: Any = document(site, OFFLINE)["listeners"]["ssl"]["default"]  # type: ignore[index, call-overload]
    rate = int(door["messages_rate"].removesuffix("/s"))
    assert rate <= max(int(site.broker.cores * 10_000) // 20, 1)


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
