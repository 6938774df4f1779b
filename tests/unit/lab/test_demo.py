"""The demonstration counts what changed, and knows which sites there are to take down."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab import demo
from lab.demo import Deployment, counted, deployed_sites
from lab.estate import Estate
from tests.support.shell import REPOSITORY


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


def test_a_deployment_that_failed_says_how_to_recover_that_very_site(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Lab:
        root = REPOSITORY

        def up(self, progress: object) -> None: ...

        def grant(self, site: object) -> None: ...

        def environment(self) -> dict[str, str]:
            return {}

    monkeypatch.setattr(demo, "bootstrap", lambda *_: 0)
    monkeypatch.setattr(demo, "_pulumi", lambda *_: 255)
    estate: Any = Lab()
    assert demo.deploy(estate, "sitectl", "baytown") == 255
    assert "sitectl recover baytown " in capsys.readouterr().err
