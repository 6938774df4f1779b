"""A changed configuration reaches the simulated broker as a real one: root by root, or with an event and no more."""

import json
from copy import deepcopy
from typing import Any

import pytest

from lab import hocon
from lab.operators.emqx import EMQX, MANAGER
from lab.operators.emqx_objects import LAST_CONFIGURATION, broker_objects
from lab.operators.emqx_store import RefusedError, replaced, runtime
from lab.operators.emqx_synchronization import Synchronization, version_of
from lab.operators.kubernetes import Document
from lab.operators.loop import Retry
from tests.unit.lab.operators_support import FakeKubernetes

CONNECTED = 'connectors { mqtt { away { server = "a:1" } } }\n'
SOURCE = 'sources { mqtt { space { connector = "away" } } }\n'
NONE = "connectors {\n}\n"


def resource(configuration: str, version: str = "v2beta1") -> Document:
    written = {
        "apiVersion": f"apps.emqx.io/{version}",
        "fieldsV1": {"f:spec": {}},
        "time": "2026-11-01T00:00:00Z",
    }
    metadata = {"name": "broker", "namespace": "iot-field", "uid": "u", "managedFields": [written]}
    return {"metadata": metadata, "spec": {"config": {"mode": "Replace", "data": configuration}}}


class Bench:
    """One simulated broker, and the resource that its configuration comes from."""

    def __init__(self, configuration: str, version: str = "v2beta1") -> None:
        self.kubernetes = FakeKubernetes()
        self.document = resource(configuration, version)
        self.kubernetes.objects[("EMQX", "broker")] = self.document
        self.sync()

    def change(self, configuration: str) -> None:
        self.document["spec"]["config"]["data"] = configuration

    def sync(self, *, core_ready: bool = True) -> None:
        Synchronization(self.kubernetes.client, EMQX, MANAGER).run(self.document, core_ready=core_ready)

    @property
    def kept(self) -> dict[str, Any]:
        found: dict[str, Any] = Synchronization(self.kubernetes.client, EMQX, MANAGER).kept(self.document)
        return found

    @property
    def taken(self) -> str:
        return str(self.document["metadata"]["annotations"][LAST_CONFIGURATION])

    @property
    def events(self) -> list[Document]:
        return [found for (kind, _), found in self.kubernetes.objects.items() if kind == "Event"]


def test_the_first_nodes_read_the_whole_configuration() -> None:
    bench = Bench(CONNECTED + "dashboard { }\n")
    assert bench.kept.keys() == {"connectors", "dashboard"}
    assert hocon.read(bench.taken) == bench.kept
    assert bench.events == []


def test_a_root_that_is_not_there_any_more_stays_and_an_empty_one_goes() -> None:
    bench = Bench(CONNECTED + SOURCE)
    bench.change(CONNECTED)
    bench.sync()
    assert "space" in bench.kept["sources"]["mqtt"]
    bench.change(CONNECTED + "sources { }\n")
    bench.sync()
    assert bench.kept["sources"] == {}


def test_a_connector_that_is_used_is_refused_with_an_event_and_again_and_again() -> None:
    bench = Bench(CONNECTED + SOURCE)
    before = bench.taken
    bench.change(NONE + "delayed { enable = false }\n")
    for count in (1, 2):
        with pytest.raises(Retry, match="connector_has_active_channels"):
            bench.sync()
        (event,) = bench.events
        assert (event["type"], event["reason"], event["count"]) == ("Warning", "ReconcilerFailed", count)
        assert "status : 400 Bad Request" in event["message"]
        assert event["involvedObject"]["uid"] == "u"
    assert bench.taken == before
    # The other roots are another matter to EMQX, and the connector stands.
    assert bench.kept["delayed"] == {"enable": False}
    assert "away" in bench.kept["connectors"]["mqtt"]
    bench.change(NONE + "sources { }\n")
    bench.sync()
    assert bench.kept["connectors"] == bench.kept["sources"] == {}


def test_nodes_that_start_meanwhile_have_what_the_broker_took_last() -> None:
    bench = Bench(CONNECTED + SOURCE)
    bench.change(NONE)
    with pytest.raises(Retry):
        bench.sync()
    bench.document["spec"]["image"] = "emqx"
    made = {kind.name: found for kind, found in broker_objects(bench.document) if kind.name == "ConfigMap"}
    assert made["ConfigMap"]["data"]["emqx.conf"] == CONNECTED + SOURCE


def test_nothing_is_sent_while_core_nodes_are_not_ready() -> None:
    bench = Bench(CONNECTED)
    bench.change(NONE)
    bench.sync(core_ready=False)
    assert bench.kept["connectors"] != {}
    bench.sync()
    assert bench.kept["connectors"] == {}


@pytest.mark.parametrize(("version", "left_out"), [("v2beta1", {"dashboard", "node"}), ("v2", {"node"})])
def test_what_is_read_at_a_start_alone_is_left_out(version: str, left_out: set[str]) -> None:
    given = {"dashboard": {"x": 1}, "node": {"x": 1}, "mqtt": {"x": 1}}
    assert given.keys() - runtime(given, version) == left_out
    bench = Bench("dashboard { x = 1 }\nmqtt { x = 1 }\n", version)
    bench.change("dashboard { x = 2 }\nmqtt { x = 2 }\n")
    bench.sync()
    assert bench.kept == {"dashboard": {"x": 1 if "dashboard" in left_out else 2}, "mqtt": {"x": 2}}


def test_the_operator_is_of_the_version_that_the_resource_was_last_written_in() -> None:
    document = resource(CONNECTED)
    assert version_of(document) == "v2beta1"
    later = deepcopy(document["metadata"]["managedFields"][0])
    later |= {"apiVersion": "apps.emqx.io/v2", "time": "2026-11-02T00:00:00Z"}
    # Who changed the annotations or the status last does not count.
    other = {
        "apiVersion": "apps.emqx.io/v2beta1",
        "fieldsV1": {"f:metadata": {}},
        "time": "2026-11-03T00:00:00Z",
    }
    document["metadata"]["managedFields"] += [later, other]
    assert version_of(document) == "v2"
    bench = Bench(CONNECTED + SOURCE, "v2")
    bench.change(NONE)
    with pytest.raises(Retry, match="reconcile failed at step syncConfig"):
        bench.sync()


def test_what_belongs_to_an_action_goes_before_its_connector() -> None:
    held = {
        "connectors": {"mqtt": {"a": {}}},
        "actions": {"mqtt": {"out": {"connector": "a"}}},
        "mqtt": {"x": 1},
    }
    gone = replaced(held, {"connectors": {}, "actions": {}})
    assert gone == {"connectors": {}, "actions": {}, "mqtt": {"x": 1}}


def test_an_action_without_its_connector_is_refused() -> None:
    with pytest.raises(RefusedError, match="connector_not_found_or_wrong_type") as refusal:
        replaced({}, {"actions": {"mqtt": {"out": {"connector": "a"}}}, "mqtt": {"x": 1}})
    assert refusal.value.kept == {"actions": {}, "mqtt": {"x": 1}}
    assert json.dumps(refusal.value.kept)
