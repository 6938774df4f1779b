"""Composes sample sites against Pulumi's mocks, once each, and hands out what was registered."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from components.settings import Settings
from model import Site, load_site, site_names

STACKS = Path(__file__).parents[3] / "stacks"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nbW9jaw==\n-----END CERTIFICATE-----\n"
SETTINGS = Settings(
    kubernetes_context="lab",
    kubernetes_host="https://kubernetes.example:6443",
    kubernetes_ca=CERTIFICATE,
    vault_address="https://vault.example:8200",
    vault_ca=CERTIFICATE,
    keycloak_url="https://keycloak.example:8443",
    keycloak_ca=CERTIFICATE,
)
PROVIDER_OUTPUTS: dict[str, dict[str, Any]] = {
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
    timeouts: Any = None

    @property
    def kind(self) -> str:
        """The last part of the type: `ConfigMap`, `SecretBackendRole`."""
        return self.type.rsplit(":", 1)[1]

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.inputs.get("metadata", {})

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.inputs["spec"]


@dataclass
class Composition:
    """A site as it was composed: what was registered, and what the stack would export."""

    site: Site
    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def components(self) -> list[Registered]:
        return [resource for resource in self.resources if resource.type.startswith("iot-broker:")]

    @property
    def providers(self) -> list[Registered]:
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
        return [resource for resource in self.objects if resource.type.startswith("kubernetes:")]

    def of(self, kind: str) -> list[Registered]:
        return [resource for resource in self.objects if resource.kind == kind]

    def one(self, kind: str, name: str | None = None) -> Registered:
        found = [
            resource
            for resource in self.of(kind)
            if name is None
            or name in (resource.name, resource.metadata.get("name"), resource.inputs.get("name"))
        ]
        assert len(found) == 1, f"{kind} {name}: {[resource.name for resource in self.of(kind)]}"
        return found[0]


class _Servers(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return f"{args.name}-id", {**args.inputs, **PROVIDER_OUTPUTS.get(args.typ, {})}

    def call(self, args: mocks.MockCallArgs) -> dict[Any, Any]:
        raise AssertionError(
            f"the program calls {args.token}: a preview must not depend on a server's answer"
        )


class _Monitor(mocks.MockMonitor):
    """Keeps what the program asked the engine for; the SDK's own mocks forget the options."""

    def __init__(self, composition: Composition) -> None:
        super().__init__(_Servers())
        self.composition = composition

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the engine's own name
        response = super().RegisterResource(request)
        from pulumi.runtime import rpc

        self.composition.resources.append(
            Registered(
                type=request.type,
                name=request.name,
                inputs=rpc.deserialize_properties(request.object),
                provider=request.provider,
                parent=request.parent,
                protect=request.protect,
                urn=response.urn,
                depends_on=tuple(request.dependencies),
                timeouts=request.customTimeouts,
            )
        )
        return response


def compose(site: Site, settings: Settings = SETTINGS) -> Composition:
    """Run the program's composition of a site against mocks."""
    from components.site import IotSite

    composition = Composition(site)
    asyncio.set_event_loop(asyncio.new_event_loop())
    mocks.set_mocks(_Servers(), project="iot-broker", stack=site.name, monitor=_Monitor(composition))

    async def outputs() -> None:
        made = IotSite(site.name, site, settings).outputs
        composition.outputs = await pulumi.Output.from_input(made).future() or {}

    pulumi.runtime.test(outputs)()
    return composition


SITES = tuple(site_names(STACKS))
_composed: dict[str, Composition] = {}


@pytest.fixture(params=SITES)
def composition(request: pytest.FixtureRequest) -> Composition:
    """Each sample site, composed once."""
    name = request.param
    if name not in _composed:
        _composed[name] = compose(load_site(STACKS, name))
    return _composed[name]


@pytest.fixture
def eagle_ford() -> Site:
    return load_site(STACKS, "eagle-ford")
