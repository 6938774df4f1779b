"""Composes a site with no server at hand, and hands out what would be registered with the engine."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components.offline_engine import CERTIFICATE, answering
from components.registered import Registered
from components.settings import Settings
from components.site import IotSite
from components.vault_access import access
from model import Site

OFFLINE = Settings(
    kubernetes_context="offline",
    kubernetes_host="https://kubernetes.example:6443",
    kubernetes_ca=CERTIFICATE,
    vault_address="https://vault.example:8200",
    vault_ca=CERTIFICATE,
    keycloak_url="https://keycloak.example:8443",
    keycloak_ca=CERTIFICATE,
)
"""Addresses that stand for a site's own, where no server is asked."""


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
        return [resource for resource in self.resources if resource.on_server]

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


def compose(site: Site, settings: Settings = OFFLINE) -> Composition:
    """Compose a site as its program does, against servers that agree to everything."""
    return composed(site, lambda: IotSite(site.name, site, settings).outputs)


def compose_bootstrap(site: Site, settings: Settings = OFFLINE) -> Composition:
    """Compose a site's bootstrap as its program does, against a Vault that agrees to everything."""

    def make() -> dict[str, Any]:
        access(site, settings)
        return {"site": site.name}

    return composed(site, make)


def composed(site: Site, make: Callable[[], dict[str, Any]]) -> Composition:
    """Compose what `make` makes, which returns the outputs, against servers that agree to everything."""
    composition = Composition(site)

    async def outputs() -> None:
        composition.outputs = await pulumi.Output.from_input(make()).future() or {}

    with answering(site.name, composition.resources.append):
        pulumi.runtime.test(outputs)()  # type: ignore[no-untyped-call] # the SDK's own
    return composition
