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
from tests.support.variants import Variants, site_of_case

CASES = Path(__file__).parent / "prometheus_rules"


def test_prometheus_accepts_the_rules(composition: Composition, tmp_path: Path) -> None:
    file = _rules_file(composition.site, tmp_path)
    checked = _promtool("check", "rules", "--lint-fatal", "--lint", "all", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_alerts_fire_when_they_should_and_only_then(
    tmp_path: Path, case: Path, variants: Variants
) -> None:
    """A case is of Eagle Ford's pilot, unless its name begins with another phase or kind of nodes."""
    rules = yaml.safe_load(
        _rules_file(site_of_case(case.stem, variants), tmp_path).read_text(encoding="utf-8")
    )
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
