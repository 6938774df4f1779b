"""After `pulumi up`, each server holds what the site's files ask for: read back from the server itself."""

from decimal import Decimal
from typing import Any

from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from components import names
from components.kafka_topics import topic_name, user_name
from components.prometheus_rules import rule_groups
from lab.waiting import wait_until
from model import Site, record_size, stream_capacity
from tests.support import servers
from tests.support.shell import Outcome, Shell


def test_up_makes_everything_in_one_go(first_up: Outcome) -> None:
    assert "created" in first_up.text
    assert "failed" not in first_up.text


def test_outputs_say_what_now_exists(deployed: Shell, site: Site) -> None:
    outputs = deployed.outputs(site.name)
    assert outputs["site"] == site.name
    assert outputs["phase"] == site.phase
    assert outputs["edition"] == site.broker.edition
    assert outputs["brokerEndpoints"]["mqtts"] == f"mqtts://{site.mqtt_host}:8883"
    assert outputs["topics"] == [topic_name(site, topic.name) for topic in site.streams.topics]
    assert outputs["realm"]["issuer"].endswith(f"/realms/{site.name}")
    assert outputs["alerts"]


def test_namespace_carries_the_sites_labels(deployed: Shell, site: Site) -> None:
    labels = deployed.get("namespace", site.namespace)["metadata"]["labels"]
    assert labels["iot-broker/site"] == site.name
    assert labels["iot-broker/phase"] == site.phase
    assert labels["app.kubernetes.io/part-of"] == "iot-broker"
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_broker_is_ready_with_the_nodes_that_the_site_asks_for(deployed: Shell, site: Site) -> None:
    broker = deployed.get("emqx", names.BROKER, site.namespace)
    assert broker["spec"]["coreTemplate"]["spec"]["replicas"] == site.broker.replicas
    assert broker["spec"]["image"] == site.broker.image.reference(site.broker.version)
    conditions = {entry["type"]: entry["status"] for entry in broker["status"]["conditions"]}
    assert conditions["Ready"] == "True"


def test_broker_nodes_are_spread_over_the_zones(deployed: Shell, site: Site) -> None:
    pods = deployed.all("pods", site.namespace, f"apps.emqx.io/instance={names.BROKER}")
    nodes = {node["metadata"]["name"]: node for node in deployed.all("nodes")}
    zones = [
        nodes[pod["spec"]["nodeName"]]["metadata"]["labels"]["topology.kubernetes.io/zone"] for pod in pods
    ]
    assert len(pods) == site.broker.replicas
    assert len(set(zones)) == min(site.broker.replicas, len(site.platform.zones))


def test_broker_certificate_is_asked_of_the_sites_own_issuer(deployed: Shell, site: Site) -> None:
    certificate = deployed.get("certificate", names.BROKER_TLS, site.namespace)["spec"]
    assert certificate["issuerRef"]["name"] == site.platform.issuer.name
    assert site.mqtt_host in certificate["dnsNames"]
    issuer = deployed.get("issuer.cert-manager.io", site.platform.issuer.name, site.namespace)["spec"][
        "vault"
    ]
    assert issuer["path"] == f"pki-{site.name}-issuing/sign/server"
    assert issuer["server"] == deployed.environment["VAULT_ADDR"]


def test_vault_has_both_authorities_and_the_roles(deployed: Shell, site: Site) -> None:
    vault = servers.vault(deployed)
    root = vault.get(f"/sys/mounts/pki-{site.name}-root")["data"]
    assert root["config"]["max_lease_ttl"] == site.pki.root.lifetime.seconds
    issuing = vault.get(f"/sys/mounts/pki-{site.name}-issuing")["data"]
    assert issuing["config"]["max_lease_ttl"] == site.pki.issuing.lifetime.seconds
    device = vault.get(f"/pki-{site.name}-issuing/roles/device")["data"]
    assert device["max_ttl"] == site.pki.device_certificates.maximum.seconds
    assert (device["client_flag"], device["server_flag"]) == (True, False)
    assert device["allowed_domains"] == [f"devices.{site.domain}"]
    server = vault.get(f"/pki-{site.name}-issuing/roles/server")["data"]
    assert server["max_ttl"] == site.pki.server_certificates.maximum.seconds
    assert (server["client_flag"], server["server_flag"]) == (False, True)


def test_keycloak_has_the_realm_with_roles_groups_and_client(deployed: Shell, site: Site) -> None:
    admin = servers.keycloak(deployed)
    realm = admin.get(f"/{site.name}")
    assert realm["accessTokenLifespan"] == site.identity.sessions.access_token.seconds
    assert realm["ssoSessionIdleTimeout"] == site.identity.sessions.idle.seconds
    assert realm["bruteForceProtected"] is True
    assert realm["failureFactor"] == site.identity.brute_force.failures
    assert realm["eventsEnabled"] is True
    assert realm["eventsExpiration"] == site.identity.events.retention.seconds
    roles = {role["name"] for role in admin.get(f"/{site.name}/roles")}
    assert roles >= {role.name for role in site.identity.roles}
    groups = {group["name"]: group["id"] for group in admin.get(f"/{site.name}/groups")}
    assert set(groups) == {group.name for group in site.identity.groups}
    for group in site.identity.groups:
        mapped = admin.get(f"/{site.name}/groups/{groups[group.name]}/role-mappings/realm")
        assert {role["name"] for role in mapped} == set(group.roles)
    client = admin.get(f"/{site.name}/clients?clientId={site.identity.dashboard.client_id}")[0]
    assert client["publicClient"] is False
    assert client["directAccessGrantsEnabled"] is False
    assert client["attributes"]["pkce.code.challenge.method"] == "S256"


