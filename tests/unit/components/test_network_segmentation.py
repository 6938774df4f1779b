"""In the site's namespace nobody talks to anybody, but for the flows that are listed."""

from typing import Any

from components import dashboard_proxy
from components.recording import Composition


def flows(policy: Any, direction: str) -> list[Any]:
    return list(policy.spec.get(direction) or [])


def test_everything_is_denied_by_default(composition: Composition) -> None:
    policy = composition.one("NetworkPolicy", "default-deny")
    assert policy.spec["podSelector"] == {}
    assert policy.spec["policyTypes"] == ["Ingress", "Egress"]
    assert flows(policy, "ingress") == flows(policy, "egress") == []


def test_from_outside_only_the_tls_listeners_and_a_login_are_reached(composition: Composition) -> None:
    broker = composition.site.broker
    listeners = broker.listeners
    anywhere = [
        port["port"]
        for policy in composition.of("NetworkPolicy")
        for rule in flows(policy, "ingress")
        if not rule.get("from")
        for port in rule["ports"]
    ]
    # People come to the dashboard by the proxy alone, which asks for a role.
    login = dashboard_proxy.PORT
    # With listeners of zones, those with certificates are for addresses that the site names.
    closed = {"mqtts", *(f"zone-{zone.name}" for zone in listeners.zones)} if listeners.zones else set()
    doors = [door.port for name, door in listeners.by_name.items() if name not in closed]
    assert sorted(anywhere) == sorted([*doors, login])


def test_the_policy_server_answers_the_broker_and_is_measured(composition: Composition) -> None:
    (rule,) = flows(composition.one("NetworkPolicy", "opa"), "ingress")
    broker, exporter, prometheus = rule["from"]
    assert exporter["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "certificate-exporter"
    assert broker["podSelector"]["matchLabels"]["apps.emqx.io/instance"] == "broker"
    assert prometheus["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": composition.site.platform.prometheus_namespace
    }
    assert [port["port"] for port in rule["ports"]] == [8181]


def test_every_open_way_out_is_limited_to_ports(composition: Composition) -> None:
    for policy in composition.of("NetworkPolicy"):
        for rule in flows(policy, "egress"):
            assert rule["ports"], policy.name


def test_only_prometheus_comes_to_the_certificate_exporter(composition: Composition) -> None:
    (rule,) = flows(composition.one("NetworkPolicy", "certificate-exporter"), "ingress")
    (prometheus,) = rule["from"]
    assert prometheus["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}
    assert [port["port"] for port in rule["ports"]] == [9443]
