"""Pods that stand for servers of the lab are ready while these answer; leases are renewed while the operators run."""

import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lab.certificates import Authority
from lab.operators import probed
from lab.operators.kubernetes import POD
from lab.operators.leases import HELD, LEASE, Leases
from lab.operators.loop import Key
from lab.operators.probed import ReadinessProber, Servers, broker_pod, is_ready
from tests.unit.lab.operators_support import FakeKubernetes, watching


def running(pod: dict[str, Any]) -> dict[str, Any]:
    """Return the pod as kwok leaves it."""
    conditions = [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "False"}]
    containers = [{"name": "kafka", "ready": False, "restartCount": 0}]
    return pod | {"status": {"phase": "Running", "conditions": conditions, "containerStatuses": containers}}


def prober(pod: dict[str, Any], *, answers: bool) -> tuple[FakeKubernetes, ReadinessProber]:
    kubernetes = FakeKubernetes()
    addresses = ["kafka:1", "kafka:2"]
    known = {address: (time.monotonic(), answers) for address in addresses}
    servers = Servers("opa:1", addresses, Path("/nowhere"), known)

    return kubernetes, ReadinessProber(kubernetes.client, watching(POD, kubernetes, pod), servers)


@pytest.mark.parametrize("before", [True, False])
def test_a_pod_is_ready_when_its_server_answers_and_unready_when_not(before: bool) -> None:
    pod = running(broker_pod(2))
    pod["status"] |= probed.probed(pod, answers=before)
    kubernetes, looking = prober(pod, answers=not before)
    looking.reconcile(Key("kafka", "core-kafka-2"))
    (status,) = kubernetes.statuses
    assert is_ready(status) is not before
    assert [entry["ready"] for entry in status["containerStatuses"]] == [not before]
    assert {entry["type"] for entry in status["conditions"]} == {"Initialized", "ContainersReady", "Ready"}
    assert ("unready status: [kafka]" in str(status)) == before


def test_what_is_as_it_should_be_is_not_written() -> None:
    kubernetes, looking = prober(running(broker_pod(1)), answers=False)
    looking.reconcile(Key("kafka", "core-kafka-1"))
    waiting = broker_pod(1) | {"status": {"phase": "Pending"}}
    pending, early = prober(waiting, answers=True)
    early.reconcile(Key("kafka", "core-kafka-1"))
    assert kubernetes.statuses == pending.statuses == []


def test_a_brokers_pod_has_a_controller_so_that_its_machine_can_be_drained() -> None:
    kubernetes, looking = prober(running(broker_pod(1)), answers=True)
    looking.stand_for_brokers()
    assert ("Pod", "core-kafka-2") not in kubernetes.objects
    kubernetes.objects[("Kafka", "core")] = {"metadata": {"name": "core", "uid": "u"}}
    looking.stand_for_brokers()
    (owner,) = kubernetes.objects[("Pod", "core-kafka-2")]["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "Kafka",
        "name": "core",
        "uid": "u",
        "controller": True,
    }


def test_a_server_that_takes_connections_and_says_nothing_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does that is stopped: the kernel still takes its connections."""
    monkeypatch.setattr(probed, "SECONDS", 0.2)
    authority = Authority(tmp_path, "a test's own").ensure()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not probed.shakes_hands(f"127.0.0.1:{silent.getsockname()[1]}", authority)
    assert not probed.shakes_hands("127.0.0.1:1", authority)


def test_each_lease_is_renewed_at_this_moment() -> None:
    kubernetes = FakeKubernetes()
    Leases(kubernetes.client, lambda: datetime(2026, 11, 27, 4, tzinfo=UTC)).renew()
    assert list(kubernetes.objects) == [(LEASE.name, name) for _, name in HELD]
    assert {found["spec"]["renewTime"] for found in kubernetes.objects.values()} == {
        "2026-11-27T04:00:00.000000Z"
    }
