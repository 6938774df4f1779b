"""The lab's own servers: on loopback, closed to strangers, back after a crash, and within their memory."""

import json
import os
import signal
from collections.abc import Callable

import psutil
import pytest
import requests
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from lab.environment import exports
from lab.estate import Estate
from lab.servers.http import Client
from lab.waiting import wait_until
from tests.support.shell import Shell

GIB = 2**30
DECISION = "/v0/data/iot/mqtt/decision"
PROBE = "/v1/data/probe"

Ask = Callable[[str], Client]


@pytest.fixture
def stranger(estate: Estate) -> Ask:
    """Gives a client of a server that trusts the lab's authority and has no credentials."""
    return lambda server: Client(estate.endpoints()[server], estate.state / "tls" / "ca.crt")


def test_every_server_is_ready(estate: Estate) -> None:
    assert [status.name for status in estate.status() if not status.ready] == []


def test_every_server_tells_its_version(estate: Estate) -> None:
    assert [status.name for status in estate.status() if not status.version] == ["operators"]


def test_all_listen_on_loopback_alone(estate: Estate) -> None:
    pids = {status.pid for status in estate.status()}
    listening = {
        connection.laddr.ip
        for connection in psutil.net_connections("inet")
        if connection.laddr and connection.pid in pids and connection.status == psutil.CONN_LISTEN
    }
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_all_together_stay_within_three_gibibytes(estate: Estate) -> None:
    assert sum(status.memory for status in estate.status()) < 3 * GIB


def test_up_again_starts_nothing(estate: Estate) -> None:
    assert [start.name for start in estate.up() if start.began] == []


def test_a_server_that_was_killed_is_back_after_up(estate: Estate) -> None:
    victim = next(status for status in estate.status() if status.name == "vault")
    assert victim.pid
    os.kill(victim.pid, signal.SIGKILL)
    wait_until(lambda: not estate.is_up(), 10, "Vault's end")
    assert [start.name for start in estate.up() if start.began] == ["vault"]


def test_no_secret_is_printed_for_the_shell(estate: Estate) -> None:
    secrets = [value.resolve() for value in estate.environment().values() if hasattr(value, "file")]
    assert secrets
    assert not [secret for secret in secrets if secret in exports(estate.environment())]


def test_kubernetes_lets_no_stranger_in(stranger: Ask) -> None:
    assert stranger("kube-apiserver").ask("GET", "/api/v1/namespaces").status == 401


def test_vault_lets_no_stranger_in(stranger: Ask) -> None:
    assert stranger("vault").ask("GET", "/v1/sys/mounts").status == 403


def test_vaults_deployer_has_no_way_beyond_the_kits_names(shell: Shell, stranger: Ask) -> None:
    headers = {"X-Vault-Token": shell.environment["VAULT_TOKEN"]}
    for path in (
        "/v1/sys/mounts/other",
        "/v1/sys/policies/acl/other",
        "/v1/sys/auth/other",
        "/v1/sys/audit/other",
    ):
        assert (
            stranger("vault").ask("POST", path, {"type": "pki", "policy": ""}, headers=headers).status == 403
        )


def test_vaults_audit_record_holds_no_token(estate: Estate, shell: Shell) -> None:
    records = (estate.state / "logs" / "vault-audit.log").read_text()
    assert records
    assert shell.environment["VAULT_TOKEN"] not in records


def test_anybody_may_ask_opa_for_a_decision(stranger: Ask) -> None:
    assert stranger("opa").ask("POST", DECISION, {}).status in (200, 404)


@pytest.mark.parametrize(("method", "path"), [("PUT", PROBE), ("DELETE", PROBE), ("GET", "/v1/policies")])
def test_opa_lets_no_stranger_read_or_write_policy(stranger: Ask, method: str, path: str) -> None:
    assert stranger("opa").ask(method, path, {}).status == 401


