"""Every server is started on loopback, with certificates, and without a secret on its command line."""

import re
import subprocess
from pathlib import Path

import pytest

from lab.certificates import Authority
from lab.files import write
from lab.ports import Ports
from lab.servers import BY_NAME, SERVERS, kafka, with_needs
from lab.servers.base import Lab, Server
from lab.supervision import Launch

TOOLS = ("kubernetes", "vault", "opa", "keycloak", "kafka", "crds", "java", "pulumi", "promtool")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab whose tools are empty files: nothing can be started, and nothing is."""
    tools = {name: tmp_path / "tools" / name for name in TOOLS}
    write(tools["kafka"] / "libs" / "kafka_2.13-4.3.1.jar", "")
    monkeypatch.setattr(subprocess, "run", lambda *_arguments, **_named: None)
    state = tmp_path / "state"
    state.mkdir()
    lab = Lab("paper", state, Ports(state), Authority(state / "tls", "paper"), tools)
    lab.authority.ensure()
    lab.ports.assign(port for server in SERVERS for port in server.ports)
    return lab


def secrets_of(lab: Lab) -> set[str]:
    files = [file for file in lab.state.rglob("*") if file.name in ("password", "token", "deployer-token")]
    return {file.read_text() for file in files}


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_no_secret_is_on_a_command_line(lab: Lab, server: Server) -> None:
    for other in SERVERS:
        other.launch(lab)
    command = " ".join(server.launch(lab).command)
    assert secrets_of(lab)
    assert not [secret for secret in secrets_of(lab) if secret in command]


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_only_loopback_is_named(lab: Lab, server: Server) -> None:
    launch = server.launch(lab)
    text = "\n".join([*launch.command, *(file.read_text() for file in launch.files)])
    addresses = set(re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text)) - {"10.244.0.0", "10.0.0.0"}
    assert addresses <= {"127.0.0.1"}


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_starting_twice_means_the_same(lab: Lab, server: Server) -> None:
    assert server.launch(lab).fingerprint == server.launch(lab).fingerprint


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_settings_are_readable_by_their_owner_alone(lab: Lab, server: Server) -> None:
    launch: Launch = server.launch(lab)
    assert {file.stat().st_mode & 0o077 for file in launch.files} <= {0}


def test_needs_come_before_those_who_need_them() -> None:
    names = [server.name for server in SERVERS]
    assert all(names.index(need) < names.index(server.name) for server in SERVERS for need in server.needs)


def test_no_two_servers_share_a_port() -> None:
    ports = [port for server in SERVERS for port in server.ports]
    assert len(ports) == len(set(ports))


def test_asking_for_a_server_asks_for_what_it_needs() -> None:
    assert [server.name for server in with_needs(frozenset({"kwok"}))] == ["etcd", "kube-apiserver", "kwok"]


def test_every_server_is_found_by_its_name() -> None:
    assert set(BY_NAME.values()) == set(SERVERS)


def test_the_brokers_stand_in_three_zones(lab: Lab) -> None:
    settings = [BY_NAME[name].launch(lab).files[0].read_text() for name in kafka.BROKERS]
    assert [re.findall(r"broker.rack=(.)", text) for text in settings] == [["a"], ["b"], ["c"]]


def test_nothing_is_allowed_in_kafka_that_no_rule_allows(lab: Lab) -> None:
    settings = BY_NAME["kafka-2"].launch(lab).files[0].read_text()
    assert "allow.everyone.if.no.acl.found=false" in settings
    assert "PLAINTEXT" not in settings


def test_opa_knows_its_writers_token_by_its_hash_alone(lab: Lab) -> None:
    (rules,) = BY_NAME["opa"].launch(lab).files
    assert (lab.state / "opa" / "token").read_text() not in rules.read_text()


def test_a_cluster_identifier_with_a_leading_dash_is_no_option() -> None:
    arguments = kafka.format_arguments("-TEiDOXPRvKuSmD6jENBhw", Path("server.properties"))
    assert "--cluster-id=-TEiDOXPRvKuSmD6jENBhw" in arguments
