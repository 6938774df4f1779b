"""What the lab installs in its cluster is read from manifests without parsing them whole."""

from pathlib import Path

import pytest
import yaml

from lab.servers.cluster_objects import COLLECTIONS, OWN_DEFINITIONS, Manifest, manifests
from lab.servers.kubernetes import MANIFESTS

FILES = [MANIFESTS / "platform.yaml", MANIFESTS / "kafka.yaml", *OWN_DEFINITIONS.glob("*.yaml")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_name_and_kind_are_what_a_yaml_parser_reads(file: Path) -> None:
    read = [(found.kind, found.name, found.namespace) for found in manifests(file.read_text())]
    parsed = [
        (document["kind"], document["metadata"]["name"], document["metadata"].get("namespace", ""))
        for document in yaml.safe_load_all(file.read_text())
    ]
    assert read == parsed


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_kind_has_its_place_in_the_api(file: Path) -> None:
    assert {manifest.kind for manifest in manifests(file.read_text())} <= COLLECTIONS.keys()


def test_a_name_deeper_in_the_metadata_is_not_taken_for_the_objects() -> None:
    text = "kind: Namespace\nmetadata:\n  labels:\n    name: wrong\n  name: right\nspec: {}\n"
    assert [manifest.name for manifest in manifests(text)] == ["right"]


def test_a_namespaced_object_has_its_namespace_in_the_path() -> None:
    manifest = Manifest("ServiceAccount", "cert-manager", "cert-manager", "")
    assert manifest.path == "/api/v1/namespaces/cert-manager/serviceaccounts/cert-manager"


def test_the_emqx_definition_refuses_unknown_fields() -> None:
    text = (OWN_DEFINITIONS / "emqx.yaml").read_text()
    assert "x-kubernetes-preserve-unknown-fields" not in text


def test_the_nodes_stand_in_three_zones() -> None:
    documents = yaml.safe_load_all((MANIFESTS / "platform.yaml").read_text())
    nodes = [document["metadata"]["labels"] for document in documents if document["kind"] == "Node"]
    assert [labels["topology.kubernetes.io/zone"] for labels in nodes] == ["a", "b", "c"]
