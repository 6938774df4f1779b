"""The broker of a site with workers: a listener and a zone of their own, and no rule that leads out of the broker."""

from pathlib import Path
from typing import Any

import pytest

from components.emqx_configuration import document
from components.recording import OFFLINE
from model import Site, worker_capacity
from model.ingest import AUDIT, own_routes
from model.network import Cidr
from tests.support import hocon
from tests.support.composing import compose_broker
from tests.support.emqx_schema import EmqxSchema
from tests.support.variants import EDITIONS, PHASES, Variants, sites_with_worker

CASES = [(phase, edition) for phase in PHASES for edition in EDITIONS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workers")


@pytest.fixture(params=CASES, ids="-".join)
def sites(request: pytest.FixtureRequest, folder: Path) -> tuple[Site, ...]:
    """The sample sites with workers, in a phase and an edition."""
    return sites_with_worker(folder, *request.param)


@pytest.fixture
def eagle_ford(folder: Path) -> Site:
    found = sites_with_worker(folder, "pilot", "opensource")
    return next(site for site in found if site.name == "eagle-ford")


def told(site: Site) -> Any:
    """Return the configuration as EMQX reads it."""
    return hocon.read(compose_broker(site).one("EMQX").spec["config"]["data"])


def test_the_broker_has_no_connection_to_kafka_and_says_so(sites: tuple[Site, ...]) -> None:
    """The operator has only the roots replaced that are present: what was there before must be written over."""
    for site in sites:
        values = told(site)
        for root in ("connectors", "actions"):
            assert set(values[root]) <= {"mqtt"}, (site.name, root)
            assert bool(values[root]) == (
                site.bridge != "none" and (root, site.bridge) != ("actions", "ingress")
            )
        assert "sources" in values
        assert "kafka" not in str(values).replace("kafka-worker", "")


def test_the_only_rules_are_the_brokers_own_events_and_the_bridge_to_the_incumbent(
    sites: tuple[Site, ...],
) -> None:
    for site in sites:
        events = {f"{route.name}_told" for route in own_routes() if route.topic == AUDIT}
        rules = told(site)["rule_engine"]["rules"]
        others = set(rules) - events - {"configuration"}
        assert events <= set(rules)
        assert all("incumbent" in name for name in others), others
        assert bool(others) == (site.bridge != "none")


def test_an_event_is_published_once_where_the_workers_alone_read(sites: tuple[Site, ...]) -> None:
    for site in sites:
        rules = told(site)["rule_engine"]["rules"]
        for name in (route.name for route in own_routes() if route.topic == AUDIT):
            (action,) = rules[f"{name}_told"]["actions"]
            assert action["function"] == "republish"
            assert action["args"] == {
                "topic": f"$kit/audit/{name.removeprefix('audit_')}",
                "qos": 1,
                "retain": False,
                "payload": "${entry}",
            }
            assert " as entry FROM " in rules[f"{name}_told"]["sql"]
            # No pattern reads a payload.
            assert "regex" not in rules[f"{name}_told"]["sql"]
            assert "payload" not in rules[f"{name}_told"]["sql"]


def test_workers_have_a_listener_that_asks_for_a_certificate_and_names_their_zone(
    sites: tuple[Site, ...],
) -> None:
    for site in sites:
        assert site.streams.worker is not None
        listener = told(site)["listeners"]["ssl"]["worker"]
        assert listener["bind"] == f"0.0.0.0:{site.streams.worker.port}"
        assert listener["zone"] == "worker"
        assert listener["ssl_options"]["fail_if_no_peer_cert"] is True
        assert listener["ssl_options"]["verify"] == "verify_peer"
        assert listener["enable_authn"] is False
        assert listener["max_connections"] > worker_capacity.workers(site)
        others = [entry for name, entry in told(site)["listeners"]["ssl"].items() if name != "worker"]
        assert not any("zone" in entry for entry in others)


def test_what_waits_for_kafka_waits_in_the_zone_within_its_bound(sites: tuple[Site, ...]) -> None:
    for site in sites:
        assert site.streams.worker is not None
        zone = told(site)["zones"]["worker"]
        assert zone["mqtt"]["max_mqueue_len"] == worker_capacity.waiting(site)
        assert zone["mqtt"]["mqueue_store_qos0"] is True
        assert zone["mqtt"]["session_expiry_interval"] == f"{site.streams.worker.session_expiry.seconds}s"
        assert told(site)["mqtt"]["shared_subscription_strategy"] == "sticky"


def test_a_client_id_is_the_certificates_in_the_zone_too(sites: tuple[Site, ...]) -> None:
    """A client that comes to this port would else take over any other's session by its id."""
    for site in sites:
        values = told(site)
        assert values["mqtt"]["peer_cert_as_clientid"] == "cn"
        bound = (
            "peer_cert_as_clientid",
            "clientid_override",
            "use_username_as_clientid",
            "peer_cert_as_username",
        )
        assert set(values["zones"]["worker"]["mqtt"]).isdisjoint(bound)


def test_where_the_site_says_which_addresses_pods_have_the_listener_is_for_them_alone(
    eagle_ford: Site,
) -> None:
    assert "access_rules" not in told(eagle_ford)["listeners"]["ssl"]["worker"]
    network = eagle_ford.network.model_copy(update={"pods": (Cidr.parse("10.96.0.0/16"),)})
    listener = told(eagle_ford.model_copy(update={"network": network}))["listeners"]["ssl"]["worker"]
    assert listener["access_rules"] == ["allow 10.96.0.0/16", "deny all"]


def test_the_operator_is_told_of_the_listener_by_emqx_own_name(eagle_ford: Site) -> None:
    spec = compose_broker(eagle_ford).one("EMQX").spec
    ports = spec["listenersServiceTemplate"]["spec"]["ports"]
    assert {"name": "ssl-worker", "port": 8884, "targetPort": 8884, "protocol": "TCP"} in ports


def test_the_broker_mounts_no_login_of_kafka_and_waits_for_none(folder: Path) -> None:
    for site in sites_with_worker(folder, "pilot", "enterprise"):
        nodes = compose_broker(site).one("EMQX").spec["coreTemplate"]["spec"]
        assert "kafka" not in {volume["name"] for volume in nodes["extraVolumes"]}
        assert "args" not in nodes
        assert "startupProbe" not in nodes


def test_without_workers_there_is_no_zone_and_no_listener_of_theirs(variants: Variants) -> None:
    for edition in EDITIONS:
        for site in variants("pilot", edition):
            values = told(site)
            assert "zones" not in values
            assert "worker" not in values["listeners"]["ssl"]
            assert "shared_subscription_strategy" not in values["mqtt"]


@pytest.mark.parametrize(("phase", "edition"), CASES)
def test_emqx_own_schema_takes_it(folder: Path, phase: str, edition: str) -> None:
    schema = EmqxSchema.load(edition)
    for site in sites_with_worker(folder, phase, edition):
        if site.broker.version == "5.8.9":
            assert schema.problems(document(site, OFFLINE)) == []
