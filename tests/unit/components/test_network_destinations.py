"""Where the pods connect to, read off rendered configurations: exactly one rule lets each way out, no other."""

import ipaddress
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from components.recording import OFFLINE, Composition
from model import Site
from model.network import Peer
from tests.support import hocon
from tests.support.composing import compose
from tests.support.variants import (
    EDITIONS,
    PHASES,
    Variants,
    sites_with_bridge_worker,
    sites_with_worker,
)

ADDRESS = re.compile(r"[a-z0-9.-]+:\d+")
API_SERVER = "the API server"
BRIDGE = "incumbent-bridge"
SCHEME_PORTS = {"https": 443, "jdbc:postgresql": 5432}
# Labels of the pods behind the Services that operators make, by their names.
OPERATORS_SERVICES = {
    "broker-listeners": {"apps.emqx.io/instance": "broker"},
    "broker-dashboard": {"apps.emqx.io/instance": "broker"},
    "kafka-bridge-service": {"strimzi.io/cluster": "kafka", "strimzi.io/kind": "KafkaBridge"},
}
# Nodes of a cluster find one another by their operators' names, which no configuration says.
AMONG_THEMSELVES = {"broker": {4370, 5369}, "sinks": {8083}, "default-deny": {53}}
"""And every pod asks the cluster's name servers, whose policy has the pods of `default-deny`: all."""


@dataclass(frozen=True)
class Way:
    """A connection that a configuration makes: whose policy must let it out, and where it leads."""

    policy: str
    host: str
    port: int


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("edition", EDITIONS)
def test_each_destination_of_a_rendered_configuration_has_exactly_one_rule(
    variants: Variants, phase: str, edition: str
) -> None:
    for site in variants(phase, edition):
        assert_each_way_has_one_rule(site)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("edition", EDITIONS)
def test_so_does_each_destination_of_a_site_with_workers(
    tmp_path_factory: pytest.TempPathFactory, phase: str, edition: str
) -> None:
    folder = tmp_path_factory.mktemp("workers")
    beside = sites_with_worker(folder, phase, edition, beside=True)
    for site in (*sites_with_worker(folder, phase, edition), *beside):
        assert {way.host for way in ways(compose(site)) if way.policy == "kafka-worker"} == {
            f"broker-listeners.{site.namespace}.svc",
            "core-kafka-bootstrap.kafka.svc",
        }
        assert_each_way_has_one_rule(site)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("edition", EDITIONS)
def test_so_does_each_destination_of_a_bridge_that_is_a_program(
    tmp_path: Path, phase: str, edition: str
) -> None:
    for site in sites_with_bridge_worker(tmp_path, phase, edition):
        found = {way.host for way in ways(compose(site)) if way.policy == BRIDGE}
        here = f"broker-listeners.{site.namespace}.svc"
        assert found == ({site.incumbent.address, here} if site.bridge != "none" else set())
        assert_each_way_has_one_rule(site)


