"""Finds what a hand only added to an object in Kubernetes: no refresh sees it (docs/adr/0007)."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.stack import Stack
from sitectl.checks.kubectl import Kubectl

Path = tuple[str, ...]

_HAND = "kubectl"
# By an annotation people tell a controller to do something once; it says nothing of what the object is.
_ANNOTATIONS = "annotations"


def additions(stack: Stack, context: str) -> list[str]:
    """Return a line for each object that has more than the stack says; raises `PulumiError` or `KubectlFailed`."""
    by_namespace = defaultdict[str, list[Mapping[str, Any]]](list)
    for resource in stack.resources():
        said = resource.get("inputs") or {}
        # What a Secret holds comes into no process that need not have it.
        if resource["type"].startswith("kubernetes:") and said["kind"] != "Secret":
            by_namespace[said["metadata"].get("namespace", "")].append(said)
    found: list[str] = []
    for namespace, objects in by_namespace.items():
        stated = {_reference(said): said for said in objects}
        for live in Kubectl(context).objects(namespace, list(stated)):
            places = [*dict.fromkeys(".".join(path) for path in added(stated[_reference(live)], live))]
            if places:
                found.append(
                    f"{live['kind']} {live['metadata']['name']} has more than the kit says: {', '.join(places)}"
                )
    return sorted(found)


def added(said: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Path]:
    """Yield where an object has more than is said: longer lists, and what `kubectl` wrote that is not said."""
    yield from _longer(said, live, ())
    for entry in live["metadata"].get("managedFields") or ():
        if str(entry.get("manager")).startswith(_HAND) and not entry.get("subresource"):
            yield from _written(entry.get("fieldsV1") or {}, said, live, ())


def _longer(said: Any, live: Any, path: Path) -> Iterator[Path]:
    if isinstance(said, Mapping) and isinstance(live, Mapping):
        for name, inner in said.items():
            yield from _longer(inner, live.get(name), (*path, name))
    elif isinstance(said, list) and isinstance(live, list):
        if len(live) > len(said):
            yield path
        for one, other in zip(said, live, strict=False):
            yield from _longer(one, other, (*path, "*"))


def _written(fields: Mapping[str, Any], said: Any, live: Any, path: Path) -> Iterator[Path]:
    """Yield the fields of a manager's tree that are not said, and each map that is its own and has more keys."""
    if not fields and isinstance(said, Mapping) and isinstance(live, Mapping):
        yield from [path] if live.keys() - said.keys() else []
    for key, below in fields.items():
        kind, _, name = key.partition(":")
        if kind == "k" and isinstance(said, list) and isinstance(live, list):
            one, other = (_entry(json.loads(name), entries) for entries in (said, live))
            if one is not None:
                yield from _written(below, one, other, (*path, "*"))
        elif kind == "f" and isinstance(said, Mapping) and isinstance(live, Mapping) and name != _ANNOTATIONS:
            if name in said:
                yield from _written(below, said[name], live.get(name), (*path, name))
            elif name in live:
                yield (*path, name)


def _entry(key: Mapping[str, Any], entries: Sequence[Any]) -> Mapping[str, Any] | None:
    return next((one for one in entries if key.items() <= one.items()), None)


def _reference(found: Mapping[str, Any]) -> str:
    """Return how `kubectl` names an object: `Role.v1.rbac.authorization.k8s.io/NAME`."""
    group, _, version = found["apiVersion"].rpartition("/")
    kind = f"{found['kind']}.{version}.{group}" if group else found["kind"]
    return f"{kind}/{found['metadata']['name']}"
