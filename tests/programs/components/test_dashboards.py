"""What promtool says of the queries of a dashboard."""

import json
import subprocess
from pathlib import Path

from components.dashboards import panels
from components.recording import Composition
from tests.support.tools import tool
from tests.support.variants import Variants
from tests.unit.components.test_dashboards import queries


def test_prometheus_understands_every_query(composition: Composition, tmp_path: Path) -> None:
    _understood(queries(composition), tmp_path)


def test_prometheus_understands_the_queries_on_workers(with_workers: Variants, tmp_path: Path) -> None:
    _understood([query for panel in panels(with_workers("pilot")[1]) for query in panel.queries], tmp_path)


def _understood(asked: list[str], folder: Path) -> None:
    """Checked as recording rules: so one call of promtool reads all of them."""
    rules = [{"record": f"q:{index}", "expr": query} for index, query in enumerate(asked)]
    file = folder / "queries.json"
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
    command = (str(tool("promtool") / "promtool"), "check", "rules", str(file))
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
