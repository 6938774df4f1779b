"""The stand-ins' client of Kafka: after a request without an answer it makes none until the brokers are there."""

import socket
from pathlib import Path

import pytest

from lab.certificates import Authority
from lab.operators import kafka
from lab.operators.loop import Retry
from lab.ports import HOST, free_ports


def test_nothing_is_asked_of_kafka_until_its_brokers_take_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "REQUEST_SECONDS", 0.5)
    port = free_ports(["kafka"])["kafka"]
    password = tmp_path / "password"
    password.write_text("secret")
    authority = Authority(tmp_path / "pki", "Authority of the test")
    authority.ensure()
    endpoint = kafka.KafkaEndpoint(f"{HOST}:{port}", authority.certificate, "operators", password)
    administrator = kafka.KafkaAdministrator(endpoint)
    with pytest.raises(Retry):
        administrator.scram_users()
    with pytest.raises(Retry, match=f"{HOST}:{port}: Connection refused"):
        administrator.scram_users()
    with (
        socket.create_server((HOST, port)),
        pytest.raises(Retry, match=r"Timed out|did not answer|transport"),
    ):
        administrator.scram_users()
