"""The provider protocol's methods, translated to a `Provider`'s typed interface and back."""

from __future__ import annotations

import json
import os
import threading
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from lab.plugins import base
from lab.plugins.errors import (
    CancelledError,
    NotReadyError,
    PluginError,
    ServerAwayError,
    SettingsError,
    UnsupportedTypeError,
)
from lab.plugins.service import EngineLog
from lab.plugins.values import decode, encode

Answer = TypeVar("Answer")

VERSION_VARIABLE = "IOT_BROKER_PLUGIN_VERSION"
"""Set by the installed launcher: the version that the SDK asks for."""


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """One plugin process' answers; safe for many threads."""

    def __init__(self, provider: base.Provider, cancelled: threading.Event, engine: str | None) -> None:
        self.provider = provider
        self.cancelled = cancelled
        self.log = EngineLog(engine)

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Learn where the engine is."""
        del context
        self.log.address = request.engine_address
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=self.provider.accepts_secrets, supports_autonaming_configuration=True
        )

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Learn where the engine is, when it did not start this process."""
        del context
        self.log.address = request.address
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The version that this process stands in for."""
        del request, context
        return plugin_pb2.PluginInfo(version=os.environ.get(VERSION_VARIABLE, "0.0.0"))

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A schema with nothing but its name: the SDKs bring their own."""
        del request, context
        version = os.environ.get(VERSION_VARIABLE, "0.0.0")
        return provider_pb2.GetSchemaResponse(
            schema=json.dumps({"name": self.provider.name, "version": version})
        )

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell whatever waits to stop waiting."""
        del request, context
        self.cancelled.set()
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Validate the provider's settings."""
        checked = _guarded(context, lambda: self.provider.check_settings(decode(request.news)))
        return _check_response(checked)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Say which settings mean another server."""
        old, new = decode(request.old_inputs), decode(request.news)
        replaces = _guarded(context, lambda: self.provider.replacing_settings(old, new))
        if not self.provider.diffs_settings:
            return provider_pb2.DiffResponse(replaces=replaces)
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        outcome = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=outcome, replaces=replaces, diffs=changed)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Take the settings."""
        _guarded(context, lambda: self.provider.configure(decode(request.args)))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=self.provider.accepts_secrets,
            supportsPreview=True,
            supports_autonaming_configuration=True,
        )

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Validate and complete a resource's inputs."""
        proposed = request.autonaming.proposed_name or None
        check = base.Check(
            *_identity(request),
            decode(request.news),
            decode(request.olds),
            request.randomSeed,
            proposed,
        )
        return _check_response(self._handle(context, check, lambda handler, talk: handler.check(check, talk)))

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Compare a resource's state with its new inputs."""
        diff = base.Diff(
            *_identity(request),
            request.id,
            decode(request.news),
            decode(request.old_inputs),
            decode(request.olds),
            tuple(request.ignoreChanges),
        )
        return _diff_response(self._handle(context, diff, lambda handler, talk: handler.diff(diff, talk)))

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Make a resource, or say what it would be."""
        create = base.Create(
            *_identity(request), decode(request.properties), request.preview, request.timeout
        )
        made = self._handle(context, create, lambda handler, talk: handler.create(create, talk))
        return provider_pb2.CreateResponse(id=made.id, properties=encode(made.outputs))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Look a resource up; an empty answer says that it is gone."""
        read = base.Read(*_identity(request), request.id, decode(request.inputs), decode(request.properties))
        found = self._handle(context, read, lambda handler, talk: handler.read(read, talk))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=found.id, inputs=encode(found.inputs), properties=encode(found.outputs)
        )

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Change a resource in place, or say what it would be."""
        update = base.Update(
            *_identity(request),
            request.id,
            decode(request.news),
            decode(request.old_inputs),
            decode(request.olds),
            request.preview,
            tuple(request.ignoreChanges),
            request.timeout,
        )
        outputs = self._handle(context, update, lambda handler, talk: handler.update(update, talk))
        return provider_pb2.UpdateResponse(properties=encode(outputs))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Remove a resource."""
        delete = base.Delete(
            *_identity(request),
            request.id,
            decode(request.old_inputs),
            decode(request.properties),
            request.timeout,
        )
        self._handle(context, delete, lambda handler, talk: handler.delete(delete, talk))
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refuse: no function of a plugin is covered."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, _unsupported(self.provider.name, request.tok))

    def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refuse: no component of a plugin is covered."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, _unsupported(self.provider.name, request.type))

    def _handle(
        self,
        context: Any,
        request: base.Request,
        call: Callable[[base.Resource, base.Context], Answer],
    ) -> Answer:
        def run() -> Answer:
            handler = self.provider.resource(request.type_token)
            if handler is None:
                raise UnsupportedTypeError(self.provider.name, request.type_token)
            return call(handler, base.Context(request.urn, self.cancelled, self.log))

        return _guarded(context, run)


