"""Hostile texts through the annotations of alerts: Prometheus takes them, and its templates give them back."""

import subprocess
import tempfile
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.go_template import literal
from components.prometheus_rules import rule_groups
from model import Site
from tests.support import hostile
from tests.support.tools import tool


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (str(tool("promtool") / "promtool"), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rules(annotations: list[str]) -> str:
    """A file of rules: an alert that always fires for each annotation."""
    alerts = [
        {"alert": f"Alert{number}", "expr": "vector(1)", "annotations": {"summary": text}}
        for number, text in enumerate(annotations)
    ]
    return yaml.safe_dump({"groups": [{"name": "all", "rules": alerts}]}, allow_unicode=True)


def expected(texts: list[str]) -> str:
    """A test of such rules: each alert fires, with the text as its annotation."""
    tests = [
        {
            "eval_time": "5m",
            "alertname": f"Alert{number}",
            "exp_alerts": [{"exp_annotations": {"summary": text}}],
        }
        for number, text in enumerate(texts)
    ]
    return yaml.safe_dump(
        {"rule_files": ["rules.yaml"], "tests": [{"interval": "1m", "alert_rule_test": tests}]},
        allow_unicode=True,
    )


def expanded(annotations: list[str], texts: list[str]) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.yaml").write_text(rules(annotations), encoding="utf-8")
        (Path(folder) / "tests.yaml").write_text(expected(texts), encoding="utf-8")
        return promtool("test", "rules", str(Path(folder) / "tests.yaml"))


@settings(max_examples=4, deadline=None, phases=hostile.NO_SHRINKING)
@given(st.lists(hostile.texts(), min_size=20, max_size=20))
def test_a_template_gives_back_the_text_that_it_was_made_of(texts: list[str]) -> None:
    # Beside it stand the kit's own words and actions.
    annotations = [f"{literal(text)}: {{{{ $value }}}}{literal(text)}" for text in texts]
    done = expanded(annotations, [f"{text}: 1{text}" for text in texts])
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_fragment_by_itself_is_given_back() -> None:
    done = expanded([literal(text) for text in hostile.FRAGMENTS], list(hostile.FRAGMENTS))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_text_that_is_not_escaped_is_refused() -> None:
    assert expanded(["{{ x }}"], ["{{ x }}"]).returncode != 0


@settings(max_examples=4, deadline=None, phases=hostile.NO_SHRINKING)
@given(hostile.sites())
def test_the_rules_of_a_site_are_taken_whatever_its_texts_are(site: Site) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yaml"
        file.write_text(yaml.safe_dump({"groups": rule_groups(site)}, allow_unicode=True), encoding="utf-8")
        checked = promtool("check", "rules", "--lint-fatal", "--lint", "all", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr
