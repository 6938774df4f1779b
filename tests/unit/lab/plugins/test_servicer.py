"""A plugin's errors reach the engine as one sentence, with the state of what was made."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from lab.plugins import base
from lab.plugins.errors import NotReadyError, ServerAwayError
from lab.plugins.service import start
from lab.plugins.values import UNKNOWN, Object, Value, decode, encode


class Thing:
    """A resource whose name says what goes wrong with it."""

    def check(self, request: base.Check, context: base.Context) -> base.Checked:
        del context
        failures = [base.Failure("size", "must be positive")] if request.news.get("size") == 0 else []
        return base.Checked(request.news, failures)

    def diff(self, request: base.Diff, context: base.Context) -> base.Difference:
        del context
        size = base.Kind.UPDATE_REPLACE if request.old_inputs != request.news else None
        return base.Difference({"size": size} if size is not None else {})

    def create(self, request: base.Create, context: base.Context) -> base.Created:
        del context
        if request.name == "defect":
            raise KeyError("nowhere")
        if request.name == "away":
            raise ServerAwayError("the server", "https://127.0.0.1:1", "Connection refused")
        if request.name == "unready":
            raise NotReadyError("id-1", {"size": 1}, request.inputs, ["it sleeps"])
        return base.Created("id-1", {**request.inputs, "address": UNKNOWN})

    def read(self, request: base.Read, context: base.Context) -> base.Found | None:
        del request, context
        return None

    def update(self, request: base.Update, context: base.Context) -> Object:
        context.pause(60, "waiting")
        return request.news

    def delete(self, request: base.Delete, context: base.Context) -> None:
        """Nothing to do."""


class ThingProvider(base.Provider):
    name = "things"

    def configure(self, settings: Mapping[str, Value]) -> None:
        """Nothing to take."""

    def resource(self, type_token: str) -> base.Resource | None:
        return Thing() if type_token == "things:index:Thing" else None


@pytest.fixture
def stub() -> Iterator[Any]:
    server, port = start(ThingProvider(), threading.Event(), None)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None).wait()


def create(name: str, kind: str = "Thing") -> Any:
    return provider_pb2.CreateRequest(
        urn=f"urn:pulumi:s::p::things:index:{kind}::{name}",
        type=f"things:index:{kind}",
        name=name,
        properties=encode({"size": 1}),
    )


def test_a_made_resource_comes_back_with_its_unknown_outputs(stub: Any) -> None:
    made = stub.Create(create("fine"))
    assert made.id == "id-1"
    assert decode(made.properties) == {"size": 1, "address": UNKNOWN}


def test_a_type_that_is_not_covered_is_refused_by_name(stub: Any) -> None:
    with pytest.raises(grpc.RpcError, match=r"things:index:Other; lab/README\.md"):
        stub.Create(create("x", "Other"))


def test_a_server_that_is_away_is_told_with_its_address(stub: Any) -> None:
    with pytest.raises(grpc.RpcError, match=r"does not answer at https://127\.0\.0\.1:1: Connection refused"):
        stub.Create(create("away"))


def test_a_defect_is_told_in_one_line(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        stub.Create(create("defect"))
    assert "KeyError" in raised.value.details()
    assert "Traceback" not in raised.value.details()
    assert "\n" not in raised.value.details()


def test_what_was_made_but_is_not_ready_keeps_its_state(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        stub.Create(create("unready"))
    packed = dict(raised.value.trailing_metadata())["grpc-status-details-bin"]
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(packed).details[0].Unpack(detail)
    assert (detail.id, list(detail.reasons)) == ("id-1", ["it sleeps"])
    assert decode(detail.properties) == {"size": 1}


def test_a_gone_resource_has_no_id(stub: Any) -> None:
    assert stub.Read(provider_pb2.ReadRequest(id="id-1", type="things:index:Thing")).id == ""


def test_a_wrong_input_is_told_by_its_property(stub: Any) -> None:
    request = provider_pb2.CheckRequest(type="things:index:Thing", news=encode({"size": 0}))
    assert [(each.property, each.reason) for each in stub.Check(request).failures] == [
        ("size", "must be positive")
    ]


def test_a_replacing_change_is_listed(stub: Any) -> None:
    request = provider_pb2.DiffRequest(type="things:index:Thing", news=encode({"size": 2}))
    answer = stub.Diff(request)
    assert list(answer.replaces) == ["size"]
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME


def test_cancel_ends_what_waits(stub: Any) -> None:
    waiting = stub.Update.future(provider_pb2.UpdateRequest(type="things:index:Thing"))
    stub.Cancel(empty_pb2.Empty())
    with pytest.raises(grpc.RpcError, match="cancelled while waiting"):
        waiting.result(timeout=10)
