"""The deployed site answers as it should, and refuses whoever has no business there."""

import datetime

import pytest
import urllib3
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from cryptography import x509
from testinfra.host import Host

from tests.acceptance.conftest import Target


@pytest.fixture(scope="module")
def web(target: Target) -> urllib3.PoolManager:
    """HTTPS that trusts the site's authority."""
    return urllib3.PoolManager(ca_certs=target.authority, retries=False, timeout=10)


def test_vault_is_unsealed_and_tells_nothing_to_strangers(web: urllib3.PoolManager, target: Target) -> None:
    health = web.request("GET", f"{target.addresses['vault']}/v1/sys/health?standbyok=true").json()
    assert health["initialized"] is True
    assert health["sealed"] is False
    assert web.request("GET", f"{target.addresses['vault']}/v1/sys/mounts").status == 403


def test_vault_hands_out_the_sites_authorities(web: urllib3.PoolManager, target: Target) -> None:
    for mount in (f"pki-{target.site.name}-root", f"pki-{target.site.name}-issuing"):
        answer = web.request("GET", f"{target.addresses['vault']}/v1/{mount}/ca/pem")
        assert answer.status == 200
        assert answer.data.startswith(b"-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("authority", ["root", "issuing"])
def test_each_list_of_revoked_certificates_is_fresh(
    web: urllib3.PoolManager, target: Target, authority: str
) -> None:
    """The broker refuses every client once a list is past its `nextUpdate`; Vault goes on serving it."""
    mount = f"{target.addresses['vault']}/v1/pki-{target.site.name}-{authority}"
    issuers = web.request("GET", f"{mount}/issuers?list=true").json()["data"]["keys"]
    assert issuers
    said, now = target.site.pki.revocation_list, datetime.datetime.now(datetime.UTC)
    for issuer in issuers:
        answer = web.request("GET", f"{mount}/issuer/{issuer}/crl/pem")
        assert answer.status == 200
        made = x509.load_pem_x509_crl(answer.data)
        assert made.last_update_utc <= now
        assert made.next_update_utc is not None
        # Vault makes the next one so long before the end; half of it is time enough to notice that it does not.
        assert made.next_update_utc - now > datetime.timedelta(seconds=said.rebuild_before.seconds / 2)


def test_realm_is_found_under_its_own_issuer(web: urllib3.PoolManager, target: Target) -> None:
    base = f"{target.addresses['keycloak']}/realms/{target.site.name}"
    found = web.request("GET", f"{base}/.well-known/openid-configuration").json()
    assert found["issuer"] == base
    assert "S256" in found["code_challenge_methods_supported"]
    assert web.request("GET", found["jwks_uri"]).json()["keys"]


def test_cluster_refuses_strangers(web: urllib3.PoolManager, target: Target) -> None:
    assert web.request("GET", f"{target.addresses['kubernetes']}/api/v1/namespaces").status == 401


def test_kafka_refuses_strangers(target: Target) -> None:
    settings: dict[str, str | int | float | bool] = {
        "bootstrap.servers": target.addresses["kafka"],
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "stranger",
        "sasl.password": "knock-knock",
        "log_level": 0,
    }
    if target.authority:
        settings["ssl.ca.location"] = target.authority
    with pytest.raises(KafkaException):
        AdminClient(settings).list_topics(timeout=5)


@pytest.mark.parametrize("topic", ["ot/{site}/valve", "$SYS/brokers", "another-site/pump"])
def test_policy_server_denies_strangers(web: urllib3.PoolManager, target: Target, topic: str) -> None:
    question = {
        "site": target.site.name,
        "username": "stranger",
        "clientid": "stranger",
        "topic": topic.format(site=target.site.name),
        "action": "publish",
        "qos": "1",
        "retain": "false",
        "peerhost": "127.0.0.1",
        "cert_common_name": "stranger",
    }
    url = f"{target.addresses['opa']}/v0/data/iot/mqtt/decision"
    assert web.request("POST", url, json=question).json() == {"result": "deny"}


def test_policy_server_takes_no_policy_from_strangers(web: urllib3.PoolManager, target: Target) -> None:
    answer = web.request("PUT", f"{target.addresses['opa']}/v1/policies/mine", body=b"package mine")
    assert answer.status in (401, 403)


def test_namespace_denies_traffic_by_default(host: Host, target: Target) -> None:
    where = f"--context={target.context} --namespace={target.site.namespace}"
    found = host.check_output(f"kubectl {where} get networkpolicy default-deny -ojsonpath='{{.spec}}'")
    assert '"podSelector":{}' in found
    assert "Ingress" in found
    assert "Egress" in found


def test_broker_listens_for_clients_with_certificates_only(host: Host, target: Target) -> None:
    if not target.has_broker:
        pytest.skip("no EMQX runs in the lab: this check is for a real site")
    port = target.site.broker.listeners.mqtts.port
    spoken = host.run(f"openssl s_client -connect {target.site.mqtt_host}:{port} -tls1_2 </dev/null")
    assert "Acceptable client certificate CA names" in spoken.stdout


def test_broker_has_no_plain_door(host: Host, target: Target) -> None:
    if not target.has_broker:
        pytest.skip("no EMQX runs in the lab: this check is for a real site")
    for port in (1883, 8083, 18083):
        assert not host.addr(target.site.mqtt_host).port(port).is_reachable
