"""What a deployed site left on the servers: each output of its stack, with what its own server says of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.certificates import KeyPair
from lab.environment import PlainValue
from lab.estate import Estate
from lab.servers.http import Client, UnreachableError

Outputs = Mapping[str, Any]
MISSING = "NOT FOUND"
OK = 200


@dataclass(frozen=True)
class Finding:
    """One thing: what it is, what the stack calls it, and what its server says."""

    what: str
    name: str
    seen: str


def findings(estate: Estate, outputs: Outputs) -> tuple[Finding, ...]:
    """Read everything that the stack's `outputs` name back from its server."""
    return (
        *_endpoints(estate, outputs),
        *_realm(estate, outputs),
        *_authorities(estate, outputs),
        *_topics(estate, outputs),
        *_rules(estate, outputs),
    )


def _endpoints(estate: Estate, outputs: Outputs) -> Iterator[Finding]:
    broker = _kubernetes(estate, f"/apis/apps.emqx.io/v2beta1/namespaces/{outputs['namespace']}/emqxes")
    conditions = [condition for item in broker for condition in item.get("status", {}).get("conditions", [])]
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    for kind, address in outputs["brokerEndpoints"].items():
        yield Finding(f"{kind} endpoint", address, "EMQX Ready" if ready else MISSING)


def _realm(estate: Estate, outputs: Outputs) -> Iterator[Finding]:
    realm = outputs["realm"]
    answer = _read(estate, "KEYCLOAK_URL", f"/realms/{realm['name']}/.well-known/openid-configuration")
    yield Finding("realm", realm["name"], f"issuer {answer['issuer']}" if answer else MISSING)


def _authorities(estate: Estate, outputs: Outputs) -> Iterator[Finding]:
    for kind, authority in outputs["certificateAuthorities"].items():
        mount = authority["mount"]
        pem = _read_text(estate, "VAULT_ADDR", f"/v1/{mount}/ca/pem")
        yield Finding(f"{kind} CA", mount, _certificate(pem) if pem else MISSING)


def _topics(estate: Estate, outputs: Outputs) -> Iterator[Finding]:
    from confluent_kafka.admin import AdminClient

    administrator = estate.kafka_administrator()
    client = AdminClient(
        {
            "bootstrap.servers": _plain(estate, "KAFKA_BOOTSTRAP"),
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": _plain(estate, "IOT_BROKER_CA_FILE"),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": administrator.user,
            "sasl.password": administrator.password_file.read_text(),
        }
    )
    there = client.list_topics(timeout=10).topics
    for name in outputs["topics"]:
        topic = there.get(name)
        if topic is None:
            yield Finding("topic", name, MISSING)
        else:
            copies = len(next(iter(topic.partitions.values())).replicas)
            yield Finding("topic", name, f"{len(topic.partitions)} partitions, {copies} copies each")


def _rules(estate: Estate, outputs: Outputs) -> Iterator[Finding]:
    path = f"/apis/monitoring.coreos.com/v1/namespaces/{outputs['namespace']}/prometheusrules"
    rules = [
        rule
        for item in _kubernetes(estate, path)
        for group in item["spec"]["groups"]
        for rule in group["rules"]
    ]
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    named = set(outputs["alerts"])
    missing = ", ".join(sorted(named - alerts))
    recorded = sum("record" in rule for rule in rules)
    seen = f"{MISSING}: {missing}" if missing else f"{len(alerts)} alerts, {recorded} recording rules"
    yield Finding("alert rules", f"{len(named)} declared", seen)


def _kubernetes(estate: Estate, path: str) -> list[dict[str, Any]]:
    tls = estate.state / "tls"
    identity = KeyPair(tls / "kubernetes-admin.crt", tls / "kubernetes-admin.key")
    client = Client(estate.endpoints()["kube-apiserver"], tls / "ca.crt", identity)
    items: list[dict[str, Any]] = client.must("GET", path)["items"]
    return items


def _read(estate: Estate, server: str, path: str) -> dict[str, Any] | None:
    text = _read_text(estate, server, path)
    document: dict[str, Any] | None = json.loads(text) if text else None
    return document


def _read_text(estate: Estate, server: str, path: str) -> str | None:
    try:
        answer = Client(_plain(estate, server), estate.state / "tls" / "ca.crt").ask("GET", path)
    except UnreachableError:
        return None
    return answer.body.decode() if answer.status == OK else None


def _plain(estate: Estate, variable: str) -> str:
    value = estate.environment()[variable]
    assert isinstance(value, PlainValue)  # noqa: S101 - an address or a file name, never a secret
    return value.text


def _certificate(pem: str) -> str:
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(pem.encode())
    (name,) = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return f"CN={name.value!s}, until {certificate.not_valid_after_utc:%Y-%m-%d}"