def test_kafka_has_each_topic_as_declared(kafka: AdminClient, site: Site) -> None:
    described = kafka.list_topics(timeout=10).topics
    for topic in site.streams.topics:
        name = topic_name(site, topic.name)
        partitions = described[name].partitions.values()
        assert len(partitions) == stream_capacity.partitions(site, topic)
        assert {len(partition.replicas) for partition in partitions} == {site.streams.replication}
        settings = kafka_settings(kafka, name)
        assert settings["cleanup.policy"] == topic.cleanup
        kept = "retention.ms" if topic.cleanup == "delete" else "min.compaction.lag.ms"
        assert int(settings[kept]) == site.streams.retention(topic).milliseconds
        assert int(settings["min.insync.replicas"]) == site.streams.minimum_in_sync
        assert int(settings["max.message.bytes"]) == record_size.maximum_message(site, topic).count


def test_kafka_users_are_ready_and_their_passwords_stay_in_the_cluster(deployed: Shell, site: Site) -> None:
    for user in site.streams.users:
        resource = deployed.get("kafkauser", user_name(site, user.name), site.streams.cluster.namespace)
        assert {entry["type"]: entry["status"] for entry in resource["status"]["conditions"]}[
            "Ready"
        ] == "True"
        assert servers.kafka_password(deployed, user_name(site, user.name))


def test_alert_rules_carry_the_promised_service_level(deployed: Shell, site: Site) -> None:
    rules = _rules(deployed, site)
    alerts = {rule["alert"]: rule for rule in rules if "alert" in rule}
    assert set(alerts) == set(deployed.outputs(site.name)["alerts"])
    for name, alert in alerts.items():
        assert alert["labels"]["site"] == site.name
        assert alert["annotations"]["runbook_url"] == f"{site.monitoring.runbook_url}/{name}"
    # 2 % of a 30-day budget in one hour: 14.4 times the share of failures that the promise leaves.
    fastest = Decimal("14.4") * (1 - site.monitoring.service_level.availability.ratio)
    assert f"> {fastest.normalize():f} " in str(alerts["BrokerAvailabilityBurnsFast"]["expr"])


def test_policy_server_denies_what_no_rule_allows(deployed: Shell, site: Site) -> None:
    assert _decide(deployed, site, "publish", f"{site.name}/{_device(site)}/telemetry") == "allow"
    assert (
        _decide(deployed, site, "publish", f"{site.name}/another.devices.{site.domain}/telemetry") == "deny"
    )
    assert _decide(deployed, site, "publish", f"ot/{site.name}/pump") == "deny"
    assert _decide(deployed, site, "subscribe", "#") == "deny"


def _device(site: Site) -> str:
    return f"pump-1.devices.{site.domain}"


def _decide(shell: Shell, site: Site, action: str, topic: str) -> str:
    opa = servers.Client(shell.environment["OPA_URL"], str(shell.authority))
    question = {
        "site": site.name,
        "username": _device(site),
        "clientid": _device(site),
        "topic": topic,
        "action": action,
        "qos": "1",
        "retain": "false",
        "peerhost": "127.0.0.1",
        "cert_common_name": _device(site),
    }
    reply = opa.ask("POST", "/v0/data/iot/mqtt/decision", body=question)
    assert reply.status == 200, reply.text
    return str(reply.json["result"])


def _rules(shell: Shell, site: Site) -> list[dict[str, Any]]:
    found = shell.all("prometheusrules.monitoring.coreos.com", site.namespace)
    return [rule for item in found for group in item["spec"]["groups"] for rule in group["rules"]]


def kafka_settings(admin: AdminClient, topic: str) -> dict[str, str]:
    """Return a topic's settings as the broker has them."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    entries = admin.describe_configs([resource])[resource].result()
    return {name: entry.value for name, entry in entries.items()}


def test_prometheus_has_every_rule_of_the_site_and_evaluates_it(deployed: Shell, site: Site) -> None:
    wanted = {rule.get("alert") or rule["record"] for group in rule_groups(site) for rule in group["rules"]}
    prometheus = servers.prometheus(deployed)

    def evaluated() -> set[str]:
        groups = prometheus.get("/rules")["data"]["groups"]
        mine = [
            rule for group in groups if group["name"].startswith(f"{site.name}-") for rule in group["rules"]
        ]
        return {rule["name"] for rule in mine if rule["health"] == "ok"}

    wait_until(lambda: evaluated() == wanted, 90, "every rule's first evaluation")
