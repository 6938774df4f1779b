"""One resource as the program registered it, for whoever looks at a site without a server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


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
    aliases: tuple[str, ...] = ()
    """Types under which it may stand in the state yet."""
    deleted_first: bool = False
    """Whether a replacement deletes it before the new one is made."""
    retained: bool = False
    """Whether it stays on its server when it leaves the stack: it goes with something else."""

    @property
    def kind(self) -> str:
        """The last part of the type: `ConfigMap`, `SecretBackendRole`."""
        return self.type.rsplit(":", 1)[1]

    @property
    def on_server(self) -> bool:
        """Whether it is on some server: neither a component, nor a provider, nor in the state alone."""
        return not self.type.startswith(("iot-broker:", "pulumi:"))

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


Record = Callable[[Registered], None]
"""Takes each resource when it is registered."""
