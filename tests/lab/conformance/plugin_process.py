"""A stand-in plugin as the engine would start it, asked over real gRPC."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tests.lab.conformance.recording import Json

ANSWER_SECONDS = 180.0


class PluginProcess:
    """A stand-in plugin as the engine would start it, asked over real gRPC."""

    def __init__(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.environment = {**os.environ, **(environment or {})}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", f"lab.plugins.{self.name}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=self.environment)
        assert self.process.stdout is not None
        port = int(self.process.stdout.readline())
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.close()
        self.process.terminate()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def ask(self, method: str, request: Json) -> tuple[Json, tuple[str, ...]]:
        """Send one request in JSON form; its answer (None after an error) and the errors."""
        message = json_format.ParseDict(request, _request_type(method)(), ignore_unknown_fields=True)
        try:
            answer = getattr(self.stub, method)(message, timeout=ANSWER_SECONDS)
        except grpc.RpcError as error:
            return None, (f"{error.code().name}: {error.details()}",)
        return json_format.MessageToDict(answer), ()


def _request_type(method: str) -> Callable[[], Any]:
    renamed = {
        "CheckConfig": "CheckRequest",
        "DiffConfig": "DiffRequest",
        "Handshake": "ProviderHandshakeRequest",
    }
    name = renamed.get(method, f"{method}Request")
    found: Callable[[], Any] = getattr(provider_pb2, name, empty_pb2.Empty)
    return found
