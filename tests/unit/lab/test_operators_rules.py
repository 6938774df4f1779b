"""PrometheusRule objects become Prometheus' rule files, each whole or not at all."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab.operators.kubernetes import Document
from lab.operators.loop import Key, Retry, key_of
from lab.operators.policy_loader import EVERYTHING
from lab.operators.prometheus import PROMETHEUS_RULE, RuleLoader
from tests.unit.lab.operators_support import FakeKubernetes, watching

GOOD = [{"alert": "Away", "expr": "up == 0"}]
BAD = [{"alert": "Away", "expr": "up =="}]


@dataclass
class FakePrometheus:
    """Files in memory; refuses what has an expression without an end."""

    texts: dict[str, str] = field(default_factory=dict)
    reloads: int = 0
    checks: int = 0
    away: bool = False

    def refusal(self, rules: str) -> str:
        self.checks += 1
        return "parse error" if '=="' in rules else ""

    def files(self) -> dict[str, str]:
        return dict(self.texts)

    def write(self, name: str, rules: str) -> None:
        self.texts[name] = rules

    def remove(self, name: str) -> None:
        del self.texts[name]

    def reload(self) -> None:
        if self.away:
            raise Retry("away")
        self.reloads += 1


class Bench:
    """A loader with its Prometheus."""

    def __init__(self) -> None:
        self.server = FakePrometheus()
        self.rules = watching(PROMETHEUS_RULE, FakeKubernetes())
        self.loader = RuleLoader(self.server, self.rules)

    def see(self, *documents: Document) -> None:
        self.rules.objects = {key_of(document): document for document in documents}
        self.loader.reconcile(EVERYTHING)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def rule(namespace: str, rules: list[dict[str, Any]]) -> Document:
    metadata = {"name": "broker", "namespace": namespace}
    return {"metadata": metadata, "spec": {"groups": [{"name": "alerts", "rules": rules}]}}


def test_an_object_becomes_a_file_and_is_read(bench: Bench) -> None:
    bench.see(rule("iot-field", GOOD))
    assert json.loads(bench.server.texts["iot-field-broker.json"])["groups"][0]["rules"] == GOOD
    assert bench.server.reloads == 1


def test_nothing_is_read_again_without_a_change(bench: Bench) -> None:
    bench.see(rule("iot-field", GOOD))
    bench.see(rule("iot-field", GOOD))
    assert bench.server.reloads == 1


def test_what_no_object_brings_any_more_is_removed(bench: Bench) -> None:
    bench.see(rule("iot-field", GOOD), rule("iot-other", GOOD))
    bench.see(rule("iot-other", GOOD))
    assert list(bench.server.texts) == ["iot-other-broker.json"]
    assert bench.server.reloads == 2


def test_a_bad_object_keeps_no_other_from_being_loaded(bench: Bench) -> None:
    bench.see(rule("iot-bad", BAD), rule("iot-field", GOOD))
    assert list(bench.server.texts) == ["iot-field-broker.json"]


def test_what_an_object_brought_before_it_went_bad_stays(bench: Bench) -> None:
    bench.see(rule("iot-field", GOOD))
    bench.see(rule("iot-field", BAD))
    assert "up == 0" in bench.server.texts["iot-field-broker.json"]


def test_a_refused_text_is_checked_once(bench: Bench) -> None:
    bench.see(rule("iot-bad", BAD))
    bench.see(rule("iot-bad", BAD))
    assert bench.server.checks == 1


def test_a_change_that_could_not_be_read_is_read_at_the_next_try(bench: Bench) -> None:
    bench.server.away = True
    with pytest.raises(Retry):
        bench.see(rule("iot-field", GOOD))
    bench.server.away = False
    bench.see(rule("iot-field", GOOD))
    assert bench.server.reloads == 1


def test_nothing_is_removed_before_every_object_was_listed(bench: Bench) -> None:
    bench.server.texts["iot-field-broker.json"] = "{}"
    bench.rules.complete.clear()
    with pytest.raises(Retry):
        bench.loader.reconcile(Key("", "any"))
    assert bench.server.texts
