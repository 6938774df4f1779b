"""The bridge to the incumbent is there in the phase that asks for it, in its direction, and nowhere else."""

from typing import Any

import pytest

from components.emqx_configuration import document
from components.settings import Settings
from model import Site, incumbent_bridge
from model.platform import ExternalSecrets
from model.units import Duration
from tests.support.composing import compose, compose_broker
from tests.support.rule_sql import statement
from tests.support.variants import EDITIONS, Variants


def bridged(site: Site, settings: Settings) -> tuple[set[str], bool, bool, bool]:
    """The rules of the bridge; whether there are a connection, subscriptions, and a publication."""
    values: Any = document(site, settings)
    rules = {name for name in values["rule_engine"]["rules"] if name.startswith("incumbent_")}
    return (
        {name.rsplit("_space_", 1)[0] for name in rules},
        "mqtt" in values["connectors"],
        "mqtt" in values.get("sources", {}),
        "mqtt" in values["actions"],
    )


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_bridge_leads_where_the_phase_says(edition: str, variants: Variants, settings: Settings) -> None:
    expected = {
        "pilot": (set(), False, False, False),
        "parallel": ({"incumbent_in"}, True, True, False),
        "cutover": ({"incumbent_out"}, True, False, True),
    }
    for phase, what in expected.items():
        for site in variants(phase, edition):
            assert bridged(site, settings) == what, (phase, site.name)


def test_a_retired_incumbent_is_bridged_no_more(variants: Variants, settings: Settings) -> None:
    for site in variants("cutover"):
        incumbent = site.incumbent.model_copy(update={"state": "retired"})
        retired = site.model_copy(update={"incumbent": incumbent})
        assert bridged(retired, settings) == (set(), False, False, False)
        assert compose(retired).outputs["incumbentBridge"] == "none"
        names = {made.metadata["name"] for made in compose(retired).of("NetworkPolicy")}
        assert "incumbent-bridge" not in names


def test_who_only_publishes_begins_afresh_and_who_subscribes_takes_a_broken_session_on(
    variants: Variants, settings: Settings
) -> None:
    for phase, afresh in (("parallel", False), ("cutover", True)):
        for site in variants(phase):
            values: Any = document(site, settings)
            (connector,) = values["connectors"]["mqtt"].values()
            assert connector["clean_start"] is afresh


def test_the_connection_is_mqtt_5_over_checked_tls_with_a_password_from_a_file(
    variants: Variants, settings: Settings
) -> None:
    for site in variants("parallel"):
        values: Any = document(site, settings)
        (connector,) = values["connectors"]["mqtt"].values()
        assert connector["server"] == f"{site.incumbent.address}:8883"
        assert connector["proto_ver"] == "v5"
        assert connector["username"] == connector["clientid_prefix"] == f"{site.name}-bridge"
        assert connector["password"] == "file:///mounted/incumbent/password"
        assert (connector["ssl"]["enable"], connector["ssl"]["verify"]) == (True, "verify_peer")
        assert connector["ssl"]["server_name_indication"] == site.incumbent.address
        assert "certfile" not in connector["ssl"]


def test_a_certificate_is_shown_where_the_incumbent_asks_for_one(
    variants: Variants, settings: Settings
) -> None:
    wanted = ExternalSecrets(store="vault", path="iot", refresh=Duration(3600))
    for site in variants("parallel"):
        incumbent = site.incumbent.model_copy(update={"client_certificate": True})
        platform = site.platform.model_copy(update={"external_secrets": wanted})
        asked = site.model_copy(update={"incumbent": incumbent, "platform": platform})
        values: Any = document(asked, settings)
        (connector,) = values["connectors"]["mqtt"].values()
        brought = compose(asked).one("ExternalSecret", "incumbent-bridge").spec["data"]
        keys = {entry["secretKey"] for entry in brought}
        assert keys == {"password", "ca.crt", "tls.crt", "tls.key"}
        files = {connector["ssl"][name].rsplit("/", 1)[1] for name in ("cacertfile", "certfile", "keyfile")}
        assert files | {"password"} == keys


def test_quality_of_service_and_retention_are_kept(variants: Variants, settings: Settings) -> None:
    for site in variants("parallel"):
        values: Any = document(site, settings)
        for source in values["sources"]["mqtt"].values():
            # EMQX itself makes 1 of 2, with a warning.
            assert source["parameters"]["qos"] == 1
            assert source["parameters"]["topic"].startswith(f"$share/{site.name}-bridge/")
        for name, rule in values["rule_engine"]["rules"].items():
            if name.startswith("incumbent_in"):
                (published,) = rule["actions"]
                assert (published["args"]["qos"], published["args"]["retain"]) == ("${qos}", "${retain}")
                assert published["args"]["user_properties"] == "${pub_props.'User-Property'}"
    for site in variants("cutover"):
        values = document(site, settings)
        (action,) = values["actions"]["mqtt"].values()
        assert (action["parameters"]["qos"], action["parameters"]["retain"]) == ("${qos}", "${retain}")


def test_what_goes_out_is_the_whole_event_as_its_properties_are_found_nowhere_else(
    variants: Variants, settings: Settings
) -> None:
    for site in variants("cutover"):
        values: Any = document(site, settings)
        rules = [
            statement(rule["sql"])
            for name, rule in values["rule_engine"]["rules"].items()
            if name.startswith("incumbent_out")
        ]
        assert rules
        for rule in rules:
            assert rule.whole
            assert dict(rule.columns)["pub_props"] == incumbent_bridge.marked(site)


def test_each_source_has_its_rule(variants: Variants, settings: Settings) -> None:
    for site in variants("parallel"):
        values: Any = document(site, settings)
        rules = values["rule_engine"]["rules"]
        for source in values["sources"]["mqtt"]:
            assert f'FROM "$bridges/mqtt:{source}"' in rules[f"incumbent_in_{source}"]["sql"]


def test_the_pods_are_the_same_with_and_without_a_bridge(variants: Variants) -> None:
    pods = {
        site.name: compose_broker(site).one("EMQX").spec["coreTemplate"]["spec"]["extraVolumes"]
        for site in variants("pilot")
    }
    for phase in ("parallel", "cutover"):
        for site in variants(phase):
            volumes = compose_broker(site).one("EMQX").spec["coreTemplate"]["spec"]["extraVolumes"]
            assert volumes == pods[site.name]


def test_the_way_to_the_incumbent_is_open_while_there_is_a_bridge(variants: Variants) -> None:
    for phase, there in (("pilot", False), ("parallel", True), ("cutover", True)):
        for site in variants(phase):
            policies = [
                made
                for made in compose(site).of("NetworkPolicy")
                if made.metadata["name"] == "incumbent-bridge"
            ]
            assert bool(policies) is there
            for made in policies:
                assert made.spec["policyTypes"] == ["Egress"]
                (rule,) = made.spec["egress"]
                assert rule["ports"] == [{"protocol": "TCP", "port": 8883}]
                # The incumbent's own address, and no other.
                assert [peer["ipBlock"]["cidr"] for peer in rule["to"]] == [
                    str(cidr) for peer in site.incumbent.at or () for cidr in peer.cidrs
                ]
