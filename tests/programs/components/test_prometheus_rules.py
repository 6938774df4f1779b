"""What promtool says of the rules: they are Prometheus' own, and the alerts fire when they should."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from components.prometheus_rules import rule_groups
from components.recording import Composition
from model import Site
from tests.support.tools import tool
from tests.support.variants import EDITIONS, Variants, site_of_case

CASES = Path(__file__).parent / "prometheus_rules"


def test_prometheus_accepts_the_rules(composition: Composition, tmp_path: Path) -> None:
    _accepted(composition.site, tmp_path)


@pytest.mark.parametrize("edition", EDITIONS)
def test_prometheus_accepts_the_rules_of_sites_with_workers(
    edition: str, with_workers: Variants, tmp_path: Path
) -> None:
    for site in with_workers("parallel", edition):
        _accepted(site, tmp_path)


@pytest.mark.parametrize("phase", ["parallel", "cutover"])
def test_prometheus_accepts_the_rules_of_a_bridge_that_is_a_program(
    phase: str, with_bridge_worker: Variants, tmp_path: Path
) -> None:
    for site in with_bridge_worker(phase):
        _accepted(site, tmp_path)


def _accepted(site: Site, folder: Path) -> None:
    file = _rules_file(site, folder)
    checked = _promtool("check", "rules", "--lint-fatal", "--lint", "all", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_alerts_fire_when_they_should_and_only_then(
    tmp_path: Path, case: Path, variants: Variants, with_workers: Variants, with_bridge_worker: Variants
) -> None:
    """A case is of Eagle Ford's pilot, unless its name begins with another phase, kind of nodes, or with workers.

    One that ends in `bridge_worker` is of the site with a program for its bridge.
    """
    found = with_workers if case.stem.startswith("workers") else variants
    site = site_of_case(case.stem, with_bridge_worker if case.stem.endswith("bridge_worker") else found)
    rules = yaml.safe_load(_rules_file(site, tmp_path).read_text(encoding="utf-8"))
    # By itself promtool takes the groups in any order: what is recorded at a step may then come after who reads it.
    order = json.dumps([group["name"] for group in rules["groups"]])
    copied = tmp_path / case.name
    # The text stays as it is: PyYAML reads a series of `0x30` as a number.
    copied.write_text(f"{case.read_text(encoding='utf-8')}\ngroup_eval_order: {order}\n", encoding="utf-8")
    tested = _promtool("test", "rules", str(copied))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def _rules_file(site: Site, folder: Path) -> Path:
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": rule_groups(site)}), encoding="utf-8")
    return file


def _promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (str(tool("promtool") / "promtool"), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)