def _identity(request: Any) -> tuple[str, str, str]:
    return request.urn, request.type, request.name


def _unsupported(plugin: str, token: str) -> str:
    return UnsupportedTypeError(plugin, token).sentence()


def _guarded(context: Any, call: Callable[[], Answer]) -> Answer:
    """Run `call`; an error becomes a status with one sentence, never a traceback."""
    try:
        return call()
    except NotReadyError as error:
        context.abort_with_status(_init_failed(error))
    except PluginError as error:
        context.abort(_code(error), error.sentence())
    except Exception as error:  # noqa: BLE001 - the last place where a defect can be told in one line
        place = traceback.extract_tb(error.__traceback__)[-1]
        context.abort(
            grpc.StatusCode.INTERNAL,
            f"a defect in the lab's stand-in plugin: {type(error).__name__}: {error} "
            f"({os.path.basename(os.path.dirname(place.filename))}/{os.path.basename(place.filename)}:"
            f"{place.lineno})",
        )
    raise AssertionError("abort returned")


def _code(error: PluginError) -> grpc.StatusCode:
    if isinstance(error, CancelledError):
        return grpc.StatusCode.CANCELLED
    if isinstance(error, SettingsError):
        return grpc.StatusCode.INVALID_ARGUMENT
    if isinstance(error, ServerAwayError):
        return grpc.StatusCode.FAILED_PRECONDITION  # UNAVAILABLE would read as "the plugin crashed"
    return grpc.StatusCode.UNKNOWN


class _Status(grpc.Status):  # type: ignore[misc] # grpc ships without types
    """A gRPC status with details."""

    def __init__(self, message: str, detail: Any) -> None:
        self.code = grpc.StatusCode.UNKNOWN
        self.details = message
        packed = any_pb2.Any()
        packed.Pack(detail)
        status = status_pb2.Status(code=self.code.value[0], message=message, details=[packed])
        self.trailing_metadata = (("grpc-status-details-bin", status.SerializeToString()),)


def _init_failed(error: NotReadyError) -> _Status:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.id, properties=encode(error.outputs), inputs=encode(error.inputs), reasons=error.reasons
    )
    return _Status(error.sentence(), detail)


def _check_response(checked: base.Checked) -> Any:
    failures = [
        provider_pb2.CheckFailure(property=item.property, reason=item.reason) for item in checked.failures
    ]
    return provider_pb2.CheckResponse(inputs=encode(checked.inputs), failures=failures)


def _diff_response(difference: base.Difference) -> Any:
    paths = difference.paths
    replaces = difference.replaces
    if replaces is None:
        replaces = sorted(path for path, kind in paths.items() if kind.replaces)
    changed = bool(paths) if difference.has_changes is None else difference.has_changes
    outcome = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
    detailed = {
        path: provider_pb2.PropertyDiff(
            kind=provider_pb2.PropertyDiff.Kind.Name(kind), inputDiff=path in difference.input_paths
        )
        for path, kind in paths.items()
    }
    return provider_pb2.DiffResponse(
        changes=outcome if difference.changes_known else provider_pb2.DiffResponse.DIFF_UNKNOWN,
        replaces=replaces,
        stables=difference.stables,
        diffs=difference.diffs,
        deleteBeforeReplace=difference.delete_before_replace,
        detailedDiff=detailed,
        hasDetailedDiff=difference.detailed,
    )
