"""What promtool says of the rules that the lab hands to Prometheus."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.operators.prometheus import PrometheusServer
from lab.operators.settings import PrometheusEndpoint
from tests.support.tools import tool
from tests.unit.lab.test_operators_rules import BAD, GOOD


@pytest.mark.parametrize(("rules", "words"), [(GOOD, ""), (BAD, "unexpected end of input")])
def test_promtool_decides_what_is_refused(tmp_path: Path, rules: list[dict[str, Any]], words: str) -> None:
    program = tool("promtool") / "promtool"
    endpoint = PrometheusEndpoint("", tmp_path, "", tmp_path, tmp_path, program)
    said = PrometheusServer(endpoint).refusal(json.dumps({"groups": [{"name": "x", "rules": rules}]}))
    assert words in said
    assert bool(said) == bool(words)
