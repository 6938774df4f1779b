"""Check: what the official plugin makes of an object's inputs before they are stored."""

from __future__ import annotations

import base64
from collections.abc import Callable

from lab.plugins.base import Check, Checked, Failure
from lab.plugins.kubernetes.autoname import ANNOTATION, unique_name
from lab.plugins.kubernetes.kinds import ObjectKind
from lab.plugins.values import UNKNOWN, Object, Secret, Value, has_unknown, plain

DEFAULT_NAMESPACE = "default"


def checked_inputs(request: Check, kind: ObjectKind, namespace: Callable[[], str | None]) -> Checked:
    """Complete the inputs: name, namespace, a Secret's data.

    `namespace` tells the namespace for an object that names none; None for one that has none.
    """
    inputs = without_nothing(request.news)
    metadata = inputs.get("metadata", {})
    if not isinstance(metadata, dict | Secret) and metadata is not UNKNOWN:
        return Checked(inputs, [Failure("metadata", "must be an object")])
    if isinstance(metadata, dict):
        metadata = _with_name(metadata, request)
        if "namespace" not in metadata and kind.kind != "Namespace" and (found := namespace()) is not None:
            metadata["namespace"] = found
        inputs["metadata"] = metadata
    if kind.kind == "Secret" and kind.built_in:
        _encode_data(inputs)
    return Checked(inputs)


def without_nothing(value: Value) -> Value:
    """A copy without entries that are null: for the API server they are not there."""
    if isinstance(value, dict):
        return {key: without_nothing(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nothing(item) for item in value]
    if isinstance(value, Secret):
        return Secret(without_nothing(value.value))
    return value


def is_autonamed(inputs: Object) -> bool:
    """Whether the plugin chose the name."""
    metadata = plain(inputs.get("metadata", {}))
    annotations = metadata.get("annotations", {}) if isinstance(metadata, dict) else {}
    return isinstance(annotations, dict) and annotations.get(ANNOTATION) == "true"


def _with_name(metadata: Object, request: Check) -> Object:
    if "name" in metadata or "generateName" in metadata:
        return dict(metadata)
    if is_autonamed(request.olds):
        name = plain(request.olds["metadata"])["name"]
    else:
        name = request.proposed_name or unique_name(request.name, request.seed)
    annotations = metadata.get("annotations", {})
    if isinstance(annotations, Secret):
        annotations = annotations.value
    return {**metadata, "name": name, "annotations": {**annotations, ANNOTATION: "true"}}


def _encode_data(inputs: Object) -> None:
    """Turn `stringData` into `data`, as the API server does, and keep all of it secret."""
    text = inputs.get("stringData")
    data = inputs.get("data")
    if text is None and data is None:
        return
    if has_unknown([text, data]):
        for name in ("stringData", "data"):
            if name in inputs and not isinstance(inputs[name], Secret):
                inputs[name] = Secret(inputs[name])
        return
    encoded = {
        key: base64.b64encode(str(value).encode()).decode() for key, value in (plain(text) or {}).items()
    }
    inputs.pop("stringData", None)
    inputs["data"] = Secret({**(plain(data) or {}), **encoded})
