"""A release is measured by the servers: what the official kubernetes plugin stores of an update may be older."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from model.promotion.review import ReviewedStack
from pipelines import stack
from pipelines.release import RefusedError, deploy
from pipelines.stack import Stack
from sitectl import rules
from sitectl.checks import Finding, bootstrap

SITE = "eagle-ford"
SEEN: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("official.yaml").read_text(encoding="utf-8"))

# Answers as Pulumi with the official plugin did: what a preview shows hangs on whether it reads the servers first.
PULUMI = """#!{python}
import json, pathlib, sys
answers = json.loads(pathlib.Path({answers!r}).read_text())
deployed = pathlib.Path({deployed!r})
match sys.argv[1]:
    case "preview":
        when = "after" if deployed.exists() else "before"
        print(json.dumps({{"steps": answers[when]["--refresh" in sys.argv]}}))
    case "stack":
        print(json.dumps({{"deployment": {{"resources": []}}}}))
    case "up":
        deployed.write_text(" ".join(sys.argv))
"""


def step(entry: dict[str, str]) -> dict[str, Any]:
    """Return a step of `preview --json`: an update of one property."""
    urn = f"urn:pulumi:{SITE}::iot-broker::kubernetes:{entry['kind']}::{SITE}-{entry['name']}"
    return {"op": "update", "urn": urn, "detailedDiff": {entry["differs"]: {"kind": "update"}}}


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` on the PATH that answers as it was seen; the file that its `up` writes."""
    phase = {"kind": "core/v1:ConfigMap", "differs": "metadata.labels.iot-broker/phase"}
    planned = [step(phase | {"name": f"map-{number}"}) for number in range(SEEN["phase_change"]["updates"])]
    after = SEEN["after_up"]
    answers = {
        "before": [planned, planned],
        "after": [[step(entry) for entry in after[way]] for way in ("preview", "preview_refresh")],
    }
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    program, deployed = tmp_path / "pulumi", tmp_path / "deployed"
    places = {"answers": str(tmp_path / "answers.json"), "deployed": str(deployed)}
    program.write_text(PULUMI.format(python=sys.executable, **places))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(rules, "check", lambda *_, **__: {})
    monkeypatch.setattr(bootstrap, "look", lambda *_: Finding("vault", "the bootstrap", "has run"))
    return deployed


def reviewed(root: Path) -> ReviewedStack:
    """Return what a review sees now."""
    seen = Stack(root, SITE)
    plan = seen.plan()
    return ReviewedStack(
        site=SITE,
        plan=plan.digest,
        state=seen.state(),
        creates=0,
        updates=plan.count("update"),
        replaces=0,
        deletes=0,
    )


def test_what_was_seen_is_of_objects_that_are_waited_for() -> None:
    assert 7 <= len(SEEN["after_up"]["preview"]) <= 12


def test_a_change_of_phase_is_released_though_the_state_holds_older_objects(
    pulumi: Path, tmp_path: Path
) -> None:
    assert deploy(tmp_path, SITE, reviewed(tmp_path), promoted=True) == "42 to update"
    # What is deployed is what was planned: to the servers as they are.
    assert "--refresh" in pulumi.read_text().split()


@pytest.mark.usefixtures("pulumi")
def test_a_preview_by_the_state_alone_would_stop_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without reading the servers each promotion ends here."""
    monkeypatch.setattr(stack, "REFRESH", "--diff")
    with pytest.raises(RefusedError, match="a preview still shows 11 to update"):
        deploy(tmp_path, SITE, reviewed(tmp_path), promoted=True)