def test_kafka_refuses_a_wrong_password(estate: Estate) -> None:
    client = AdminClient(
        {
            "bootstrap.servers": estate.endpoints()["kafka-1"],
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(estate.state / "tls" / "ca.crt"),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": estate.kafka_administrator().user,
            "sasl.password": "guessed",
        }
    )
    with pytest.raises(KafkaException):
        client.list_topics(timeout=5)


def test_the_nodes_are_in_three_zones(shell: Shell) -> None:
    labels = [node["metadata"]["labels"] for node in shell.all("nodes")]
    assert sorted(labels["topology.kubernetes.io/zone"] for labels in labels) == ["a", "b", "c"]


def test_an_emqx_field_that_does_not_exist_is_refused(shell: Shell) -> None:
    resource = {
        "apiVersion": "apps.emqx.io/v2beta1",
        "kind": "EMQX",
        "metadata": {"name": "misspelt", "namespace": "default"},
        "spec": {"image": "emqx/emqx:5.8.9", "coreTemplate": {"spec": {"replicsa": 3}}},
    }
    apply = ("apply", "--server-side", "--validate=strict", "--filename=-")
    outcome = shell.kubectl(*apply, check=False, text=json.dumps(resource))
    assert outcome.code != 0
    assert "replicsa" in outcome.err


def test_a_claim_is_bound_and_a_job_completes(shell: Shell) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "probe"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    container = {"name": "probe", "image": "none", "command": ["true"]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "probe"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }
    both = json.dumps({"apiVersion": "v1", "kind": "List", "items": [claim, job]})
    shell.kubectl("apply", "--namespace=default", "--filename=-", text=both)
    try:
        waits = ("pvc/probe", "jsonpath={.status.phase}=Bound"), ("job/probe", "condition=Complete")
        for what, condition in waits:
            shell.kubectl("wait", "--namespace=default", what, f"--for={condition}", "--timeout=60s")
    finally:
        shell.kubectl("delete", "--namespace=default", "--filename=-", "--wait=false", text=both)


def test_an_unready_pod_is_ready_again(shell: Shell) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "late"},
        "spec": {"containers": [{"name": "late", "image": "none"}]},
    }
    wait = ("wait", "--namespace=default", "pod/late", "--timeout=60s")
    shell.kubectl("apply", "--namespace=default", "--filename=-", text=json.dumps(pod))
    try:
        shell.kubectl(*wait, "--for=condition=Ready")
        late = '{"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "NodeNotReady"}]}}'
        shell.kubectl("patch", "--namespace=default", "pod/late", "--subresource=status", "--patch", late)
        shell.kubectl(*wait, "--for=condition=Ready")
    finally:
        shell.kubectl("delete", "--namespace=default", "pod/late", "--wait=false")


@pytest.mark.parametrize("path", ["/-/healthy", "/api/v1/rules", "/api/v1/admin/tsdb/snapshot", "/-/quit"])
def test_prometheus_lets_no_stranger_in(stranger: Ask, path: str) -> None:
    assert stranger("prometheus").ask("POST" if "-" in path else "GET", path).status == 401


@pytest.mark.parametrize("path", ["/", "/graph?g0.expr=up"])
def test_prometheus_leads_a_browser_to_a_page_that_answers(shell: Shell, path: str) -> None:
    at = shell.environment
    page = requests.get(
        f"{at['PROMETHEUS_URL']}{path}",
        auth=(at["PROMETHEUS_USER"], at["PROMETHEUS_PASSWORD"]),
        verify=at["IOT_BROKER_CA_FILE"],
        timeout=30,
    )
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "job=&#34;prometheus&#34;" in page.text or "job=&quot;prometheus&quot;" in page.text
    assert "built with Node.js" in page.text


def test_what_the_lab_tells_of_its_sites_is_told_to_prometheus_alone(stranger: Ask) -> None:
    assert stranger("operators").ask("GET", "/metrics").status == 401
