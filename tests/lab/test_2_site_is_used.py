"""What the deployed site is for: certificates, tokens and records, and a refusal for whoever should not have them."""

import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from components.kafka_topics import group_name, sink_group, topic_name, user_name, worker_topic
from model import Site
from model.ingest import DEAD_LETTER
from model.sinks import WORKERS
from tests.support import servers
from tests.support.shell import Shell

DEVICE_USAGE = "TLS Web Client Authentication"


@pytest.fixture(scope="module")
def device(deployed: Shell, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a device's certificate out of Vault's device role, its key and the chain."""
    reply = servers.vault(deployed).ask(
        "POST",
        f"/pki-{site.name}-issuing/issue/device",
        {"common_name": f"pump-1.devices.{site.domain}", "ttl": "24h"},
    )
    assert reply.status == 200, reply.text
    data = reply.json["data"]
    folder = tmp_path_factory.mktemp("device")
    (folder / "device.pem").write_text(data["certificate"])
    (folder / "issuing.pem").write_text("\n".join(data["ca_chain"]))
    root = deployed.outputs(site.name)["certificateAuthorities"]["root"]["certificate"]
    (folder / "root.pem").write_text(root)
    return folder


def test_device_certificate_is_verified_by_the_sites_root(deployed: Shell, device: Path) -> None:
    checked = deployed.run(
        "openssl",
        "verify",
        "-purpose",
        "sslclient",
        "-CAfile",
        str(device / "root.pem"),
        "-untrusted",
        str(device / "issuing.pem"),
        str(device / "device.pem"),
    )
    assert checked.out.strip().endswith(": OK")


def test_device_certificate_cannot_be_a_servers(deployed: Shell, device: Path) -> None:
    checked = deployed.run(
        "openssl",
        "verify",
        "-purpose",
        "sslserver",
        "-CAfile",
        str(device / "root.pem"),
        "-untrusted",
        str(device / "issuing.pem"),
        str(device / "device.pem"),
        check=False,
    )
    assert checked.code != 0
    assert (
        "unsuitable certificate purpose" in checked.text or "unsupported certificate purpose" in checked.text
    )
    text = deployed.run("openssl", "x509", "-in", str(device / "device.pem"), "-noout", "-text").out
    assert DEVICE_USAGE in text
    assert "CA:TRUE" not in text


@pytest.mark.parametrize(
    "common_name", ["pump-1.devices.elsewhere.example", "mqtt.{domain}", "pump-1.mirrors.{domain}"]
)
def test_device_role_refuses_names_outside_its_own_domain(
    deployed: Shell, site: Site, common_name: str
) -> None:
    reply = servers.vault(deployed).ask(
        "POST",
        f"/pki-{site.name}-issuing/issue/device",
        {"common_name": common_name.format(domain=site.domain)},
    )
    assert reply.status == 400
    assert "not allowed by this role" in reply.text


def test_cert_manager_gets_a_server_certificate_with_the_issuers_account(
    deployed: Shell, site: Site, tmp_path: Path
) -> None:
    reply = sign_in_to_vault(deployed, site, site.platform.issuer.service_account)
    assert reply.status == 200, reply.text
    cert_manager = servers.vault(deployed, reply.json["auth"]["client_token"])
    key, request = tmp_path / "key.pem", tmp_path / "request.pem"
    deployed.run(
        *("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-keyout", str(key), "-out", str(request), "-subj", f"/CN={site.mqtt_host}"),
        *("-addext", f"subjectAltName=DNS:{site.mqtt_host}"),
    )
    body = {"csr": request.read_text(), "common_name": site.mqtt_host}
    signed = cert_manager.ask("POST", "/" + issuer(deployed, site)["path"], body)
    assert signed.status == 200, signed.text
    # The same login may do nothing else.
    device = {"common_name": f"pump-1.devices.{site.domain}"}
    assert cert_manager.ask("POST", f"/pki-{site.name}-issuing/issue/device", device).status == 403


def test_another_account_may_not_sign_in_to_vault(deployed: Shell, site: Site) -> None:
    assert sign_in_to_vault(deployed, site, "default").status == 403


def test_engineer_signs_in_and_gets_a_token_with_one_audience(deployed: Shell, site: Site) -> None:
    with servers.signed_in(deployed, site, "engineer") as token:
        access = servers.claims(token)
    assert access["aud"] == "mqtt"
    assert access["iss"] == deployed.outputs(site.name)["realm"]["issuer"]
    assert access["preferred_username"] == "engineer"
    assert access["exp"] - access["iat"] == site.identity.sessions.access_token.seconds


def test_record_goes_through_kafka_with_the_declared_users(deployed: Shell, site: Site) -> None:
    topic = topic_name(site, "raw")
    payload = f"pressure {time.time_ns()}".encode()
    assert produce(deployed, user_name(site, "broker"), topic, payload) is None
    sink = next(sink for sink in site.streams.sinks if "raw" in sink.topics)
    group = sink_group(site, sink, "raw")
    assert payload in consume(deployed, user_name(site, sink.user), group, topic, payload)
    # What its store does not take goes to the dead letters, as the same user.
    assert produce(deployed, user_name(site, sink.user), topic_name(site, DEAD_LETTER), payload) is None


def test_kafka_gives_the_sinks_workers_their_own_state_and_no_record(deployed: Shell, site: Site) -> None:
    worker = user_name(site, WORKERS)
    assert produce(deployed, worker, topic_name(site, worker_topic("status")), b"{}", key=b"a") is None
    consumer = Consumer(
        servers.kafka(
            deployed,
            worker,
            servers.kafka_password(deployed, worker),
            **{"group.id": group_name(site, WORKERS), "auto.offset.reset": "earliest"},
        )
    )
    consumer.subscribe([topic_name(site, "raw")])
    try:
        message = consumer.poll(20)
    finally:
        consumer.close()
    assert message is not None
    error = message.error()
    assert error is not None
    assert error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART)


def test_kafka_refuses_a_user_who_may_only_read(deployed: Shell, site: Site) -> None:
    reader = next(user for user in site.streams.users if "raw" in user.consume)
    error = produce(deployed, user_name(site, reader.name), topic_name(site, "raw"), b"not mine to write")
    assert error is not None
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_kafka_refuses_a_wrong_password(deployed: Shell, site: Site) -> None:
    producer = Producer(servers.kafka(deployed, user_name(site, "broker"), "not-the-password"))
    with pytest.raises(KafkaException) as refusal:
        producer.list_topics(topic_name(site, "raw"), timeout=5)
    assert refusal.value.args[0].code() in (KafkaError._TRANSPORT, KafkaError._AUTHENTICATION)


def issuer(shell: Shell, site: Site) -> dict[str, Any]:
    """Return what the site's Issuer says of Vault."""
    found = shell.get("issuer.cert-manager.io", site.platform.issuer.name, site.namespace)
    vault: dict[str, Any] = found["spec"]["vault"]
    return vault


def sign_in_to_vault(shell: Shell, site: Site, account: str) -> servers.Reply:
    """Sign in as cert-manager does: with a token of the account, made for the audiences that it would ask for."""
    login = issuer(shell, site)["auth"]["kubernetes"]
    # cert-manager adds the first of these to the audiences that the Issuer lists.
    own = f"vault://{site.namespace}/{site.platform.issuer.name}"
    audiences = [f"--audience={name}" for name in (own, *login["serviceAccountRef"].get("audiences", ()))]
    token = shell.kubectl("create", "token", account, f"--namespace={site.namespace}", *audiences).out.strip()
    shell.logs.pop()
    anonymous = servers.Client(shell.environment["VAULT_ADDR"] + "/v1", str(shell.authority))
    mount = login["mountPath"].removeprefix("/v1/")
    return anonymous.ask("POST", f"/{mount}/login", {"role": login["role"], "jwt": token})


def produce(
    shell: Shell, user: str, topic: str, payload: bytes, key: bytes | None = None
) -> KafkaError | None:
    """Send one record as `user`; returns the broker's error, or None when all in-sync replicas have it."""
    password = servers.kafka_password(shell, user)
    producer = Producer(
        servers.kafka(shell, user, password, **{"acks": "all", "message.timeout.ms": "15000"})
    )
    outcome: list[KafkaError | None] = []
    producer.produce(topic, payload, key, on_delivery=lambda error, _message: outcome.append(error))
    assert producer.flush(20) == 0
    return outcome[0]


def consume(shell: Shell, user: str, group: str, topic: str, wanted: bytes) -> list[bytes]:
    """Read as `user` until `wanted` has come, at most 30 s; returns all that was read."""
    password = servers.kafka_password(shell, user)
    settings = {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": "false"}
    consumer = Consumer(servers.kafka(shell, user, password, **settings))
    consumer.subscribe([topic])
    found: list[bytes] = []
    deadline = time.monotonic() + 30
    try:
        while wanted not in found and time.monotonic() < deadline:
            message = consumer.poll(1.0)
            if message is None:
                continue
            error = message.error()
            assert error is None, error
            found.append(message.value() or b"")
    finally:
        consumer.close()
    return found
