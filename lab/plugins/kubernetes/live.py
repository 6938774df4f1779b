"""An object as the API server has it, in the shapes that the engine stores: outputs, inputs, id."""

from __future__ import annotations

from collections.abc import Mapping

from lab.plugins.values import Object, Secret, Value, keep_secrets, plain

SERVER_METADATA = frozenset(
    {"creationTimestamp", "deletionTimestamp", "generation", "managedFields", "ownerReferences"}
    | {"resourceVersion", "selfLink", "uid"}
)


def outputs(found: Object, inputs: Object, manager: str, initial_version: str) -> Object:
    """The object with the plugin's own bookkeeping; secret wherever the inputs are, and a Secret's data always."""
    told: Object = keep_secrets(found, inputs)
    if found.get("kind") == "Secret" and found.get("apiVersion") == "v1":
        for key in ("data", "stringData"):
            if key in told and not isinstance(told[key], Secret):
                told[key] = Secret(plain(told[key]))
    told["__inputs"] = inputs
    told["__initialApiVersion"] = initial_version
    told["__fieldManager"] = manager
    return told


def inputs(found: Object, old_inputs: Object) -> Object:
    """What a program would have to say to get `found`: the fields it names now; without any, all but the server's own.

    A field that is no longer there is left out, so that the next comparison shows it as missing. Of a list that became
    longer only as many entries are taken as the program names: the official plugin sees no more either.
    """
    if old_inputs:
        overlaid: Object = keep_secrets(_overlaid(found, plain(old_inputs)), old_inputs)
        return overlaid
    metadata = {key: value for key, value in found["metadata"].items() if key not in SERVER_METADATA}
    told = {key: value for key, value in found.items() if key != "status"}
    told["metadata"] = metadata
    if found.get("kind") == "Secret" and "data" in told:
        told["data"] = Secret(told["data"])
    return told


def id_of(found: Object) -> str:
    """`namespace/name`, or the name of an object without a namespace."""
    namespace = namespace_of(found)
    name: str = found["metadata"]["name"]
    return f"{namespace}/{name}" if namespace else name


def place_of(identifier: str) -> tuple[str | None, str]:
    """Namespace (None without one) and name of an id."""
    namespace, _, name = identifier.rpartition("/")
    return namespace or None, name


def namespace_of(body: Object) -> str | None:
    """The namespace that an object names."""
    found: str | None = body.get("metadata", {}).get("namespace")
    return found


def label(body: Object) -> str:
    """How messages name an object."""
    metadata = body.get("metadata", {})
    name = metadata.get("name") or metadata.get("generateName", "")
    namespace = metadata.get("namespace")
    return f'"{namespace}/{name}"' if namespace else f'"{name}"'


def annotation(body: Object, name: str) -> str | None:
    """The value of an annotation, if it is there."""
    annotations = body.get("metadata", {}).get("annotations") or {}
    value = annotations.get(name)
    return str(value) if value is not None else None


def _overlaid(found: Value, named: Value) -> Value:
    if isinstance(found, Mapping) and isinstance(named, Mapping):
        return {key: _overlaid(found[key], value) for key, value in named.items() if key in found}
    if isinstance(found, list) and isinstance(named, list):
        if found and named and type(found[0]) is not type(named[0]):
            return found
        return [_overlaid(mine, theirs) for mine, theirs in zip(found, named, strict=False)]
    return found
