"""Composes a site with no server at hand, and hands out what would be registered with the engine."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pulumi
from pulumi.runtime import mocks
from pulumi.runtime import resource as runtime_resource
from pulumi.runtime.proto.source_pb2 import StackTrace

from components.settings import Settings
from components.site import IotSite
from model import Site

_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nbW9jaw==\n-----END CERTIFICATE-----\n"
OFFLINE = Settings(
    kubernetes_context="offline",
    kubernetes_host="https://kubernetes.example:6443",
    kubernetes_ca=_CERTIFICATE,
    vault_address="https://vault.example:8200",
    vault_ca=_CERTIFICATE,
    keycloak_url="https://keycloak.example:8443",
    keycloak_ca=_CERTIFICATE,
)
"""Addresses that stand for a site's own, where no server is asked."""
_SERVER_ANSWERS: dict[str, dict[str, Any]] = {
    "vault:pkiSecret/secretBackendRootCert:SecretBackendRootCert": {
        "issuerId": "root-issuer",
        "certificate": _CERTIFICATE,
        "serialNumber": "01",
    },
    "vault:pkiSecret/secretBackendIntermediateCertRequest:SecretBackendIntermediateCertRequest": {
        "csr": "csr"
    },
    "vault:pkiSecret/secretBackendRootSignIntermediate:SecretBackendRootSignIntermediate": {
        "certificate": _CERTIFICATE,
        "serialNumber": "02",
    },
    "vault:pkiSecret/secretBackendIntermediateSetSigned:SecretBackendIntermediateSetSigned": {
        "importedIssuers": ["issuing-issuer"],
    },
    "keycloak:openid/client:Client": {"clientSecret": "made-by-keycloak"},
}


@dataclass(frozen=True)
class Registered:
    """One resource as it was registered with the engine."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    provider: str
    parent: str
    protect: bool
    urn: str
    depends_on: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    timeouts: Any = None

    @property
    def kind(self) -> str:
        """The last part of the type: `ConfigMap`, `SecretBackendRole`."""
        return self.type.rsplit(":", 1)[1]

    @property
    def names(self) -> set[str]:
        """What it is called: in the program, and on its server."""
        return {self.name, self.metadata.get("name", ""), self.inputs.get("name", "")}

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its Kubernetes metadata; empty for what is elsewhere."""
        metadata: Mapping[str, Any] = self.inputs.get("metadata", {})
        return metadata

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its Kubernetes specification."""
        spec: Mapping[str, Any] = self.inputs["spec"]
        return spec


@dataclass
class Composition:
    """A site as it was composed: what was registered, and what the stack would export."""

    site: Site
    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def components(self) -> list[Registered]:
        """Our own components."""
        return [resource for resource in self.resources if resource.type.startswith("iot-broker:")]

    @property
    def providers(self) -> list[Registered]:
        """The providers."""
        return [resource for resource in self.resources if resource.type.startswith("pulumi:providers:")]

    @property
    def objects(self) -> list[Registered]:
        """Everything that is on some server."""
        return [
            resource
            for resource in self.resources
            if not resource.type.startswith(("iot-broker:", "pulumi:"))
        ]

    @property
    def manifests(self) -> list[Registered]:
        """Everything that is in Kubernetes."""
        return [resource for resource in self.objects if resource.type.startswith("kubernetes:")]

    def of(self, kind: str) -> list[Registered]:
        """Return the resources of a kind."""
        return [resource for resource in self.objects if resource.kind == kind]

    def one(self, kind: str, name: str | None = None) -> Registered:
        """Return the one resource of a kind, by its name on the server or in the program; raises LookupError."""
        found = [resource for resource in self.of(kind) if name is None or name in resource.names]
        if len(found) != 1:
            raise LookupError(f"{len(found)} of {kind} {name or ''}: {[made.name for made in self.of(kind)]}")
        return found[0]


_NAMESPACE = "kubernetes:core/v1:Namespace"


class _Servers(mocks.Mocks):
    def __init__(self) -> None:
        # The inputs of the request that a thread is answering.
        self.asked = threading.local()

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.asked.inputs = args.inputs
        # Of an object in Kubernetes the program reads nothing back, but for its namespace's name: what nobody reads
        # need not be written out and read in again.
        if args.typ.startswith("kubernetes:") and args.typ != _NAMESPACE:
            return f"{args.name}-id", {}
        return f"{args.name}-id", {**args.inputs, **_SERVER_ANSWERS.get(args.typ, {})}

    def call(self, args: mocks.MockCallArgs) -> NoReturn:
        raise AssertionError(
            f"the program calls {args.token}: a preview must not depend on a server's answer"
        )


class _Monitor(mocks.MockMonitor):
    """Keeps what the program asked the engine for; the SDK's own mocks forget the options."""

    def __init__(self, composition: Composition) -> None:
        self.servers = _Servers()
        super().__init__(self.servers)
        self.composition = composition

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the engine's own name
        self.servers.asked.inputs = {}
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call] # the SDK's own
        self.composition.resources.append(
            Registered(
                type=request.type,
                name=request.name,
                inputs=self.servers.asked.inputs,
                provider=request.provider,
                parent=request.parent,
                protect=request.protect,
                urn=response.urn,
                depends_on=tuple(request.dependencies),
                ignore_changes=tuple(request.ignoreChanges),
                timeouts=request.customTimeouts,
            )
        )
        return response


@contextmanager
def _untraced() -> Iterator[None]:
    """Spare the SDK from finding, for each resource, the line of the program that made it: nobody asks offline."""
    kept = runtime_resource._get_stack_trace
    runtime_resource._get_stack_trace = StackTrace
    try:
        yield
    finally:
        runtime_resource._get_stack_trace = kept


def compose(site: Site, settings: Settings = OFFLINE) -> Composition:
    """Compose a site as the program does, against servers that agree to everything."""
    composition = Composition(site)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mocks.set_mocks(_Servers(), project="iot-broker", stack=site.name, monitor=_Monitor(composition))

    async def outputs() -> None:
        made = IotSite(site.name, site, settings).outputs
        composition.outputs = await pulumi.Output.from_input(made).future() or {}

    try:
        with _untraced():
            pulumi.runtime.test(outputs)()  # type: ignore[no-untyped-call] # the SDK's own
    finally:
        loop.close()
    return composition
