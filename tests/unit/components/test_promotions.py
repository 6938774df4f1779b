"""What the stack was deployed with is read also while the engine writes it, and told in a sentence when it is not."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from components import dashboard_port, deployed, promotions, replicants
from components.deployed import Deployed
from model import Site, SiteErrors, load_site
from model.broker import Replicants
from model.promotion import Chain, Judge
from tests.support import records
from tests.support.records import NOW, SITE
from tests.unit.model.bad_sites import copy_of_stacks

WRITING = Exception("invocation of readStackOutputs returned an error: failed to load checkpoint: EOF")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the engine answers, one after the other; an exception is raised."""
    left: list[Any] = []

    def invoke(token: str, properties: dict[str, str]) -> Any:
        assert (token, properties) == ("pulumi:pulumi:readStackOutputs", {"name": f"org/iot-broker/{SITE}"})
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(value={"outputs": answer})

    monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
    for name, value in (("organization", "org"), ("project", "iot-broker"), ("stack", SITE)):
        monkeypatch.setattr(pulumi, f"get_{name}", lambda value=value: value)
    return left


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """The data, in a copy."""
    return copy_of_stacks(tmp_path)


def checked(stacks: Path, site: Site, stack: Deployed, *, preview: bool = False) -> Chain:
    return promotions.check(stacks, site, stack, Judge(NOW), preview=preview)


def test_a_state_that_is_being_written_is_read_again(stacks: Path, answers: list[Any]) -> None:
    answers += [WRITING, WRITING, {"promotions": {"head": "none"}}]
    assert checked(stacks, load_site(stacks, SITE), Deployed()).records == ()
    assert answers == []


@pytest.mark.parametrize("outputs", [{}, {"site": SITE}, None])
def test_a_stack_that_was_never_deployed_has_no_head(stacks: Path, answers: list[Any], outputs: Any) -> None:
    answers.append(outputs)
    assert promotions.as_output(checked(stacks, load_site(stacks, SITE), Deployed())) == {
        "head": "none",
        "sequence": 0,
    }


def test_what_cannot_be_read_is_a_sentence(stacks: Path, answers: list[Any]) -> None:
    answers.append(Exception("no such bucket"))
    with pytest.raises(deployed.UnreadableOutputsError, match=r"cannot be read.*no such bucket"):
        checked(stacks, load_site(stacks, SITE), Deployed())


def test_a_state_that_stays_half_written_is_a_sentence(
    stacks: Path, answers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployed, "PATIENCE_SECONDS", 0.0)
    answers += [WRITING] * 3
    with pytest.raises(deployed.UnreadableOutputsError, match="failed to load checkpoint"):
        checked(stacks, load_site(stacks, SITE), Deployed())


def test_a_head_that_is_not_among_the_records_is_refused(stacks: Path, answers: list[Any]) -> None:
    answers.append({"promotions": {"head": f"sha256:{'7' * 64}", "sequence": 1}})
    with pytest.raises(promotions.LostRecordError, match="rebase and promote again"):
        checked(stacks, load_site(stacks, SITE), Deployed())


def test_any_record_of_the_chain_may_have_been_deployed_last(stacks: Path, answers: list[Any]) -> None:
    entries = [*records.chain()]
    entries.append(records.record(4, "rollback", "parallel", "pilot", entries[-1]["content"]))
    records.write(stacks, records.texts(entries))
    for entry in entries:
        answers.append({"promotions": {"head": entry["content"]}})
        checked(stacks, load_site(stacks, SITE), Deployed())


def test_broken_records_are_refused_before_the_engine_is_asked(stacks: Path, answers: list[Any]) -> None:
    records.write(stacks, records.texts(records.chain()[:1]))
    with pytest.raises(SiteErrors, match="half made"):
        checked(stacks, load_site(stacks, SITE), Deployed())
    assert answers == []


def test_the_engine_is_asked_once(stacks: Path, answers: list[Any]) -> None:
    answers.append({"promotions": {"head": "none"}, "replicants": 0})
    stack, site = Deployed(), load_site(stacks, SITE)
    checked(stacks, site, stack)
    replicants.check(site, stack)
    assert answers == []


def test_replicants_that_are_there_are_not_left_out(stacks: Path, answers: list[Any]) -> None:
    answers += [{"replicants": 4}] * 2
    site = load_site(stacks, SITE)
    with pytest.raises(replicants.AbandonedReplicantsError, match=r"4 are deployed.*\n.*replicas: 0"):
        replicants.check(site, Deployed())
    fewer = site.broker.model_copy(update={"replicants": Replicants(replicas=0, autoscaling=None)})
    emptied = site.model_copy(update={"broker": fewer})
    replicants.check(emptied, Deployed())
    assert (replicants.as_output(emptied), replicants.as_output(site)) == (0, 0)
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("version", "deployed", "refused"),
    [
        ("5.8.9", 18084, False),
        ("5.8.9", 18085, False),
        ("5.10.4", 18084, False),
        ("5.10.4", 18085, True),
        ("6.3.1", 18085, True),
        ("6.3.1", None, False),
    ],
)
def test_a_dashboard_that_would_be_closed_does_not_move(
    stacks: Path, answers: list[Any], version: str, deployed: int | None, *, refused: bool
) -> None:
    found = (
        {"brokerEndpoints": {"dashboard": f"https://dashboard.field.example:{deployed}"}} if deployed else {}
    )
    answers.append(found)
    site = load_site(stacks, SITE)
    broker = site.broker.model_copy(update={"edition": "enterprise", "version": version})
    site = site.model_copy(update={"broker": broker})
    if refused:
        with pytest.raises(
            dashboard_port.MovedDashboardError, match=r"18085 is deployed.*\n.*dashboard_port: 18085"
        ):
            dashboard_port.check(site, Deployed())
    else:
        dashboard_port.check(site, Deployed())
