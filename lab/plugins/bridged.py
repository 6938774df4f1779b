"""What plugins bridged from Terraform have in common: types described by data, checked, compared and kept so.

A type is a `ResourceType` (its properties as data) and a handler that talks to the server in plain values::

    POLICY = ResourceType(
        "vault:index/policy:Policy",
        (Property("name", replaces=True, autoname=True), Property("policy", required=True)),
    )

    class Policies:                                       # implements Handler
        def create(self, planned): ...                    # (id, what the server says)
        def read(self, identity, state): ...              # what the server says, None when it is gone
        def update(self, identity, prior, planned): ...   # what the server says
        def delete(self, identity, state): ...            # gone already is fine

    BridgedResource(POLICY, Policies())                   # a lab.plugins.base.Resource

What a handler does not mention keeps its planned (create, update) or stored (read) value. The descriptions
of the types follow the official plugins' recorded answers; the conformance tests replay them.
"""

from __future__ import annotations

from lab.plugins import base
from lab.plugins.bridged_check import check_inputs
from lab.plugins.bridged_diff import difference
from lab.plugins.bridged_schema import (
    DEFAULTS,
    Handler,
    Importer,
    Mover,
    Property,
    ResourceType,
    Shape,
    given,
)
from lab.plugins.bridged_state import (
    after_apply,
    imported_inputs,
    merged,
    outputs_of,
    planned_creation,
    planned_update,
    refreshed_inputs,
    without_marks,
)
from lab.plugins.values import UNKNOWN, Object, Value, plain

__all__ = [
    "DEFAULTS",
    "BridgedResource",
    "Handler",
    "Importer",
    "Mover",
    "Property",
    "ResourceType",
    "Shape",
    "given",
]


class BridgedResource:
    """One bridged type, as `lab.plugins.base.Resource` wants it."""

    def __init__(self, described: ResourceType, handler: Handler) -> None:
        self.described = described
        self.handler = handler

    def check(self, request: base.Check, context: base.Context) -> base.Checked:
        """Complete the inputs and say what is wrong with them; deprecated ones warn."""
        return check_inputs(self.described, request, context.warn)

    def diff(self, request: base.Diff, context: base.Context) -> base.Difference:
        """Compare the state with the new inputs; no server is asked."""
        del context
        return difference(self.described, request)

    def create(self, request: base.Create, context: base.Context) -> base.Created:
        """Make it, or say what is known of it before."""
        del context
        planned = planned_creation(self.described.properties, plain(request.inputs))
        if request.preview:
            return base.Created("", outputs_of(self.described, "", planned))
        identity, found = self.handler.create(_decided(planned))
        state = after_apply(self.described.properties, planned, found)
        return base.Created(identity, outputs_of(self.described, identity, state))

    def read(self, request: base.Read, context: base.Context) -> base.Found | None:
        """Look it up, for a refresh or an import."""
        del context
        identity, state = request.id, without_marks(plain(request.outputs))
        if request.importing and isinstance(self.handler, Importer):
            identity, state = self.handler.locate(request.id)
        found = self.handler.read(identity, state)
        if found is None:
            return None
        now = merged(self.described.properties, state, found)
        if isinstance(self.handler, Mover):
            identity = self.handler.identity_of(now)
        if request.inputs:
            inputs = refreshed_inputs(self.described.properties, plain(request.inputs), now)
        else:
            inputs = imported_inputs(self.described.properties, now)
        return base.Found(identity, inputs, outputs_of(self.described, identity, now))

    def update(self, request: base.Update, context: base.Context) -> Object:
        """Change it in place, or say what is known of it then."""
        del context
        prior = without_marks(plain(request.outputs))
        planned = planned_update(
            self.described.properties, prior, plain(request.news), request.ignore_changes
        )
        identity = request.id
        if request.preview:
            return outputs_of(self.described, identity, planned)
        found = self.handler.update(identity, prior, _decided(planned))
        if isinstance(self.handler, Mover):
            identity = self.handler.identity_of(planned)
        return outputs_of(self.described, identity, after_apply(self.described.properties, planned, found))

    def delete(self, request: base.Delete, context: base.Context) -> None:
        """Remove it."""
        del context
        self.handler.delete(request.id, without_marks(plain(request.outputs)))


def _decided(planned: Object) -> Object:
    """The plan as a handler takes it: what the server is to choose counts as not given."""
    return {key: _decided_value(value) for key, value in planned.items()}


def _decided_value(value: Value) -> Value:
    if value is UNKNOWN:
        return None
    if isinstance(value, dict):
        return _decided(value)
    return [_decided_value(item) for item in value] if isinstance(value, list) else value
