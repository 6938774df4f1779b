"""ConfigMaps with kube-mgmt's labels become OPA's policies and data, and say whether OPA took them."""

import json
from typing import Any

import pytest

from lab.operators.kubernetes import CONFIG_MAP, Document
from lab.operators.loop import Key, Retry
from lab.operators.policy_loader import EVERYTHING, NOTE, STATUS_ANNOTATION, PolicyLoader, read_bundle
from tests.unit.lab.operators_support import FakeKubernetes, FakeOpa, watching

LIBRARY = "package lib.topics\n"
DECISION = "package iot.mqtt\nimport data.lib.topics\n"


def config_map(name: str, version: int, files: dict[str, str], namespace: str = "iot-field") -> Document:
    metadata = {"name": name, "namespace": namespace, "resourceVersion": str(version)}
    return {"metadata": metadata, "data": files}


def site(name: str, **content: Any) -> str:
    return json.dumps({"sites": {name: content}})


class Bench:
    """A loader with its servers."""

    def __init__(self) -> None:
        self.kubernetes, self.opa = FakeKubernetes(), FakeOpa()
        self.policies = watching(CONFIG_MAP, self.kubernetes)
        self.data = watching(CONFIG_MAP, self.kubernetes)
        self.loader = PolicyLoader(self.kubernetes.client, self.opa, self.policies, self.data)

    def see(self, policies: list[Document], data: list[Document]) -> None:
        self.policies.objects = {_key(document): document for document in policies}
        self.data.objects = {_key(document): document for document in data}
        self.loader.reconcile(EVERYTHING)

    def status(self, name: str) -> dict[str, str]:
        annotations = self.kubernetes.objects[("ConfigMap", name)]["metadata"]["annotations"]
        status: dict[str, str] = json.loads(annotations[STATUS_ANNOTATION])
        return status


def _key(document: Document) -> Key:
    return Key(document["metadata"]["namespace"], document["metadata"]["name"])


def test_policies_and_data_are_loaded() -> None:
    bench = Bench()
    bench.see(
        [config_map("policy", 1, {"topics.rego": LIBRARY})],
        [config_map("data", 2, {"site.json": site("field", rules=[])})],
    )
    assert bench.opa.policies == {"kube-mgmt/topics.rego": LIBRARY}
    assert bench.opa.documents["sites/field"] == {"rules": []}
    assert bench.status("policy") == {"status": "ok"}
    assert bench.status("data") == {"status": "ok"}


def test_a_policy_waits_for_the_one_that_it_imports() -> None:
    bench = Bench()
    bench.see([config_map("policy", 1, {"decision.rego": DECISION, "topics.rego": LIBRARY})], [])
    assert set(bench.opa.policies) == {"kube-mgmt/decision.rego", "kube-mgmt/topics.rego"}


def test_what_opa_refuses_is_said_on_the_config_map_and_tried_again() -> None:
    bench = Bench()
    with pytest.raises(Retry, match=r"decision\.rego"):
        bench.see([config_map("policy", 1, {"decision.rego": DECISION})], [])
    status = bench.status("policy")
    assert status["status"] == "error"
    assert "is not there" in status["error"]


def test_the_sites_of_a_lab_share_a_policy_file() -> None:
    bench = Bench()
    bench.see(
        [
            config_map("policy", 9, {"topics.rego": "package lib.topics\n\n"}, "iot-new"),
            config_map("policy", 1, {"topics.rego": LIBRARY}, "iot-old"),
        ],
        [
            config_map("data", 2, {"site.json": site("new")}, "iot-new"),
            config_map("data", 3, {"site.json": site("old")}, "iot-old"),
        ],
    )
    assert bench.opa.policies == {"kube-mgmt/topics.rego": "package lib.topics\n\n"}
    assert {"sites/new", "sites/old"} <= set(bench.opa.documents)


def test_what_no_config_map_brings_any_more_is_unloaded() -> None:
    bench = Bench()
    bench.see(
        [config_map("policy", 1, {"topics.rego": LIBRARY})],
        [config_map("data", 2, {"site.json": site("field")})],
    )
    bench.see([], [])
    assert bench.opa.policies == {}
    assert "sites/field" not in bench.opa.documents


def test_policies_that_are_not_the_loaders_stay() -> None:
    bench = Bench()
    bench.opa.policies = {"authorization.rego": "package system.authz"}
    bench.see([], [])
    assert "authorization.rego" in bench.opa.policies


def test_an_opa_that_was_started_anew_is_filled_again() -> None:
    bench = Bench()
    policies = [config_map("policy", 1, {"topics.rego": LIBRARY})]
    bench.see(policies, [])
    bench.opa.policies.clear()
    bench.opa.documents.clear()
    bench.see(policies, [])
    assert bench.opa.policies == {"kube-mgmt/topics.rego": LIBRARY}


def test_an_opa_that_has_everything_is_not_written_to() -> None:
    bench = Bench()
    policies = [config_map("policy", 1, {"topics.rego": LIBRARY})]
    bench.see(policies, [])
    bench.opa.asked.clear()
    bench.see(policies, [])
    assert bench.opa.asked == []
    assert bench.opa.documents[NOTE]["digest"]


def test_data_that_is_no_json_is_said_on_its_config_map() -> None:
    bundle = read_bundle([], [config_map("data", 1, {"site.json": "no json"})])
    assert bundle.unreadable == {Key("iot-field", "data"): "site.json is not a JSON document of two levels"}
