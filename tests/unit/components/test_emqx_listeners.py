"""The broker's listeners: no plain one is open, each has its limits, and a zone's lets in its own addresses."""

from typing import Any

from components.emqx_configuration import document
from components.recording import Composition
from components.settings import Settings
from model import Site
from model.listeners import Listener, ZoneListener
from model.network import Cidr
from model.rules.broker import RULES
from model.units import Rate
from tests.support.composing import compose
from tests.support.told import told, told_with


def test_no_plain_listener_is_open(composition: Composition, settings: Settings) -> None:
    listeners = told(composition, settings)["listeners"]
    plain = {kind: listeners[kind] for kind in ("tcp", "ws")}
    assert plain == {"tcp": {"default": {"enable": False}}, "ws": {"default": {"enable": False}}}
    assert set(listeners) == {"tcp", "ws", "ssl", "wss"}


def test_the_dashboard_is_served_over_tls_only(composition: Composition, settings: Settings) -> None:
    listeners = told(composition, settings)["dashboard"]["listeners"]
    assert listeners["http"] == {"bind": 0}
    assert listeners["https"]["bind"] == composition.site.broker.dashboard_port


def test_a_gateway_listener_takes_tokens_and_has_limits_of_its_own(
    eagle_ford: Composition, settings: Settings
) -> None:
    door = Listener(port=8885, max_connections=50, connection_rate=Rate(10))
    gateway = told_with(eagle_ford, settings, listeners={"gateway": door})["listeners"]["ssl"]["gateway"]
    assert (gateway["enable_authn"], gateway["ssl_options"]["verify"]) == (True, "verify_none")
    assert (gateway["bind"], gateway["max_connections"], gateway["max_conn_rate"]) == (
        "0.0.0.0:8885",
        50,
        "10/s",
    )


def test_a_zones_listener_lets_in_its_own_addresses_and_nobody_else(
    eagle_ford: Composition, settings: Settings
) -> None:
    zone = eagle_ford.site.network.zones[0]
    values = told_with(eagle_ford, settings, listeners={"zones": (zone_door(zone.name),)})
    door = values["listeners"]["ssl"][f"zone-{zone.name}"]
    assert door["access_rules"] == [*(f"allow {cidr}" for cidr in zone.cidrs), "deny all"]
    assert (door["enable_authn"], door["ssl_options"]["fail_if_no_peer_cert"]) == (False, True)


def test_a_zones_listener_is_open_to_its_addresses_in_the_network_too(eagle_ford: Composition) -> None:
    zone = eagle_ford.site.network.zones[0]
    doors = eagle_ford.site.broker.listeners.model_copy(update={"zones": (zone_door(zone.name),)})
    broker = eagle_ford.site.broker.model_copy(update={"listeners": doors})
    composition = compose(eagle_ford.site.model_copy(update={"broker": broker}))
    rules = composition.one("NetworkPolicy", "broker").spec["ingress"]
    (rule,) = [rule for rule in rules if {"protocol": "TCP", "port": 8890} in rule["ports"]]
    assert rule["from"] == [{"ipBlock": {"cidr": str(cidr)}} for cidr in zone.cidrs]
    ports = composition.one("EMQX").spec["listenersServiceTemplate"]["spec"]["ports"]
    assert f"ssl-zone-{zone.name}" in {port["name"] for port in ports}
    assert composition.outputs["brokerEndpoints"][f"zone-{zone.name}"].endswith(":8890")


def test_with_zones_the_general_listener_is_for_whom_the_site_names(
    eagle_ford: Composition, settings: Settings
) -> None:
    site = with_zone_door(eagle_ford.site)
    assert "access_rules" not in told(eagle_ford, settings)["listeners"]["ssl"]["default"]
    listeners: Any = document(site, settings)["listeners"]
    named = site.network.zones[1].cidrs
    assert listeners["ssl"]["default"]["access_rules"] == [
        "allow 10.200.0.0/16",
        *(f"allow {cidr}" for cidr in named),
        "deny all",
    ]
    composition = compose(site)
    rules = composition.one("NetworkPolicy", "broker").spec["ingress"]
    (rule,) = [rule for rule in rules if {"protocol": "TCP", "port": 8883} in rule["ports"]]
    probe = composition.one("NetworkPolicy", "broker-probe").spec["podSelector"]
    assert rule["from"] == [*({"ipBlock": {"cidr": str(cidr)}} for cidr in named), {"podSelector": probe}]


def test_a_listener_has_limits_of_its_own_and_else_those_of_the_site(
    eagle_ford: Composition, settings: Settings
) -> None:
    listeners: Any = document(with_zone_door(eagle_ford.site), settings)["listeners"]
    general, zone = listeners["ssl"]["default"], listeners["ssl"]["zone-field"]
    assert zone["messages_rate"] == "7/s"
    assert general["messages_rate"] != "7/s"
    for limit in ("bytes_rate", "max_connections", "max_conn_rate"):
        assert zone[limit] == general[limit]


def test_a_zones_listener_of_no_zone_and_a_taken_port_are_refused(eagle_ford: Composition) -> None:
    stranger = zone_door("moon").model_copy(update={"port": 8883})
    doors = eagle_ford.site.broker.listeners.model_copy(update={"zones": (stranger,)})
    broker = eagle_ford.site.broker.model_copy(update={"listeners": doors})
    site = eagle_ford.site.model_copy(update={"broker": broker})
    found = [finding.key for rule in RULES for finding in rule.find(site)]
    assert found == [
        ("broker", "listeners", "zones", "moon", "port"),
        ("broker", "listeners", "zones", "moon", "name"),
        ("network", "pods"),
    ]


def test_what_listeners_let_in_follows_from_the_load_where_the_site_says_nothing(
    eagle_ford: Composition, settings: Settings
) -> None:
    listeners = told(eagle_ford, settings)["listeners"]
    # 7,800 devices and 200 people on two nodes, twice as many with the reserve, back within ten seconds.
    assert [
        (door["max_connections"], door["max_conn_rate"])
        for door in (listeners["ssl"]["default"], listeners["wss"]["default"])
    ] == [(7800, "390/s"), (200, "10/s")]


def with_zone_door(site: Site) -> Site:
    """A site whose first zone has a listener of its own, and whose second comes to the general one."""
    first, second = site.network.zones[:2]
    doors = site.broker.listeners.model_copy(
        update={
            "zones": (ZoneListener(name=first.name, port=8890, messages_rate=Rate(7)),),
            "mqtts_for": (second.name,),
        }
    )
    network = site.network.model_copy(update={"pods": (Cidr.parse("10.200.0.0/16"),)})
    broker = site.broker.model_copy(update={"listeners": doors})
    return site.model_copy(update={"broker": broker, "network": network})


def zone_door(name: str) -> ZoneListener:
    return ZoneListener(name=name, port=8890, max_connections=50, connection_rate=Rate(10))
