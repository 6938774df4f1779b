"""What can go wrong in a stand-in plugin, as types with the facts, and the sentences that people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.plugins.values import Object


class PluginError(Exception):
    """An error whose text is fit to be shown as it is; whatever a plugin raises on purpose is one."""

    def sentence(self) -> str:
        """The words for people."""
        return str(self)

    def __str__(self) -> str:
        return self.sentence() if type(self).sentence is not PluginError.sentence else super().__str__()


@dataclass(eq=False)
class UnsupportedTypeError(PluginError):
    """A resource type that the kit does not use, and so the stand-in does not cover."""

    plugin: str
    type_token: str

    def sentence(self) -> str:
        """The words for people."""
        return (
            f"the lab's stand-in {self.plugin} plugin does not cover {self.type_token}; lab/README.md "
            "lists what it covers (an official plugin, where installed, is used instead and covers them all)"
        )


@dataclass(eq=False)
class ServerAwayError(PluginError):
    """The server did not answer at all."""

    server: str
    address: str
    reason: str

    def sentence(self) -> str:
        """The words for people."""
        return (
            f"{self.server} does not answer at {self.address}: {self.reason}; check that it runs "
            "(in the lab: `sitectl lab status`) and that the address in the stack's settings is right"
        )


@dataclass(eq=False)
class ServerRefusedError(PluginError):
    """The server answered no; `message` is its own text and `status` its HTTP status."""

    doing: str
    status: int
    message: str

    def sentence(self) -> str:
        """The words for people."""
        return f"{self.doing}: {self.message}"


@dataclass(eq=False)
class SettingsError(PluginError):
    """The provider's own settings are missing or wrong."""

    plugin: str
    problem: str
    remedy: str

    def sentence(self) -> str:
        """The words for people."""
        return f"the {self.plugin} provider is not configured: {self.problem}; {self.remedy}"


@dataclass(eq=False)
class CancelledError(PluginError):
    """The operation was cancelled while it ran."""

    doing: str

    def sentence(self) -> str:
        """The words for people."""
        return f"cancelled while {self.doing}"


@dataclass(eq=False)
class NotReadyError(PluginError):
    """A resource that exists on its server but did not become ready: kept in the state, with its reasons."""

    id: str
    outputs: Object
    inputs: Object
    reasons: Sequence[str] = field(default_factory=tuple)

    def sentence(self) -> str:
        """The words for people."""
        return f"resource {self.id} was created or updated but is not ready: " + "; ".join(self.reasons)


@dataclass(eq=False)
class PartlyDoneError(NotReadyError):
    """A resource of which only some steps were done; what was made is kept in the state."""

    def sentence(self) -> str:
        """The words for people."""
        return f"resource {self.id} was only partly written: " + "; ".join(self.reasons)
