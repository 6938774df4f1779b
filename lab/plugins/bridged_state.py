"""Plans and keeps a bridged resource's state: defaults, unknowns in a preview, secrets, the raw state's key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from lab.plugins.bridged_schema import DEFAULTS, Property, ResourceType, Shape, is_zero
from lab.plugins.values import UNKNOWN, Object, Secret, Value, has_unknown

META = "__meta"
RAW_STATE = "__pulumi_raw_state_delta"
"""How the official plugin gets Terraform's state back from these outputs: a stack can change over to it."""


def planned_creation(properties: Iterable[Property], inputs: Mapping[str, Value]) -> Object:
    """Every property of a resource to be made: given, defaulted, UNKNOWN if the server chooses, or None."""
    return {item.name: _planned(item, inputs.get(item.name)) for item in properties}


def planned_update(
    properties: Iterable[Property], prior: Object, inputs: Mapping[str, Value], ignored: Sequence[str] = ()
) -> Object:
    """Every property of an existing resource after an update to `inputs`."""
    return {
        item.name: prior.get(item.name)
        if item.name in ignored
        else _replanned(item, prior.get(item.name), inputs.get(item.name))
        for item in properties
    }


def after_apply(properties: Iterable[Property], planned: Object, found: Object) -> Object:
    """The state after a creation or update: what the server says, else the plan; empty collections stay none."""
    state: Object = {}
    for item in properties:
        wanted = planned.get(item.name)
        value = found.get(item.name, None if wanted is UNKNOWN else wanted)
        if value in ([], {}) and wanted is None and not item.is_computed and item.shape is not Shape.BLOCKS:
            value = None
        state[item.name] = _ordered(item, value)
    return state


def merged(properties: Iterable[Property], state: Object, found: Object) -> Object:
    """The state after a look at the server: what it says, else what was stored."""
    return {item.name: _ordered(item, found.get(item.name, state.get(item.name))) for item in properties}


def outputs_of(described: ResourceType, identity: str, state: Object) -> Object:
    """The outputs that stand for a state; an empty identity is one that a preview does not know."""
    outputs: Object = {"id": identity or UNKNOWN}
    for item in described.properties:
        value = state.get(item.name)
        outputs[item.name] = Secret(value) if item.secret else value
    if identity:
        if described.schema_version is not None:
            outputs[META] = json.dumps(
                {"schema_version": str(described.schema_version)}, separators=(",", ":")
            )
        if not has_unknown(state):
            outputs[RAW_STATE] = {"obj": _delta_of_object(described.properties, state)}
    return outputs


def without_marks(outputs: Object) -> Object:
    """Outputs without the id and the plugin's own keys."""
    return {key: value for key, value in outputs.items() if key not in ("id", META, RAW_STATE)}


def refreshed_inputs(
    properties: Iterable[Property], inputs: Mapping[str, Value], state: Mapping[str, Value]
) -> Object:
    """Old inputs with the values that the server has now, so that drift shows as a change."""
    by_name = {item.name: item for item in properties}
    now: Object = {}
    for name, old in inputs.items():
        item, value = by_name.get(name), state.get(name)
        if item is None or value is None:
            continue
        if item.shape is Shape.BLOCK and isinstance(old, Mapping) and isinstance(value, Mapping):
            value = refreshed_inputs(item.fields, old, value)
        elif item.same is not None and item.same(value, old):
            value = old
        now[name] = Secret(value) if item.secret else value
    kept = [name for name in inputs.get(DEFAULTS) or () if name in now]
    return {DEFAULTS: kept, **now} if kept else now


def imported_inputs(properties: Iterable[Property], state: Mapping[str, Value]) -> Object:
    """The inputs that a program would have to give for a state: no more than needed."""
    inputs: Object = {}
    defaulted: list[str] = []
    for item in properties:
        value = state.get(item.name)
        if item.output_only or (is_zero(value) and not item.required and is_zero(item.default)):
            continue
        if value is None or (item.computed and not item.required):
            continue
        if value == item.default and not is_zero(value):
            defaulted.append(item.name)
        if item.shape is Shape.BLOCK:
            value = imported_inputs(item.fields, value)
        elif item.shape is Shape.BLOCKS:
            value = [imported_inputs(item.fields, element) for element in value]
        inputs[item.name] = Secret(value) if item.secret else value
    return {DEFAULTS: sorted(defaulted), **inputs}


def _planned(item: Property, value: Value) -> Value:
    if value is None:
        if item.default is not None:
            return item.default
        if item.is_computed:
            return UNKNOWN
        return [] if item.shape is Shape.BLOCKS else None
    if value is UNKNOWN:
        return UNKNOWN
    if item.shape is Shape.BLOCK:
        return planned_creation(item.fields, value)
    if item.shape is Shape.BLOCKS:
        return [
            element if element is UNKNOWN else planned_creation(item.fields, element) for element in value
        ]
    return _ordered(item, value)


def _replanned(item: Property, prior: Value, value: Value) -> Value:
    if value is None:
        if item.default is not None:
            return item.default
        keeps = item.is_computed or is_zero(prior)
        return prior if keeps else ([] if item.shape is Shape.BLOCKS else None)
    if item.same is not None and value is not UNKNOWN and prior is not None and item.same(prior, value):
        return prior
    if item.shape is Shape.BLOCK and isinstance(value, Mapping) and isinstance(prior, Mapping):
        return planned_update(item.fields, dict(prior), value)
    return _planned(item, value)


def _ordered(item: Property, value: Value) -> Value:
    """A set in Terraform's order, which is that of its texts; unknown as a whole while an element is."""
    if item.shape is not Shape.SET or not isinstance(value, list):
        return value
    return UNKNOWN if UNKNOWN in value else sorted(value, key=str)


def _delta_of_object(properties: Iterable[Property], state: Mapping[str, Value]) -> Object:
    properties = tuple(properties)
    deltas = {item.name: _delta(item, state.get(item.name)) for item in properties}
    parts = {name: delta for name, delta in deltas.items() if delta is not None}
    renamed = {item.name: item.wire_name for item in properties if item.wire_name}
    return {**({"ps": parts} if parts else {}), **({"renamed": renamed} if renamed else {})}


def _delta(item: Property, value: Value) -> Value:
    if item.shape is Shape.BLOCK:
        return {
            "plu": {"i": {"obj": _delta_of_object(item.fields, value)} if isinstance(value, Mapping) else {}}
        }
    if value is None:
        return None
    if item.shape is Shape.BLOCKS:
        elements = {str(at): {"obj": _delta_of_object(item.fields, one)} for at, one in enumerate(value)}
        return {"arr": {"es": elements} if elements else {}}
    if item.shape in (Shape.LIST, Shape.SET):
        return {"arr": {}}
    return {"map": {}} if item.shape is Shape.MAP else None
