"""Preflight looks at the platform's own definition of EMQX before an autoscaler of replicants is believed in."""

import copy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from model import Site, load_site
from model.broker import Replicants
from model.identity import DashboardClient
from model.scaling import Autoscaling
from model.units import Percentage
from sitectl.checks import Finding, kubernetes
from sitectl.checks.kubectl import Kubectl, KubectlFailed
from tests.support.shell import REPOSITORY

SERVED = yaml.safe_load((REPOSITORY / "lab" / "crds" / "emqx.yaml").read_text())


class Platform(Kubectl):
    """A cluster that serves a definition of EMQX."""

    def __init__(self, definition: dict[str, Any] | None) -> None:
        super().__init__("site")
        self._definition = definition

    def get_raw(self, path: str) -> Any:
        assert Path(path).name == "emqxes.apps.emqx.io"
        if self._definition is None:
            raise KubectlFailed("Error from server (Forbidden)")
        return self._definition


def site(*, replicants: bool = True, scales: bool = False) -> Site:
    found = load_site(REPOSITORY / "stacks", "north-cormorant")
    wanted = Replicants(replicas=3, autoscaling=None) if replicants else None
    operator = found.platform.broker_operator.model_copy(update={"scales_replicants": scales})
    return found.model_copy(
        update={
            "policy": found.policy.model_copy(update={"autoscaling": None}),
            "identity": found.identity.model_copy(update={"dashboard": _fixed(found)}),
            "broker": found.broker.model_copy(update={"replicants": wanted}),
            "platform": found.platform.model_copy(update={"broker_operator": operator}),
        }
    )


def _fixed(found: Site) -> DashboardClient:
    """The dashboard with a fixed number of proxies."""
    dashboard = found.identity.dashboard
    proxy = dashboard.proxy.model_copy(update={"autoscaling": None})
    return dashboard.model_copy(update={"proxy": proxy})


def with_selector() -> dict[str, Any]:
    definition: dict[str, Any] = copy.deepcopy(SERVED)
    for version in definition["spec"]["versions"]:
        version["subresources"]["scale"]["labelSelectorPath"] = ".status.replicantSelector"
    return definition


class Measured(Kubectl):
    """A cluster whose metrics are served, or not."""

    def __init__(self, *, served: bool) -> None:
        super().__init__("site")
        self._served = served

    def get_raw(self, path: str) -> Any:
        assert path == "/apis/metrics.k8s.io/v1beta1"
        if not self._served:
            raise KubectlFailed("the server could not find the requested resource")
        return {}


def scaling(*, wanted: bool) -> Site:
    found = load_site(REPOSITORY / "stacks", "eagle-ford")
    autoscaling = Autoscaling(maximum=4, cpu=Percentage(Decimal(70))) if wanted else None
    return found.model_copy(update={"policy": found.policy.model_copy(update={"autoscaling": autoscaling})})


def test_a_site_that_scales_needs_the_clusters_metrics() -> None:
    (well,) = kubernetes._scaling_findings(Measured(served=True), scaling(wanted=True))
    assert well.passed
    (missing,) = kubernetes._scaling_findings(Measured(served=False), scaling(wanted=True))
    assert not missing.passed
    assert "metrics-server" in missing.remedy
    assert kubernetes._scaling_findings(Measured(served=False), scaling(wanted=False)) == []


def found(definition: dict[str, Any] | None, wanted: Site) -> Finding:
    (finding,) = kubernetes._scaling_findings(Platform(definition), wanted)
    return finding


def test_a_site_without_replicants_is_not_asked_about_them() -> None:
    assert kubernetes._scaling_findings(Platform(SERVED), site(replicants=False)) == []


def test_the_operators_own_definition_names_no_selector() -> None:
    finding = found(SERVED, site())
    assert finding.passed
    assert finding.detail == "v2beta1's /scale does not name a selector of pods"


def test_a_site_that_relies_on_a_selector_that_is_not_there_is_refused() -> None:
    finding = found(SERVED, site(scales=True))
    assert not finding.passed
    assert "scales_replicants: false" in finding.remedy


@pytest.mark.parametrize("scales", [False, True])
def test_a_definition_with_a_selector_lets_replicants_scale(scales: bool) -> None:
    finding = found(with_selector(), site(scales=scales))
    assert finding.passed
    assert ("may be said" in finding.detail) is not scales


def test_a_login_that_may_not_look_is_told_so() -> None:
    finding = found(None, site())
    assert not finding.passed
    assert "Forbidden" in finding.detail
