"""The demonstration counts what changed, and knows which sites there are to take down."""

import json
from pathlib import Path

import pytest

from lab import demo
from lab.demo import Deployment, counted, deployed_sites
from lab.estate import Estate


def state(folder: Path, **resources: list[dict[str, str]]) -> Path:
    stacks = folder / "pulumi" / "state" / ".pulumi" / "stacks" / "iot-broker"
    stacks.mkdir(parents=True)
    for site, found in resources.items():
        (stacks / f"{site}.json").write_text(json.dumps({"checkpoint": {"latest": {"resources": found}}}))
    return folder


def test_a_second_run_has_nothing_to_change() -> None:
    assert counted(Deployment(unchanged=89, changed=0)) == "0 to change, 89 resources as they were."


def test_a_first_run_counts_what_it_made() -> None:
    assert counted(Deployment(unchanged=0, changed=89)).startswith("89 resources changed")


def test_only_sites_with_resources_are_taken_down(tmp_path: Path) -> None:
    assert deployed_sites(state(tmp_path, baytown=[], eagle_ford=[{"urn": "x"}])) == ["eagle_ford"]


def test_a_site_without_a_checkpoint_is_not_deployed(tmp_path: Path) -> None:
    folder = state(tmp_path)
    stack = folder / "pulumi" / "state" / ".pulumi" / "stacks" / "iot-broker" / "baytown.json"
    stack.write_text('{"checkpoint": {"latest": null}}')
    assert deployed_sites(folder) == []


def test_cleaning_where_there_is_nothing_does_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.clean(Estate(tmp_path, "paper")) == 0
    assert "nothing to clean" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