def test_the_bridges_listener_is_open_to_its_pod_and_its_figures_to_prometheus(tmp_path: Path) -> None:
    for site in sites_with_bridge_worker(tmp_path, "parallel", "opensource"):
        composition = compose(site)
        policy = composition.one("NetworkPolicy", BRIDGE).spec
        (letting,) = [
            rule
            for rule in composition.one("NetworkPolicy", "broker").spec["ingress"]
            if 8889 in {entry["port"] for entry in rule["ports"]}
        ]
        assert letting["from"] == [{"podSelector": policy["podSelector"]}]
        (figures,) = policy["ingress"]
        assert figures["from"] == [selected("monitoring", {"app.kubernetes.io/name": "prometheus"})]
        pod = composition.one("Deployment", BRIDGE).spec["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= pod.items()


def assert_each_way_has_one_rule(site: Site) -> None:
    composition = compose(site)
    used: dict[str, set[int]] = {}
    for way in ways(composition):
        rules = outward(composition, way.policy)
        letting = [number for number, rule in enumerate(rules) if lets(composition, rule, way)]
        assert len(letting) == 1, (site.name, way, rules)
        used.setdefault(way.policy, set()).update(letting)
    for name in policies(composition):
        left = set(range(len(outward(composition, name)))) - used.get(name, set())
        strange = [outward(composition, name)[number] for number in left]
        assert [rule for rule in strange if not among_themselves(name, rule)] == [], (site.name, name)


def test_the_workers_listener_is_open_to_workers_and_their_figures_to_who_looks_at_them(
    tmp_path: Path,
) -> None:
    site = next(
        site for site in sites_with_worker(tmp_path, "pilot", "opensource") if site.name == "eagle-ford"
    )
    composition = compose(site)
    inward = {
        name: [
            rule
            for rule in composition.one("NetworkPolicy", name).spec["ingress"]
            if port in {entry["port"] for entry in rule["ports"]}
        ]
        for name, port in (("broker", 8884), ("kafka-worker", 9444))
    }
    workers = composition.one("NetworkPolicy", "kafka-worker").spec["podSelector"]
    assert [rule["from"] for rule in inward["broker"]] == [[{"podSelector": workers}]]
    (figures,) = composition.one("NetworkPolicy", "kafka-worker").spec["ingress"]
    assert inward["kafka-worker"] == [figures]
    exporter = composition.one("NetworkPolicy", "certificate-exporter").spec["podSelector"]
    assert figures["from"] == [
        selected("monitoring", {"app.kubernetes.io/name": "prometheus"}),
        {"podSelector": exporter},
    ]
    for made in composition.of("StatefulSet"):
        assert workers["matchLabels"].items() <= made.spec["template"]["metadata"]["labels"].items()


def test_a_site_without_workers_has_no_way_for_them(variants: Variants) -> None:
    for site in variants("pilot", "opensource"):
        assert "kafka-worker" not in policies(compose(site))
        ports = {
            entry["port"]
            for rule in compose(site).one("NetworkPolicy", "broker").spec["ingress"]
            for entry in rule["ports"]
        }
        assert 8884 not in ports


def test_a_way_without_its_rule_and_a_rule_without_its_way_are_found(eagle_ford: Composition) -> None:
    """The control: another port, another host, and a rule that no configuration needs."""
    (way,) = [way for way in ways(eagle_ford) if way.policy == "kafka-bridge"]
    (rule,) = outward(eagle_ford, "kafka-bridge")
    assert lets(eagle_ford, rule, way)
    assert not lets(eagle_ford, rule, Way(way.policy, way.host, way.port + 1))
    assert not lets(eagle_ford, rule, Way(way.policy, "tsdb.eagle-ford.field.example", way.port))
    assert not among_themselves("kafka-bridge", rule)


def test_a_pods_policy_is_the_same_in_whatever_order_they_are_registered(variants: Variants) -> None:
    """The bridge to the incumbent and the broker have policies for the same pods."""
    for site in variants("parallel", "enterprise"):
        made = compose(site)
        turned = replace(made, resources=list(reversed(made.resources)))
        assert policies(turned) == policies(made)
        assert "broker" in policies(turned)


def test_no_way_out_is_open_to_every_address(variants: Variants) -> None:
    for edition in EDITIONS:
        for phase in PHASES:
            for site in variants(phase, edition):
                for name in policies(compose(site)):
                    for rule in outward(compose(site), name):
                        assert rule["to"], (site.name, name)
                        assert rule["ports"], (site.name, name)
                        assert not {"0.0.0.0/0", "::/0"} & {
                            peer["ipBlock"]["cidr"] for peer in rule["to"] if "ipBlock" in peer
                        }


def test_nothing_of_the_site_reaches_the_control_system(variants: Variants) -> None:
    for edition in EDITIONS:
        for phase in PHASES:
            for site in variants(phase, edition):
                zones = [
                    ipaddress.ip_network(str(cidr))
                    for zone in site.network.zones
                    if zone.kind == "ot"
                    for cidr in zone.cidrs
                ]
                assert zones
                for name in policies(compose(site)):
                    for rule in outward(compose(site), name):
                        for peer in rule["to"]:
                            if "ipBlock" in peer:
                                block = ipaddress.ip_network(peer["ipBlock"]["cidr"])
                                assert not any(
                                    block.version == zone.version and block.overlaps(zone) for zone in zones
                                ), (site.name, name)


def test_name_servers_are_those_that_the_site_names(variants: Variants) -> None:
    by_site = {
        site.name: outward(compose(site), "name-resolution") for site in variants("pilot", "opensource")
    }
    (coredns,) = by_site["eagle-ford"]
    assert coredns["to"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ]
    (node_local,) = by_site["north-cormorant"]
    assert node_local["to"] == [{"ipBlock": {"cidr": "169.254.20.10/32"}}]
    assert [(port["protocol"], port["port"]) for port in node_local["ports"]] == [("UDP", 53), ("TCP", 53)]


def test_a_name_server_at_another_port_of_its_pods_is_reached_there(eagle_ford: Composition) -> None:
    """OpenShift's name servers listen at 5353 behind a Service at 53, and policies see the pods' port."""
    openshift = Peer(
        namespace="openshift-dns",
        pods={"dns.operator.openshift.io/daemonset-dns": "default"},
        cidrs=(),
        port=5353,
    )
    platform = eagle_ford.site.platform.model_copy(update={"dns": (openshift,)})
    (rule,) = outward(compose(eagle_ford.site.model_copy(update={"platform": platform})), "name-resolution")
    assert {port["port"] for port in rule["ports"]} == {5353}


def policies(composition: Composition) -> list[str]:
    """Return a policy of each kind of pods: the first by name, for Pulumi registers them in no certain order."""
    first: dict[str, str] = {}
    for made in sorted(composition.of("NetworkPolicy"), key=lambda made: str(made.metadata["name"])):
        first.setdefault(str(made.spec["podSelector"]), made.metadata["name"])
    return list(first.values())


def outward(composition: Composition, name: str) -> list[Any]:
    """Return what the pods of a policy may do outwards, by all policies of the same pods."""
    pods = composition.one("NetworkPolicy", name).spec["podSelector"]
    same = [made for made in composition.of("NetworkPolicy") if made.spec["podSelector"] == pods]
    return [rule for made in same for rule in made.spec.get("egress", [])]


def among_themselves(policy: str, rule: Any) -> bool:
    ports = {port["port"] for port in rule["ports"]}
    return ports <= AMONG_THEMSELVES.get(policy, set())


def lets(composition: Composition, rule: Any, way: Way) -> bool:
    """Say whether a rule is about the way's destination: its pods or addresses, and the port that they have."""
    peers, port = destination(composition, way)
    return bool(rule["to"] == peers and port in {entry["port"] for entry in rule["ports"]})


def destination(composition: Composition, way: Way) -> tuple[list[Any], int]:
    """Return what a NetworkPolicy calls the host, and the port of what answers there."""
    service, dot, rest = way.host.partition(".")
    if dot and rest.endswith(".svc"):
        space = rest.removesuffix(".svc")
        if space != composition.site.namespace:
            # Strimzi's bootstrap Service of a cluster, by its scheme of names.
            labels = {
                "strimzi.io/cluster": service.removesuffix("-kafka-bootstrap"),
                "strimzi.io/kind": "Kafka",
            }
            return [selected(space, labels)], way.port
        if service in OPERATORS_SERVICES:
            return [{"podSelector": {"matchLabels": OPERATORS_SERVICES[service]}}], way.port
        spec = composition.one("Service", service).spec
        return [{"podSelector": {"matchLabels": spec["selector"]}}], port_of_pods(composition, spec, way.port)
    (place,) = [places for host, places in elsewhere(composition).items() if host == way.host]
    (peer,) = place
    if peer.namespace:
        return [selected(peer.namespace, dict(peer.pods))], peer.port or way.port
    return [{"ipBlock": {"cidr": str(cidr)}} for cidr in peer.cidrs], peer.port or way.port


def port_of_pods(composition: Composition, service: Mapping[str, Any], port: int) -> int:
    """Return the port that a Service's pods have behind one of its own."""
    (target,) = [entry["targetPort"] for entry in service["ports"] if entry["port"] == port]
    if isinstance(target, int):
        return target
    (found,) = [
        entry["containerPort"]
        for made in (*composition.of("Deployment"), *composition.of("StatefulSet"))
        if made.spec["selector"]["matchLabels"] == service["selector"]
        for container in made.spec["template"]["spec"]["containers"]
        for entry in container["ports"]
        if entry["name"] == target
    ]
    return int(found)


def selected(namespace: str, labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": dict(labels)},
    }


def elsewhere(composition: Composition) -> dict[str, tuple[Peer, ...]]:
    """Return the hosts outside of the site's namespace, and where its data says that they are."""
    site, settings = composition.site, OFFLINE
    known = {
        urlsplit(settings.vault_address).hostname or "": site.platform.vault,
        urlsplit(settings.keycloak_url).hostname or "": site.platform.keycloak,
        site.incumbent.address: site.incumbent.at or (),
        API_SERVER: site.platform.api_server or (),
    }
    for sink in site.streams.sinks:
        if sink.iceberg:
            known[urlsplit(sink.iceberg.catalog).hostname or ""] = sink.iceberg.catalog_at or ()
            known[urlsplit(sink.iceberg.object_storage).hostname or ""] = sink.iceberg.object_storage_at or ()
        store = sink.timescaledb or sink.influxdb
        if store:
            known[store.host] = store.at or ()
    return known


def ways(composition: Composition) -> Iterator[Way]:
    """Yield every connection that a rendered configuration makes."""
    broker: Any = hocon.read(composition.one("EMQX").spec["config"]["data"])
    yield from connections("broker", broker)
    if any(
        listener["ssl_options"].get("enable_crl_check") for listener in broker["listeners"]["ssl"].values()
    ):
        # EMQX fetches the list from where each certificate says that it is.
        for urls in composition.of("SecretBackendConfigUrls"):
            yield from connections("broker", urls.inputs["crlDistributionPoints"])
    yield from connections(
        "dashboard-proxy",
        tomllib.loads(composition.one("ConfigMap", "dashboard-proxy").inputs["data"]["oauth2-proxy.cfg"]),
        but={"redirect_url"},
    )
    for bridge in composition.of("KafkaBridge"):
        yield from connections("kafka-bridge", bridge.spec["bootstrapServers"])
    for worker in composition.of("KafkaConnect"):
        yield from connections("sinks", worker.spec["bootstrapServers"])
    for connector in composition.of("KafkaConnector"):
        yield from connections("sinks", connector.spec["config"])
    for made in composition.of("StatefulSet"):
        told = composition.one("ConfigMap", f"{made.metadata['name']}-settings").inputs["data"]
        for text in told.values():
            found = json.loads(text)
            yield Way("kafka-worker", found["mqtt"]["host"], found["mqtt"]["port"])
            # What it listens at is no way out.
            yield from connections(
                "kafka-worker", {name: part for name, part in found.items() if name not in ("listen", "mqtt")}
            )
    yield from of_the_bridge(composition)
    (opa,) = composition.one("Deployment", "opa").spec["template"]["spec"]["containers"]
    yield from connections("opa", [argument for argument in opa["args"] if "--addr=" not in argument])
    (probe,) = composition.one("Job", probe_of(composition)).spec["template"]["spec"]["containers"]
    for made in composition.of("Job"):
        # Whose pods have a token of a service account, they talk to the API server, where Kubernetes says that it is.
        pod = made.spec["template"]["spec"]
        if any("projected" in volume for volume in pod.get("volumes", [])):
            yield Way(pod["serviceAccountName"], API_SERVER, 443)
    yield from connections("broker-probe", [argument.partition("=")[2] for argument in probe["command"]])

    pod = composition.one("Deployment", "certificate-exporter").spec["template"]["spec"]
    (exporter,) = pod["containers"]
    yield from connections("certificate-exporter", [word.rpartition("=")[2] for word in exporter["command"]])


def of_the_bridge(composition: Composition) -> Iterator[Way]:
    """Yield the connections of the program that bridges to the incumbent, where there is one."""
    for made in composition.of("ConfigMap"):
        if made.metadata["name"] == f"{BRIDGE}-settings":
            found = json.loads(made.inputs["data"]["settings.json"])
            for end in ("broker", "incumbent"):
                yield Way(BRIDGE, found[end]["host"], found[end]["port"])


def probe_of(composition: Composition) -> str:
    (name,) = [
        made.metadata["name"]
        for made in composition.of("Job")
        if re.fullmatch(r"broker-probe-[0-9a-f]{10}", made.metadata["name"])
    ]
    return str(name)


def connections(policy: str, value: Any, *, but: frozenset[str] | set[str] = frozenset()) -> Iterator[Way]:
    """Yield the hosts and ports in a configuration's texts: addresses with a scheme, or a host and a port."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            # What identifies, and what people's browsers follow, is no connection of a pod's.
            if key not in {"iss", "dashboard_addr", "headers", "verify_claims", *but}:
                yield from connections(policy, entry, but=but)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from connections(policy, entry, but=but)
    elif isinstance(value, str):
        yield from at(policy, value)


def at(policy: str, text: str) -> Iterator[Way]:
    scheme, mark, rest = text.partition("://")
    if mark and scheme in {"https", "http", "jdbc:postgresql"}:
        address = urlsplit(f"//{rest}")
        yield Way(policy, address.hostname or "", address.port or SCHEME_PORTS[scheme])
    elif ADDRESS.fullmatch(text) and not text.split(":")[0].replace(".", "").isdigit():
        host, _, port = text.partition(":")
        yield Way(policy, host, int(port))
