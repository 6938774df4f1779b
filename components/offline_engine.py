"""Stands for Pulumi's engine where no server is at hand: agrees to every resource, and tells what was asked for."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pulumi
from pulumi import resource as pulumi_resource
from pulumi.runtime import mocks
from pulumi.runtime import resource as runtime_resource
from pulumi.runtime.proto.source_pb2 import StackTrace

from components.offline_registration import Registration, object_id
from components.registered import Record, Registered

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nbW9jaw==\n-----END CERTIFICATE-----\n"
"""Stands for a certificate that some server would have made."""
_SERVER_ANSWERS: dict[str, dict[str, Any]] = {
    "vault:pkiSecret/secretBackendRootCert:SecretBackendRootCert": {
        "issuerId": "root-issuer",
        "certificate": CERTIFICATE,
        "serialNumber": "01",
    },
    "vault:pkiSecret/secretBackendIntermediateCertRequest:SecretBackendIntermediateCertRequest": {
        "csr": "csr"
    },
    "vault:pkiSecret/secretBackendRootSignIntermediate:SecretBackendRootSignIntermediate": {
        "certificate": CERTIFICATE,
        "serialNumber": "02",
    },
    "vault:pkiSecret/secretBackendIntermediateSetSigned:SecretBackendIntermediateSetSigned": {
        "importedIssuers": ["issuing-issuer"],
    },
    "keycloak:openid/client:Client": {"clientSecret": "made-by-keycloak"},
}
_STACK = "pulumi:pulumi:Stack"


@contextmanager
def answering(stack: str, record: Record) -> Iterator[None]:
    """Answer in the engine's place while a program runs, and hand each resource that it registers to `record`."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    monitor = _Monitor(record)
    mocks.set_mocks(monitor.mocks, project="iot-broker", stack=stack, monitor=monitor)
    of_sdk = runtime_resource.register_resource
    registration = Registration(monitor.make_urn, _SERVER_ANSWERS, record, of_sdk)
    replaced = (
        (pulumi_resource, "register_resource", registration),
        # Nobody asks offline which line of the program made a resource, or reads debug lines.
        (runtime_resource, "_get_stack_trace", StackTrace),
        (pulumi.log, "debug", _say_nothing),
    )
    kept = [(module, name, getattr(module, name)) for module, name, _ in replaced]
    try:
        for module, name, value in replaced:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in kept:
            setattr(module, name, value)
        loop.close()


def _say_nothing(*_words: object, **_named: object) -> None:
    """Take a debug line that nobody reads."""


class _Servers(mocks.Mocks):
    def __init__(self) -> None:
        # The inputs of the request that a thread is answering.
        self.asked = threading.local()

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.asked.inputs = args.inputs
        return object_id(args.name), {**args.inputs, **_SERVER_ANSWERS.get(args.typ, {})}

    def call(self, args: mocks.MockCallArgs) -> NoReturn:
        raise AssertionError(
            f"the program calls {args.token}: a preview must not depend on a server's answer"
        )


class _Monitor(mocks.MockMonitor):
    """Keeps what the program asked the engine for; the SDK's own mocks forget the options."""

    def __init__(self, record: Record) -> None:
        self.servers = _Servers()
        super().__init__(self.servers)
        self.record = record

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the engine's own name
        self.servers.asked.inputs = {}
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call] # the SDK's own
        # The stack itself is registered by the SDK, in its own time.
        if request.type == _STACK:
            return response
        self.record(
            Registered(
                type=request.type,
                name=request.name,
                inputs=self.servers.asked.inputs,
                provider=request.provider,
                parent=request.parent,
                protect=request.protect,
                deleted_first=request.deleteBeforeReplace,
                urn=response.urn,
                depends_on=tuple(request.dependencies),
                ignore_changes=tuple(request.ignoreChanges),
                timeouts=request.customTimeouts,
                retained=request.retainOnDelete,
                aliases=tuple(alias.spec.type for alias in request.aliases if alias.spec.type),
            )
        )
        return response
