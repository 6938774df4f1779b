"""Preflight names each operator and broker that is away, what to do then, and what it could not look at."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from model import Site, load_site
from sitectl.checks import Finding, running
from sitectl.checks.kubectl import Kubectl, KubectlFailed
from tests.support.variants import STACKS

NOW = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)


@pytest.fixture
def site() -> Site:
    return load_site(STACKS, "eagle-ford")


class Cluster:
    """Answers in a cluster's place by the path that is asked; what it does not know, it forbids."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def get_raw(self, path: str) -> Any:
        """Return the items of the first answer whose key is in the path."""
        for key, items in self.answers.items():
            if key in path:
                return {"items": next(items) if isinstance(items, Iterator) else items}
        raise KubectlFailed(f"forbidden: {path}")

    @property
    def kubectl(self) -> Kubectl:
        return cast(Kubectl, self)


def lease(name: str, age: float, duration: int = 15) -> dict[str, Any]:
    moment = (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"renewTime": moment, "leaseDurationSeconds": duration}
    return {"metadata": {"namespace": "platform", "name": name}, "spec": spec}


def operators(site: Site, cluster: Cluster) -> dict[str, Finding]:
    """Look at a moment that does not move, without waiting."""
    watched = running._watched(cluster.kubectl, running.operators(site), lambda: NOW, lambda _: None)
    found = [running._operator_finding(cluster.kubectl, entry) for entry in watched]
    return {finding.what.removesuffix(" runs"): finding for finding in found}


def test_a_lease_that_is_renewed_is_a_program_that_runs(site: Site) -> None:
    found = operators(site, Cluster(leases=[lease("19fd6fcc.emqx.io", 3)]))["EMQX's operator"]
    assert (found.passed, found.detail) == (True, "it renews its lease platform/19fd6fcc.emqx.io")


def test_one_that_is_not_renewed_is_named_with_what_waits_and_what_to_do(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LONGEST_WATCH", 0.01)
    found = operators(site, Cluster(leases=[lease("19fd6fcc.emqx.io", 40)]))["EMQX's operator"]
    assert not found.passed
    assert "was renewed last at 2026-11-27T03:59:20Z: it is away, or hangs" in found.detail
    assert "no change of the broker arrives" in found.remedy
    assert "kubectl -n platform get pods" in found.remedy


def test_a_clock_that_is_ahead_makes_no_operator_stopped(site: Site) -> None:
    """The lease looks old by this machine's clock, and moves while it is watched."""
    looks = iter([[lease("19fd6fcc.emqx.io", 300)], [lease("19fd6fcc.emqx.io", 298)]])
    assert operators(site, Cluster(leases=looks))["EMQX's operator"].passed


def test_of_two_releases_side_by_side_the_one_that_runs_counts(site: Site) -> None:
    leases = [lease("strimzi-cluster-operator", 9000), lease("strimzi-cluster-operator-1-2-0", 1)]
    assert operators(site, Cluster(leases=leases))["Strimzi's cluster operator"].passed


@pytest.mark.parametrize(("available", "passed"), [(0, False), (1, True)])
def test_what_has_no_lease_is_seen_by_its_deployment(site: Site, available: int, passed: bool) -> None:
    deployment = {
        "metadata": {"namespace": "monitoring", "name": "prometheus-operator"},
        "status": {"availableReplicas": available},
    }
    cluster = Cluster(**{"leases": [], "prometheus-operator": [deployment]})
    found = operators(site, cluster)["Prometheus' operator"]
    assert (found.passed, found.looked) == (passed, True)
    assert "monitoring/prometheus-operator" in found.detail


def test_what_cannot_be_looked_at_is_said_and_stops_nothing(site: Site) -> None:
    found = operators(site, Cluster(leases=[]))
    assert {finding.looked for finding in found.values()} == {False}
    assert {finding.passed for finding in found.values()} == {True}
    assert "this login may not look for a Deployment" in found["cert-manager"].detail
    none = operators(site, Cluster(leases=[], deployments=[]))["cert-manager"]
    assert "no Deployment with app.kubernetes.io/name=cert-manager" in none.detail


def test_an_operator_that_no_kind_of_the_site_needs_is_not_asked_for(site: Site) -> None:
    own = site.model_copy(update={"platform": site.platform.model_copy(update={"external_secrets": None})})
    assert "External Secrets" in {operator.name for operator in running.operators(site)}
    assert "External Secrets" not in {operator.name for operator in running.operators(own)}


def pod(name: str, *, ready: bool) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def test_brokers_that_are_not_ready_are_counted_and_named(site: Site) -> None:
    pods = [
        pod("core-kafka-1", ready=True),
        pod("core-kafka-2", ready=False),
        pod("core-kafka-3", ready=False),
    ]
    found = running._brokers_finding(Cluster(pods=pods).kubectl, site)
    assert found.detail == "1 of 3 are ready, not core-kafka-2, core-kafka-3"
    assert "describe pod core-kafka-2" in found.remedy
    assert running._brokers_finding(Cluster(pods=pods[:1]).kubectl, site).passed
    for unseen in (Cluster(pods=[]), Cluster()):
        assert not running._brokers_finding(unseen.kubectl, site).looked


def test_a_policy_server_without_a_ready_pod_is_named_with_its_runbook(site: Site) -> None:
    def look(cluster: Cluster) -> Finding:
        return running._policy_server_finding(cluster.kubectl, site)

    assert look(Cluster(deployments=[])).detail == "not deployed yet"
    away = look(Cluster(deployments=[{"status": {}}]))
    assert (away.passed, "runbooks/PolicyServerDown.md" in away.remedy) == (False, True)
    assert look(Cluster(deployments=[{"status": {"availableReplicas": 2}}])).passed
    assert not look(Cluster()).looked
