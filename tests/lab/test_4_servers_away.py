"""Each server that a rollout needs is stopped in turn: within half a minute it is named, with what to do next.

A server that hangs is a socket that takes connections and says nothing, or a process that is stopped for a while.
"""

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import names
from lab.estate import Estate
from lab.operators.leases import DURATION_SECONDS
from lab.waiting import wait_until
from model import Site
from tests.support.shell import Shell

SECONDS = 30.0


def look(shell: Shell, site: Site, **variables: str) -> list[dict[str, Any]]:
    """Return what preflight finds, within the time that it may take."""
    began = time.monotonic()
    outcome = shell.run("sitectl", "preflight", site.name, "--json", check=False, variables=variables)
    assert time.monotonic() - began < SECONDS
    found: list[dict[str, Any]] = json.loads(outcome.out)["findings"]
    assert (outcome.code == 0) == all(entry["passed"] for entry in found)
    return found


def named(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what needs something done, by what was looked at."""
    return {entry["what"]: entry for entry in found if not entry["passed"]}


@contextlib.contextmanager
def stopped(estate: Estate, *servers: str) -> Iterator[None]:
    """Let servers hang: their processes do nothing, and are there."""
    pids = [status.pid for status in estate.status() if status.name in servers and status.pid]
    assert len(pids) == len(servers)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


def elsewhere(shell: Shell, folder: Path, key: str, address: str) -> dict[str, str]:
    """Return the variables of a shell whose settings name another address."""
    settings = yaml.safe_load(Path(shell.environment["PULUMI_OPTION_CONFIG_FILE"]).read_text())
    settings["config"][f"iot-broker:{key}"] = address
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(settings))
    return {"PULUMI_OPTION_CONFIG_FILE": str(file)}


def ready(shell: Shell, selector: str, namespace: str) -> set[bool]:
    """Return whether the pods are ready: each way that there is."""
    return {
        entry["status"] == "True"
        for pod in shell.all("pods", namespace, selector)
        for entry in pod["status"]["conditions"]
        if entry["type"] == "Ready"
    }


@pytest.mark.parametrize(("key", "area"), [("vaultAddress", "vault"), ("keycloakUrl", "keycloak")])
def test_a_vault_or_keycloak_that_hangs_is_named(
    deployed: Shell, site: Site, tmp_path: Path, silent: str, key: str, area: str
) -> None:
    (away,) = named(look(deployed, site, **elsewhere(deployed, tmp_path, key, silent))).values()
    assert (away["area"], away["what"], away["detail"]) == (area, f"{silent} answers", "no answer in time")
    assert f"iot-broker:{key}" in away["remedy"]


def test_an_api_server_that_hangs_is_named(deployed: Shell, site: Site, tmp_path: Path, silent: str) -> None:
    config = yaml.safe_load(Path(deployed.environment["KUBECONFIG"]).read_text())
    config["clusters"][0]["cluster"]["server"] = silent
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    (away,) = named(look(deployed, site, KUBECONFIG=str(file))).values()
    assert (away["area"], away["what"]) == ("kubernetes", "API server answers")
    assert "KUBECONFIG" in away["remedy"]


def test_kafkas_brokers_that_hang_are_named(deployed: Shell, site: Site, estate: Estate) -> None:
    brokers, kafka = "strimzi.io/broker-role=true", site.streams.cluster.namespace
    what = f"brokers of Kafka cluster {kafka}/{site.streams.cluster.name}"
    wait_until(lambda: ready(deployed, brokers, kafka) == {True}, SECONDS, "the brokers' pods")
    with stopped(estate, "kafka-1", "kafka-2", "kafka-3"):
        wait_until(lambda: ready(deployed, brokers, kafka) == {False}, SECONDS, "their end")
        found = named(look(deployed, site))
    assert found[what]["detail"].startswith("0 of 3 are ready, not core-kafka-1")
    assert "kubectl -n kafka describe pod core-kafka-1" in found[what]["remedy"]
    wait_until(lambda: ready(deployed, brokers, kafka) == {True}, 60, "the brokers' return")
    wait_until(lambda: all(status.ready for status in estate.status()), 60, "Kafka's readiness")


def test_operators_that_hang_are_named_each_with_what_waits(
    deployed: Shell, site: Site, estate: Estate
) -> None:
    with stopped(estate, "operators"):
        end = datetime.now(UTC) + timedelta(seconds=DURATION_SECONDS)
        wait_until(lambda: datetime.now(UTC) > end, SECONDS, "the leases' end")
        found = named(look(deployed, site))
    for operator, waits in (
        ("EMQX's operator", "no change of the broker arrives"),
        ("Strimzi's cluster operator", "Kafka bridge"),
        ("External Secrets", "no Secret comes out of Vault"),
    ):
        away = found[f"{operator} runs"]
        assert "it is away, or hangs" in away["detail"]
        assert waits in away["remedy"]
        assert "kubectl -n" in away["remedy"]
    wait_until(lambda: not named(look(deployed, site)), 60, "the operators' return")


def test_operators_that_the_lab_has_not_are_said_not_to_be_looked_at_and_named_where_they_stopped(
    deployed: Shell, site: Site
) -> None:
    """What cert-manager leaves when it ends is its lease; the others leave a Deployment without a pod."""
    unseen = ("cert-manager", "Strimzi's topic and user operator", "Prometheus' operator")
    before = {entry["what"]: entry for entry in look(deployed, site)}
    for operator in unseen:
        entry = before[f"{operator} runs"]
        assert (entry["looked"], entry["detail"].startswith("not looked at: ")) == (False, True)
    assert "Not looked at: " in deployed.run("sitectl", "preflight", site.name).out
    left = [
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "cert-manager-controller", "namespace": "kube-system"},
            "spec": {"leaseDurationSeconds": 10, "renewTime": "2026-01-01T00:00:00.000000Z"},
        },
        _deployment("monitoring", "prometheus-operator", {"app.kubernetes.io/name": "prometheus-operator"}),
        _deployment("kafka", "core-entity-operator", {"strimzi.io/name": "core-entity-operator"}),
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": left})
    deployed.kubectl("apply", "--filename", "-", text=text)
    try:
        found = named(look(deployed, site))
    finally:
        deployed.kubectl("delete", "--filename", "-", text=text)
    assert set(found) == {f"{operator} runs" for operator in unseen}
    assert "no certificate is made or renewed" in found["cert-manager runs"]["remedy"]


def _deployment(namespace: str, name: str, labels: dict[str, str]) -> dict[str, Any]:
    """A Deployment whose pods were all taken away."""
    pod = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "operator", "image": "operator:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod},
    }


def test_a_policy_server_that_hangs_is_named_and_stops_a_rollout(
    deployed: Shell, site: Site, estate: Estate, stacks: Path
) -> None:
    servers = f"app.kubernetes.io/name=opa,app.kubernetes.io/instance={site.name}"
    file = stacks / "sites" / f"{site.name}.yaml"
    text = file.read_text()
    wait_until(
        lambda: ready(deployed, servers, site.namespace) == {True}, SECONDS, "the policy server's pods"
    )
    with stopped(estate, "opa"):
        wait_until(lambda: ready(deployed, servers, site.namespace) == {False}, SECONDS, "their end")
        found = named(look(deployed, site))
        # More of them are asked for, none of which becomes ready.
        edited = text.replace("broker:\n", "broker:\n  ready_within: 30s\n", 1)
        file.write_text(edited.replace("policy:\n", f"policy:\n  replicas: {site.policy.replicas + 1}\n", 1))
        try:
            began = time.monotonic()
            refused = deployed.up(site.name, check=False)
            took = time.monotonic() - began
        finally:
            file.write_text(text)
    assert "runbooks/PolicyServerDown.md" in found["the policy server (OPA) answers"]["remedy"]
    assert refused.code != 0
    assert f"kubernetes:apps/v1:Deployment ({site.name}-{names.POLICY_SERVER})" in refused.text
    assert "not ready within 30 s" in refused.text
    assert took < 75
    wait_until(
        lambda: ready(deployed, servers, site.namespace) == {True}, SECONDS, "the policy server's return"
    )
    deployed.up(site.name)
    assert deployed.preview(site.name) == []
