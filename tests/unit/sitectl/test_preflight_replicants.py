"""Preflight looks at the platform's own definition of EMQX before an autoscaler of replicants is believed in."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from model import Site, load_site
from model.broker import Replicants
from sitectl.checks import Finding, kubernetes
from tests.support.shell import REPOSITORY

SERVED = yaml.safe_load((REPOSITORY / "lab" / "crds" / "emqx.yaml").read_text())


class Platform(kubernetes.Kubectl):
    """A cluster that serves a definition of EMQX."""

    def __init__(self, definition: dict[str, Any] | None) -> None:
        super().__init__("site")
        self._definition = definition

    def get_raw(self, path: str) -> Any:
        assert Path(path).name == "emqxes.apps.emqx.io"
        if self._definition is None:
            raise kubernetes.KubectlFailed("Error from server (Forbidden)")
        return self._definition


def site(*, replicants: bool = True, scales: bool = False) -> Site:
    found = load_site(REPOSITORY / "stacks", "north-cormorant")
    wanted = Replicants(replicas=3, autoscaling=None) if replicants else None
    operator = found.platform.broker_operator.model_copy(update={"scales_replicants": scales})
    return found.model_copy(
        update={
            "broker": found.broker.model_copy(update={"replicants": wanted}),
            "platform": found.platform.model_copy(update={"broker_operator": operator}),
        }
    )


def with_selector() -> dict[str, Any]:
    definition: dict[str, Any] = copy.deepcopy(SERVED)
    for version in definition["spec"]["versions"]:
        version["subresources"]["scale"]["labelSelectorPath"] = ".status.replicantSelector"
    return definition


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
