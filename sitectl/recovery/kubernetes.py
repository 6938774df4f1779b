"""Looks in the cluster for the objects of a site: by name, without reading what is in them."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sitectl.checks.kubectl import Kubectl, KubectlFailed, Seen
from sitectl.recovery.found import Found, Look, LookError
from sitectl.recovery.wanted import Wanted

AREA = "kubernetes"
LABEL = "iot-broker/site"
# A namespace takes some seconds to go, and a broker with its volumes longer.
GONE_SECONDS = 180.0
PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Cluster:
    """The cluster of a site with the namespace of that site."""

    kubectl: Kubectl
    site: str
    namespace: str

    def settled(self, objects: Mapping[str, Wanted]) -> dict[str, Seen]:
        """Return what is there of these objects, by URN, once nothing of it is going away; raises LookError."""
        give_up = time.monotonic() + GONE_SECONDS
        while True:
            seen = self._guarded(lambda: self._seen(objects))
            going = sorted(where.name for where in seen.values() if where.deleting)
            if not going:
                return seen
            if time.monotonic() > give_up:
                raise LookError(
                    AREA, f"{', '.join(going)} is being deleted, and not gone after {GONE_SECONDS:g} s"
                )
            time.sleep(PAUSE_SECONDS)

    def _seen(self, objects: Mapping[str, Wanted]) -> dict[str, Seen]:
        namespace = {urn: wanted for urn, wanted in objects.items() if wanted.made.kind == "Namespace"}
        there = self._ask(namespace)
        if any(where.deleting for where in there.values()):
            # The rights in it may have gone before it: what is in it shows when it is gone.
            return there
        # Without its namespace nothing is in it, and who deploys may not even look (docs/rights.md).
        within = {
            urn: wanted
            for urn, wanted in objects.items()
            if urn not in namespace and (there or wanted.made.metadata.get("namespace") != self.namespace)
        }
        return there | self._ask(within)

    def _ask(self, objects: Mapping[str, Wanted]) -> dict[str, Seen]:
        if not objects:
            return {}
        by_place = {_place(wanted): urn for urn, wanted in objects.items()}
        seen = self.kubectl.seen([_named(wanted) for wanted in objects.values()], LABEL)
        return {by_place[where.place]: where for where in seen if where.place in by_place}

    def _guarded(self, call: Callable[[], dict[str, Seen]]) -> dict[str, Seen]:
        try:
            return call()
        except KubectlFailed as error:
            raise LookError(AREA, str(error)) from None


def identity(wanted: Wanted) -> str:
    """Return the id that the plugin gives an object: `namespace/name`, or the name."""
    metadata = wanted.made.metadata
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def look(site: str, missing: Iterable[Wanted], seen: Mapping[str, Seen]) -> Look:
    """Say which of the missing objects are there; one without the site's label is another's, and left."""
    found, left = {}, {}
    for wanted in missing:
        where = seen.get(wanted.urn)
        if where is None:
            continue
        if where.label == site:
            found[wanted.urn] = Found(identity(wanted))
        else:
            left[wanted.urn] = f"is there without the label `{LABEL}: {site}`: it is not the site's"
    return Look(found, left)


def _named(wanted: Wanted) -> dict[str, Any]:
    metadata = {
        key: wanted.made.metadata[key] for key in ("name", "namespace") if key in wanted.made.metadata
    }
    return {"apiVersion": wanted.inputs["apiVersion"], "kind": wanted.inputs["kind"], "metadata": metadata}


def _place(wanted: Wanted) -> tuple[str, str, str]:
    # The API server answers with a version of its own choice: group and kind say as much.
    group = str(wanted.inputs["apiVersion"]).rpartition("/")[0]
    return (
        f"{wanted.inputs['kind']}.{group}",
        str(wanted.made.metadata.get("namespace") or ""),
        str(wanted.made.metadata["name"]),
    )
