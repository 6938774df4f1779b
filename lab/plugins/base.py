"""The interface between the provider protocol and a stand-in plugin: typed requests in, typed answers out.

A plugin is a `Provider` that knows its `Resource`s by type token; `lab.plugins.service` speaks gRPC for it::

    class Policy:                                          # implements Resource
        def check(self, request, context):
            return Checked(request.news)
        def diff(self, request, context):
            return Difference({"policy": Kind.UPDATE} if request.old_inputs != request.news else {})
        def create(self, request, context):
            if request.preview:
                return Created("", {**request.inputs, "id": UNKNOWN})
            context.progress("writing the policy")         # ephemeral line beside the resource
            client.put(...)                                # raises ServerAwayError or ServerRefusedError
            return Created("name", request.inputs)
        def read(self, request, context): ...              # None: it is gone
        def update(self, request, context): ...            # the new outputs
        def delete(self, request, context): ...

    class VaultProvider(Provider):
        name = "vault"
        def configure(self, settings): self.client = Client(settings["address"])
        def resource(self, type_token): return {"vault:index/policy:Policy": Policy()}.get(type_token)

    if __name__ == "__main__":                             # in lab/plugins/vault/__main__.py
        from lab.plugins.service import serve
        serve(VaultProvider())

Values are described in `lab.plugins.values`, errors in `lab.plugins.errors`. Handlers run on many threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from lab.plugins.errors import CancelledError
from lab.plugins.values import Object, Value


class Kind(IntEnum):
    """What happens to one property path (the protocol's PropertyDiff.Kind)."""

    ADD = 0
    ADD_REPLACE = 1
    DELETE = 2
    DELETE_REPLACE = 3
    UPDATE = 4
    UPDATE_REPLACE = 5

    @property
    def replaces(self) -> bool:
        """Whether the resource has to be replaced for it."""
        return self in (Kind.ADD_REPLACE, Kind.DELETE_REPLACE, Kind.UPDATE_REPLACE)

    def replacing(self) -> Kind:
        """The same change, as one that replaces the resource."""
        return self if self.replaces else Kind(self + 1)


@dataclass(frozen=True)
class Failure:
    """One input that is wrong: `property` is its path, `reason` a sentence."""

    property: str
    reason: str


@dataclass(frozen=True)
class Request:
    """What every request about a resource says."""

    urn: str
    type_token: str
    name: str


@dataclass(frozen=True)
class Check(Request):
    """Inputs to be validated and completed; `olds` are the last checked inputs, empty when there are none."""

    news: Object
    olds: Object
    seed: bytes = b""
    proposed_name: str | None = None
    """A name that the engine's autonaming setting demands, if any."""


@dataclass(frozen=True)
class Checked:
    """The inputs as they will be stored, and what is wrong with them."""

    inputs: Object
    failures: Sequence[Failure] = ()


@dataclass(frozen=True)
class Diff(Request):
    """Old inputs and outputs against new inputs."""

    id: str
    news: Object
    old_inputs: Object
    outputs: Object
    ignore_changes: Sequence[str] = ()


@dataclass(frozen=True)
class Difference:
    """What changes, by property path.

    `replaces` defaults to the paths whose kind replaces, `has_changes` to whether there is any path.
    `detailed` False leaves the paths to the engine; `changes_known` False answers "unknown".
    """

    paths: Mapping[str, Kind] = field(default_factory=dict)
    replaces: Sequence[str] | None = None
    diffs: Sequence[str] = ()
    stables: Sequence[str] = ()
    delete_before_replace: bool = False
    has_changes: bool | None = None
    input_paths: frozenset[str] = frozenset()
    """Paths whose difference is between old and new inputs (the protocol's inputDiff)."""
    detailed: bool = True
    changes_known: bool = True


@dataclass(frozen=True)
class Create(Request):
    """Inputs of a resource to be made; `timeout` in seconds, 0 when the user set none."""

    inputs: Object
    preview: bool
    timeout: float = 0.0


@dataclass(frozen=True)
class Created:
    """The made resource; in a preview the id is empty and what is not known yet is UNKNOWN."""

    id: str
    outputs: Object


@dataclass(frozen=True)
class Read(Request):
    """A resource to be looked up: with `inputs` and `outputs` for a refresh, without for an import."""

    id: str
    inputs: Object
    outputs: Object

    @property
    def importing(self) -> bool:
        """Whether only the id is known."""
        return not self.inputs and not self.outputs


@dataclass(frozen=True)
class Found:
    """What the server has now; `inputs` are what a program would have to say to get it."""

    id: str
    inputs: Object
    outputs: Object


@dataclass(frozen=True)
class Update(Request):
    """New inputs for a resource that exists."""

    id: str
    news: Object
    old_inputs: Object
    outputs: Object
    preview: bool
    ignore_changes: Sequence[str] = ()
    timeout: float = 0.0


@dataclass(frozen=True)
class Delete(Request):
    """A resource to be removed; one that is gone already is no error."""

    id: str
    inputs: Object
    outputs: Object
    timeout: float = 0.0


@dataclass(frozen=True)
class Context:
    """How a handler talks back while it works."""

    urn: str
    cancelled: threading.Event
    report: Callable[[str, str, str, bool], None]
    """Called with severity, text, urn, ephemeral; use `progress` and `warn`."""

    def progress(self, text: str) -> None:
        """Show `text` beside the resource until the next one."""
        self.report("info", text, self.urn, True)

    def warn(self, text: str) -> None:
        """Show `text` among the diagnostics of the run."""
        self.report("warning", text, self.urn, False)

    def pause(self, seconds: float, doing: str) -> None:
        """Wait, but no longer than until the operation is cancelled: then raise CancelledError."""
        if self.cancelled.wait(seconds):
            raise CancelledError(doing)


class Resource(Protocol):
    """One resource type, or a family of them."""

    def check(self, request: Check, context: Context) -> Checked:
        """Validate inputs and fill in what the type defaults."""

    def diff(self, request: Diff, context: Context) -> Difference:
        """Compare; no server is asked unless the official plugin does."""

    def create(self, request: Create, context: Context) -> Created:
        """Make it, wait until it is ready."""

    def read(self, request: Read, context: Context) -> Found | None:
        """Look it up; None when it does not exist."""

    def update(self, request: Update, context: Context) -> Object:
        """Change it in place and give its new outputs."""

    def delete(self, request: Delete, context: Context) -> None:
        """Remove it and wait until it is gone."""


class Provider:
    """One plugin: its settings and its resources."""

    name: str
    accepts_secrets: bool = False
    """Whether inputs arrive with secrets marked (else the engine marks outputs of the same name itself)."""
    diffs_settings: bool = False
    """Whether DiffConfig answers definitely (kubernetes) or leaves it to the engine (bridged plugins)."""

    def check_settings(self, news: Object) -> Checked:
        """Validate the provider's inputs; raises nothing."""
        return Checked(news)

    def replacing_settings(self, old: Object, new: Object) -> Sequence[str]:
        """The settings whose change means another server, so that everything on it is replaced."""
        del old, new
        return ()

    def configure(self, settings: Mapping[str, Value]) -> None:
        """Take the settings; strings, numbers and booleans may come as JSON text. May raise SettingsError."""
        raise NotImplementedError

    def resource(self, type_token: str) -> Resource | None:
        """The handler of a type, or None when it is not covered."""
        raise NotImplementedError
