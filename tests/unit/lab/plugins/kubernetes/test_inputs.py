"""Check and Diff of kubernetes objects, apart from what the recordings show."""

import base64

import pytest

from lab.plugins.base import Check, Diff, Kind
from lab.plugins.kubernetes.autoname import unique_name
from lab.plugins.kubernetes.checking import checked_inputs
from lab.plugins.kubernetes.difference import changes, difference, written
from lab.plugins.kubernetes.kinds import ObjectKind, covered_kind
from lab.plugins.values import UNKNOWN, Object, Secret

CONFIG_MAP = ObjectKind("v1", "ConfigMap")
SECRET = ObjectKind("v1", "Secret")


def check(
    kind: ObjectKind, news: Object, olds: Object | None = None, namespace: str | None = "default"
) -> Object:
    request = Check("urn", "type", "thing", news, olds or {}, b"seed")
    return checked_inputs(request, kind, lambda: namespace).inputs


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("kubernetes:core/v1:ConfigMap", CONFIG_MAP),
        ("kubernetes:apps/v1:Deployment", ObjectKind("apps/v1", "Deployment")),
        ("kubernetes:kafka.strimzi.io/v1:KafkaTopic", ObjectKind("kafka.strimzi.io/v1", "KafkaTopic")),
        ("kubernetes:batch/v1:CronJob", None),
        ("kubernetes:core/v1:ConfigMapPatch", None),
        ("kubernetes:helm.sh/v3:Release", None),
        ("kubernetes:yaml/v2:ConfigGroup", None),
        ("kubernetes:storage.k8s.io/v1:StorageClass", None),
        ("vault:index/mount:Mount", None),
    ],
)
def test_only_the_kits_kinds_and_custom_resources_are_covered(token: str, kind: ObjectKind | None) -> None:
    assert covered_kind(token) == kind


def test_a_name_is_a_function_of_the_engines_seed() -> None:
    assert unique_name("thing", b"seed") == unique_name("thing", b"seed")
    assert unique_name("thing", b"seed") != unique_name("thing", b"other")
    assert unique_name("thing", b"") != unique_name("thing", b"")


def test_an_unnamed_object_keeps_the_name_it_was_given() -> None:
    first = check(CONFIG_MAP, {"kind": "ConfigMap"})
    again = check(CONFIG_MAP, {"kind": "ConfigMap", "data": {"a": "1"}}, first)
    assert again["metadata"] == first["metadata"]


def test_an_object_without_a_namespace_gets_the_providers() -> None:
    assert check(CONFIG_MAP, {"metadata": {"name": "a"}}, namespace="iot")["metadata"]["namespace"] == "iot"


def test_an_object_of_the_cluster_gets_no_namespace() -> None:
    assert check(ObjectKind("v1", "Namespace"), {"metadata": {"name": "a"}}) == {"metadata": {"name": "a"}}


def test_a_secrets_text_becomes_data_and_is_secret_even_when_the_program_forgot() -> None:
    inputs = check(SECRET, {"metadata": {"name": "a"}, "stringData": {"p": "x"}, "data": {"q": "eQ=="}})
    assert "stringData" not in inputs
    assert inputs["data"] == Secret({"q": "eQ==", "p": base64.b64encode(b"x").decode()})


def test_a_secrets_unknown_text_stays_unknown_and_secret() -> None:
    inputs = check(SECRET, {"metadata": {"name": "a"}, "stringData": {"p": UNKNOWN}})
    assert inputs["stringData"] == Secret({"p": UNKNOWN})


def test_nothing_is_sent_for_null() -> None:
    assert check(CONFIG_MAP, {"metadata": {"name": "a"}, "immutable": None}) == {
        "metadata": {"name": "a", "namespace": "default"}
    }


def test_paths_are_written_as_the_engine_reads_them() -> None:
    assert (
        written(("metadata", "labels", "app.kubernetes.io/name"))
        == 'metadata.labels["app.kubernetes.io/name"]'
    )
    assert written(("spec", "ports", 0, "port")) == "spec.ports[0].port"


def test_every_difference_is_found_where_it_is() -> None:
    old = {"a": 1, "b": [1, {"c": 2}], "gone": True}
    new = {"a": 1, "b": [1, {"c": 3}, 4], "new": {}}
    assert changes(old, new) == [
        (("b", 1, "c"), Kind.UPDATE),
        (("b", 2), Kind.ADD),
        (("gone",), Kind.DELETE),
        (("new",), Kind.ADD),
    ]


def test_a_changed_config_map_is_replaced_unless_the_provider_says_otherwise() -> None:
    old = {"metadata": {"name": "a"}, "data": {"x": "1"}}
    new = {"metadata": {"name": "a"}, "data": {"x": "2"}}
    replaced = difference(Diff("u", "t", "n", "id", new, old, {}), CONFIG_MAP, mutable=frozenset())
    updated = difference(
        Diff("u", "t", "n", "id", new, old, {}), CONFIG_MAP, mutable=frozenset({"ConfigMap"})
    )
    assert (replaced.paths, replaced.delete_before_replace) == ({"data.x": Kind.UPDATE_REPLACE}, True)
    assert (updated.paths, updated.delete_before_replace) == ({"data.x": Kind.UPDATE}, False)


def test_unknown_metadata_means_a_replacement() -> None:
    old = {"metadata": {"name": "a"}}
    found = difference(
        Diff("u", "t", "n", "id", {"metadata": UNKNOWN}, old, {}), CONFIG_MAP, mutable=frozenset()
    )
    assert found.paths == {"metadata": Kind.UPDATE_REPLACE}


def test_a_secrets_marks_are_no_difference() -> None:
    old = {"metadata": {"name": "a"}, "data": {"p": "eA=="}}
    new = {"metadata": {"name": "a"}, "data": Secret({"p": "eA=="})}
    assert difference(Diff("u", "t", "n", "id", new, old, {}), SECRET, mutable=frozenset()).paths == {}
