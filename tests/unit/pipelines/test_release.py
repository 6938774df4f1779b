"""A deployment is what was reviewed, and is done only when a preview is empty and its rules are in force."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from model.promotion.review import ReviewedStack
from pipelines import release
from pipelines.release import RefusedError, deploy
from pipelines.stack import Plan, Step
from sitectl import rules
from sitectl.checks import Finding, bootstrap

STATE = f"sha256:{'5' * 64}"
CHANGE = Plan(f"sha256:{'a' * 64}", (Step("update", "site-rules", "kubernetes:PrometheusRule", ("spec",)),))
NOTHING = Plan(f"sha256:{'0' * 64}", ())
REVIEWED = ReviewedStack(
    site="eagle-ford", plan=CHANGE.digest, state=STATE, creates=0, updates=1, replaces=0, deletes=0
)

WELL = Finding("vault", "the bootstrap", "has run over these data")


@dataclass
class Server:
    """Stands for what `pulumi` and Prometheus say of a site."""

    rules: dict[str, str] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=lambda: [CHANGE, NOTHING])
    done: list[str] = field(default_factory=list)
    bootstrap: Finding = WELL

    def state(self) -> str:
        return STATE

    def plan(self) -> Plan:
        return self.plans.pop(0)

    def up(self) -> str:
        self.done.append("up")
        return ""

    def check(self, _root: Path, site: str, within: timedelta) -> dict[str, str]:
        assert within > timedelta(minutes=2), "Prometheus' operator takes up to two minutes"
        self.done.append(f"rules of {site}")
        return self.rules


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(release, "Stack", lambda _root, _site: made)
    monkeypatch.setattr(rules, "check", made.check)
    monkeypatch.setattr(bootstrap, "look", lambda _root, _site: made.bootstrap)
    return made


def test_after_the_deployment_the_rules_are_looked_at(server: Server, tmp_path: Path) -> None:
    assert deploy(tmp_path, "eagle-ford", REVIEWED, promoted=False) == "1 to update"
    assert server.done == ["up", "rules of eagle-ford"]


def test_rules_that_are_not_in_force_stop_the_release(server: Server, tmp_path: Path) -> None:
    server.rules = {"BrokerNodeLost": "is not loaded", "RecordsRefused": "is not loaded"}
    with pytest.raises(RefusedError) as refused:
        deploy(tmp_path, "eagle-ford", REVIEWED, promoted=False)
    said = str(refused.value)
    assert (
        "it was deployed, and its alerts are not in force: BrokerNodeLost is not loaded (and 1 more)" in said
    )
    assert "`sitectl rules eagle-ford` says all" in said


def test_a_prometheus_that_cannot_be_asked_stops_it_too(server: Server, tmp_path: Path) -> None:
    server.rules = {"Prometheus": "is away: nothing answers"}
    with pytest.raises(RefusedError, match="Prometheus is away"):
        deploy(tmp_path, "eagle-ford", REVIEWED, promoted=False)


def test_nothing_is_deployed_on_a_plan_that_moved(server: Server, tmp_path: Path) -> None:
    server.plans = [NOTHING]
    with pytest.raises(RefusedError, match="the plan moved since the review"):
        deploy(tmp_path, "eagle-ford", REVIEWED, promoted=False)
    assert server.done == []


def test_nothing_is_deployed_before_its_bootstrap(server: Server, tmp_path: Path) -> None:
    server.bootstrap = Finding(
        "vault", "the bootstrap", "is behind the data", "have the administrator run it"
    )
    with pytest.raises(RefusedError) as refused:
        deploy(tmp_path, "eagle-ford", REVIEWED, promoted=False)
    assert str(refused.value) == (
        "eagle-ford: the bootstrap: is behind the data\n    have the administrator run it"
    )
    assert server.done == []
