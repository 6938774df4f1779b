"""What the broker is told: no plain door, identities that cannot be borrowed, and only settings that EMQX knows."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from components import names
from components.broker_secrets import broker_slots
from components.emqx_configuration import UnsupportedKeysError, configuration, document
from components.emqx_nodes import core_nodes
from components.recording import Composition
from components.settings import Settings
from model import Site
from model.broker import Licence
from model.emqx import Configuration, declared
from model.emqx.configuration import Dashboard, License
from model.emqx.integration import KafkaLogin, MqttConnector
from model.emqx.protection import bounds
from model.emqx.roots import KNOWN_ROOTS, UnknownRootError, check_roots
from model.emqx.section import Key
from model.listeners import Listener, ZoneListener
from model.network import Cidr
from model.rules.broker import RULES
from model.units import Bytes, Rate
from tests.support import emqx_hidden
from tests.support.composing import compose
from tests.support.emqx_schema import EmqxSchema
from tests.support.variants import PHASES, Variants


def told(composition: Composition, settings: Settings) -> dict[str, Any]:
    return dict(document(composition.site, settings))


def test_no_plain_listener_is_open(composition: Composition, settings: Settings) -> None:
    listeners = told(composition, settings)["listeners"]
    plain = {kind: listeners[kind] for kind in ("tcp", "ws")}
    assert plain == {"tcp": {"default": {"enable": False}}, "ws": {"default": {"enable": False}}}
    assert set(listeners) == {"tcp", "ws", "ssl", "wss"}


def test_a_device_without_certificate_is_cut_off_in_the_handshake(
    composition: Composition, settings: Settings
) -> None:
    tls = told(composition, settings)["listeners"]["ssl"]["default"]["ssl_options"]
    assert tls["verify"] == "verify_peer"
    assert tls["fail_if_no_peer_cert"] is True


def test_a_device_is_who_its_certificate_says(composition: Composition, settings: Settings) -> None:
    values = told(composition, settings)
    assert values["mqtt"]["peer_cert_as_username"] == "cn"
    assert values["listeners"]["ssl"]["default"]["enable_authn"] is False


def test_a_client_id_is_whose_it_is(composition: Composition, settings: Settings) -> None:
    mqtt = told(composition, settings)["mqtt"]
    assert mqtt["peer_cert_as_clientid"] == "cn"
    assert mqtt["clientid_override"] == "coalesce(cn, concat([username, '/', clientid]))"
    assert "use_username_as_clientid" not in mqtt


def test_an_emqx_that_cannot_make_client_ids_takes_the_user_name(
    eagle_ford: Composition, settings: Settings
) -> None:
    mqtt = told_with(eagle_ford, settings, version="5.8.2")["mqtt"]
    assert mqtt["peer_cert_as_clientid"] == "cn"
    assert mqtt["use_username_as_clientid"] is True
    assert "clientid_override" not in mqtt


def test_a_browser_brings_a_token_of_the_realm_for_the_broker_under_its_own_name(
    eagle_ford: Composition, settings: Settings
) -> None:
    values = told(eagle_ford, settings)
    assert values["listeners"]["wss"]["default"]["enable_authn"] is True
    (token,) = values["authentication"]
    assert token["verify_claims"] == {
        "iss": "https://keycloak.example:8443/realms/eagle-ford",
        "aud": "mqtt",
        "preferred_username": "${username}",
    }


def test_what_no_policy_allows_is_denied_and_disconnects(
    composition: Composition, settings: Settings
) -> None:
    authorization = told(composition, settings)["authorization"]
    assert (authorization["no_match"], authorization["deny_action"]) == ("deny", "disconnect")
    assert [source["type"] for source in authorization["sources"]] == ["http"]


def test_the_policy_server_is_asked_over_tls_with_a_flat_map_of_texts(
    composition: Composition, settings: Settings
) -> None:
    (source,) = told(composition, settings)["authorization"]["sources"]
    assert source["url"] == f"https://opa.{composition.site.namespace}.svc:8181/v0/data/iot/mqtt/decision"
    assert source["ssl"]["verify"] == "verify_peer"
    assert all(isinstance(value, str) for value in source["body"].values())


def test_a_session_remembers_as_many_decisions_as_the_site_says(
    eagle_ford: Composition, settings: Settings
) -> None:
    assert told(eagle_ford, settings)["authorization"]["cache"]["max_size"] == 256
    values = told_with(eagle_ford, settings, protection={"decisions": 1000})
    assert values["authorization"]["cache"]["max_size"] == 1000


def test_the_dashboard_is_served_over_tls_only(composition: Composition, settings: Settings) -> None:
    listeners = told(composition, settings)["dashboard"]["listeners"]
    assert listeners["http"] == {"bind": 0}
    assert listeners["https"]["bind"] == composition.site.broker.dashboard_port


def test_without_an_own_authority_for_keycloak_the_systems_are_believed(
    eagle_ford: Composition, settings: Settings
) -> None:
    (token,) = told(eagle_ford, replace(settings, keycloak_ca=None))["authentication"]
    assert token["ssl"] == {"enable": True, "verify": "verify_peer", "cacerts": True}


def test_a_licence_is_named_by_file_never_by_value(eagle_ford: Composition, settings: Settings) -> None:
    broker = eagle_ford.site.broker.model_copy(
        update={"edition": "enterprise", "licence": Licence(secret="licence", key="emqx.lic")}
    )
    values = document(eagle_ford.site.model_copy(update={"broker": broker}), settings)
    assert values["license"] == {"key": "file:///mounted/licence/emqx.lic"}


def test_a_root_that_the_edition_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownRootError) as error:
        check_roots("opensource", ["mqtt", "license", "mtqq"])
    assert error.value.roots == {"license", "mtqq"}


def test_a_key_of_the_other_edition_is_refused(eagle_ford: Composition, settings: Settings) -> None:
    broker = eagle_ford.site.broker.model_copy(update={"licence": Licence(secret="licence", key="emqx.lic")})
    with pytest.raises(UnsupportedKeysError) as error:
        document(eagle_ford.site.model_copy(update={"broker": broker}), settings)
    assert [key.path for key in error.value.keys] == ["license"]


def test_a_gateway_listener_takes_tokens_and_has_limits_of_its_own(
    eagle_ford: Composition, settings: Settings
) -> None:
    door = Listener(port=8885, max_connections=50, connection_rate=Rate(10))
    gateway = told_with(eagle_ford, settings, listeners={"gateway": door})["listeners"]["ssl"]["gateway"]
    assert (gateway["enable_authn"], gateway["ssl_options"]["verify"]) == (True, "verify_none")
    assert (gateway["bind"], gateway["max_connections"], gateway["max_conn_rate"]) == (8885, 50, "10/s")


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


def zone_door(name: str) -> ZoneListener:
    return ZoneListener(name=name, port=8890, max_connections=50, connection_rate=Rate(10))


@pytest.mark.parametrize(
    ("revocation", "keys"),
    [("none", set()), ("crl", {"enable_crl_check"}), ("ocsp", {"ocsp"})],
)
def test_revocation_is_noticed_as_the_site_chose(
    eagle_ford: Composition, settings: Settings, revocation: str, keys: set[str]
) -> None:
    values = told_with(eagle_ford, settings, revocation=revocation)
    tls = values["listeners"]["ssl"]["default"]["ssl_options"]
    assert tls.keys() & {"enable_crl_check", "ocsp"} == keys
    assert ("crl_cache" in values) == (revocation == "crl")


def test_the_bounds_of_a_client_follow_the_nodes_size(eagle_ford: Composition) -> None:
    small = bounds(eagle_ford.site.broker)
    large = bounds(
        eagle_ford.site.broker.model_copy(update={"cores": Decimal(8), "memory": Bytes(32 * 2**30)})
    )
    assert large.client_messages.count == small.client_messages.count * 4
    assert large.queue > small.queue
    assert large.retained_messages == small.retained_messages * 8
    assert large.client_memory > small.client_memory


def test_a_bound_that_the_site_writes_is_taken(eagle_ford: Composition, settings: Settings) -> None:
    said = {"client_messages": Rate(7), "queue": 55, "retained_messages": 9, "client_memory": Bytes(2**26)}
    values = told_with(eagle_ford, settings, protection=said)
    assert values["listeners"]["ssl"]["default"]["messages_rate"] == "7/s"
    assert values["mqtt"]["max_mqueue_len"] == 55
    assert values["retainer"]["backend"]["max_retained_messages"] == 9
    assert values["force_shutdown"]["max_heap_size"] == "64MB"


def test_what_listeners_let_in_follows_from_the_load_where_the_site_says_nothing(
    eagle_ford: Composition, settings: Settings
) -> None:
    listeners = told(eagle_ford, settings)["listeners"]
    # 7,800 devices and 200 people on two nodes, twice as many with the reserve, back within ten seconds.
    assert [
        (door["max_connections"], door["max_conn_rate"])
        for door in (listeners["ssl"]["default"], listeners["wss"]["default"])
    ] == [(7800, "390/s"), (200, "10/s")]


def test_overload_protection_may_be_switched_off(eagle_ford: Composition, settings: Settings) -> None:
    assert told(eagle_ford, settings)["overload_protection"] == {"enable": True}
    values = told_with(eagle_ford, settings, protection={"overload": False})
    assert values["overload_protection"] == {"enable": False}


def told_with(composition: Composition, settings: Settings, **changes: Any) -> dict[str, Any]:
    """The configuration of a site whose broker is changed; a map changes a part of the broker."""
    broker = composition.site.broker
    update = {
        name: getattr(broker, name).model_copy(update=value) if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    site = composition.site.model_copy(update={"broker": broker.model_copy(update=update)})
    return dict(document(site, settings))


@pytest.mark.parametrize("edition", ["opensource", "enterprise"])
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("revocation", ["none", "crl", "ocsp"])
def test_each_setting_is_in_emqx_own_schema(
    phase: str, edition: str, revocation: str, variants: Variants, settings: Settings
) -> None:
    schema = EmqxSchema.load(edition)
    door = Listener(port=8885, max_connections=50, connection_rate=Rate(10))
    for site in variants(phase, edition):
        zones = tuple(
            ZoneListener(name=zone.name, port=8890 + number, max_connections=9, connection_rate=Rate(9))
            for number, zone in enumerate(site.network.zones)
        )
        doors = site.broker.listeners.model_copy(update={"gateway": door, "zones": zones})
        broker = site.broker.model_copy(update={"revocation": revocation, "listeners": doors})
        values = document(site.model_copy(update={"broker": broker}), settings)
        assert schema.problems(values) == [], site.name


@pytest.mark.parametrize("edition", ["opensource", "enterprise"])
def test_our_table_of_roots_has_each_root_of_emqx_own_schema(edition: str) -> None:
    assert EmqxSchema.load(edition).roots == KNOWN_ROOTS[edition] - emqx_hidden.ROOTS.keys()


@pytest.mark.parametrize("edition", ["opensource", "enterprise"])
def test_each_root_that_can_be_written_is_one_that_its_edition_knows(edition: str) -> None:
    written = {
        path for path, key in declared(Configuration).items() if "." not in path and edition in key.editions
    }
    assert written <= KNOWN_ROOTS[edition]


@pytest.mark.parametrize(
    ("version", "read"), [("5.8.9", False), ("6.2.0", False), ("6.3.0", True), ("6.3.1", True)]
)
def test_the_nodes_cookie_is_a_file_from_the_version_on_that_reads_one(
    variants: Variants, settings: Settings, version: str, read: bool
) -> None:
    (site,) = (site for site in variants("pilot", "enterprise") if site.name == "eagle-ford")
    site = site.model_copy(update={"broker": site.broker.model_copy(update={"version": version})})
    values = document(site, settings)
    volumes = {volume["name"] for volume in core_nodes(site)["extraVolumes"]}
    assert values.get("node") == ({"cookie": "file:///mounted/cookie/cookie"} if read else None)
    assert ("cookie" in volumes) is read
    assert (names.BROKER_COOKIE in broker_slots(site)) is read


def test_a_cookie_is_refused_in_a_version_that_does_not_read_it() -> None:
    node = Configuration.model_fields["node"].metadata
    assert [key.since for key in node if isinstance(key, Key)] == [(6, 3, 0)]


def test_no_key_that_is_declared_names_a_secret_but_by_its_file() -> None:
    secrets = {path for path in declared(Configuration) if re.search("password|secret|cookie|token", path)}
    # All are of the type that takes nothing but a mounted file.
    assert secrets == {
        "dashboard.sso.oidc.secret",
        "connectors.kafka_producer.*.authentication.password",
        "connectors.mqtt.*.password",
        # This one takes nothing but the empty text.
        "dashboard.default_password",
        "node.cookie",
    }
    with pytest.raises(ValidationError):
        Dashboard.model_validate({"listeners": {}, "default_password": "written out"})
    with pytest.raises(ValidationError):
        KafkaLogin(username="eagle-ford-broker", password="written out")
    assert MqttConnector.model_fields["password"].metadata == KafkaLogin.model_fields["password"].metadata
    with pytest.raises(ValidationError):
        License(key="MjIwMTEx")


def test_what_is_configured_is_the_typed_form(eagle_ford: Composition, settings: Settings) -> None:
    assert isinstance(configuration(eagle_ford.site, settings), Configuration)
