"""When an object counts as ready, waiting for it by watching, and waiting until one is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lab.plugins.base import Context
from lab.plugins.errors import PluginError
from lab.plugins.kubernetes.client import Client, Endpoint
from lab.plugins.kubernetes.conditions import Demand, demands
from lab.plugins.kubernetes.kinds import ObjectKind
from lab.plugins.kubernetes.live import annotation, id_of
from lab.plugins.values import Object

READY_SECONDS = 600.0
"""The official plugin's own limit where the user sets none."""
SKIP_AWAIT = "pulumi.com/skipAwait"
WAIT_FOR = "pulumi.com/waitFor"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
SLICES = ObjectKind("discovery.k8s.io/v1", "EndpointSlice")
PODS = ObjectKind("v1", "Pod")
JOB = ObjectKind("batch/v1", "Job")
STATEFUL_SET = ObjectKind("apps/v1", "StatefulSet")


class StillThereError(PluginError):
    """An object that did not go in time."""


def skips_waiting(inputs: Object) -> bool:
    """Whether the program asks not to wait."""
    return annotation(inputs, SKIP_AWAIT) == "true"


def allowed_seconds(inputs: Object, timeout: float, default: float) -> float:
    """The time limit: the resource's custom timeout, else its annotation, else the default."""
    if timeout > 0:
        return timeout
    said = annotation(inputs, TIMEOUT_SECONDS)
    return float(said) if said and said.replace(".", "", 1).isdigit() else default


def missing(kind: ObjectKind, found: Object, inputs: Object) -> list[str]:
    """What the object itself says is missing until it is ready; nothing for one that is, or is not waited for."""
    if skips_waiting(inputs):
        return []
    wait_for = annotation(inputs, WAIT_FOR)
    if wait_for is not None:
        unmet = [
            f"{demand.text} is not so yet{_seen(demand, found)}"
            for demand in demands(wait_for)
            if not demand.met(found)
        ]
        return [*unmet, *_complaints(found)] if unmet else []
    if kind == ObjectKind("apps/v1", "Deployment"):
        return _deployment(found)
    if kind == STATEFUL_SET:
        return _stateful_set(found)
    if kind == JOB:
        return _job(found)
    if kind == ObjectKind("v1", "Service") and found["spec"].get("type") == "LoadBalancer":
        balancer = found.get("status", {}).get("loadBalancer", {})
        return [] if balancer.get("ingress") else ["no address was allocated for the load balancer"]
    return []


def until_ready(
    client: Client, endpoint: Endpoint, made: Object, inputs: Object, timeout: float, context: Context
) -> tuple[Object, Sequence[str]]:
    """Wait for what `missing` (and for a Service, its endpoints) demands.

    Gives the object as last seen and, when time ran out, what was missing. Raises CancelledError.
    """
    seconds = allowed_seconds(inputs, timeout, READY_SECONDS)
    deadline = time.monotonic() + seconds
    final, reasons = _watched(
        client, endpoint, made, lambda found: missing(endpoint.kind, found, inputs), deadline, context
    )
    if not reasons and endpoint.kind == ObjectKind("v1", "Service") and not skips_waiting(inputs):
        reasons = _endpoints_missing(client, final, deadline, context)
    if not reasons:
        return final, []
    if endpoint.kind.kind in ("Deployment", "Job", "StatefulSet"):
        reasons = [*reasons, *_pod_troubles(client, final)]
    if _hopeless(final):
        return final, reasons
    return final, [f"not ready within {seconds:g} s", *reasons]


def until_gone(
    client: Client, endpoint: Endpoint, namespace: str | None, name: str, seconds: float, context: Context
) -> None:
    """Wait until the object is gone, or another stands in its place."""
    deadline = time.monotonic() + seconds
    first = client.get(endpoint, namespace, name)
    found = first
    while first is not None and found is not None:
        if found["metadata"]["uid"] != first["metadata"]["uid"]:
            return
        if time.monotonic() > deadline:
            raise StillThereError(
                f"{endpoint.kind} {name} is still there {seconds:g} s after its deletion{_held(found)}"
            )
        context.progress(f"Waiting for {endpoint.kind.kind} {name} to go{_held(found)}")
        version = found["metadata"]["resourceVersion"]
        selector = {"fieldSelector": f"metadata.name={name}"}
        if any(event == "DELETED" for event, _ in client.watch(endpoint, namespace, selector, version)):
            return
        context.pause(0, f"waiting for {endpoint.kind} {name} to go")
        found = client.get(endpoint, namespace, name)


def _watched(
    client: Client,
    endpoint: Endpoint,
    made: Object,
    test: Callable[[Object], list[str]],
    deadline: float,
    context: Context,
) -> tuple[Object, list[str]]:
    found = made
    name, namespace = made["metadata"]["name"], made["metadata"].get("namespace")
    reasons = test(found)
    while reasons and not _hopeless(found) and time.monotonic() < deadline:
        context.progress(f"Waiting: {reasons[0]}")
        selector = {"fieldSelector": f"metadata.name={name}"}
        for event, changed in client.watch(
            endpoint, namespace, selector, found["metadata"]["resourceVersion"]
        ):
            if event == "DELETED":
                return found, [f"{endpoint.kind} {id_of(made)} was deleted while it was waited for"]
            found = changed
            reasons = test(found)
            if not reasons or _hopeless(found) or time.monotonic() > deadline:
                break
            context.progress(f"Waiting: {reasons[0]}")
        context.pause(0, f"waiting for {endpoint.kind} {id_of(made)}")
        if reasons:
            found = client.get(endpoint, namespace, name) or found
            reasons = test(found)
    return found, reasons


def _seen(demand: Demand, found: Object) -> str:
    """What there is instead, as the official plugin says it."""
    values = demand.values(found)
    return f' (found "{values[0]}")' if demand.text.startswith("jsonpath") and values else ""


def _complaints(found: Object) -> list[str]:
    """What the object's controller says of conditions that are not true."""
    conditions = found.get("status", {}).get("conditions") or []
    return [
        f"{entry['type']}: {entry['message']}"
        for entry in conditions
        if entry.get("status") != "True" and entry.get("message")
    ]


def _job(found: Object) -> list[str]:
    """A Job is ready when it is complete, and never more when it has failed."""
    status = found.get("status", {})
    conditions = {entry["type"]: entry for entry in status.get("conditions") or []}
    if conditions.get("Complete", {}).get("status") == "True":
        return []
    failed = conditions.get("Failed", {})
    if failed.get("status") == "True":
        return [f"the Job has failed: {failed.get('reason', '')}: {failed.get('message', '')}"]
    ended = f", {status['failed']} ended with an error" if status.get("failed") else ""
    return [f"the Job is not complete: {status.get('active', 0)} pods run{ended}"]


def _hopeless(found: Object) -> bool:
    """Whether waiting longer is of no use."""
    if found.get("kind") != JOB.kind:
        return False
    conditions = found.get("status", {}).get("conditions") or []
    return any(entry["type"] == "Failed" and entry["status"] == "True" for entry in conditions)


def _deployment(found: Object) -> list[str]:
    """A Deployment is ready when its newest ReplicaSet is complete and available."""
    status = found.get("status", {})
    wanted = found["spec"].get("replicas", 1)
    conditions = {entry["type"]: entry for entry in status.get("conditions") or []}
    if status.get("observedGeneration", 0) < found["metadata"].get("generation", 0):
        return ["[1/2] the Deployment has not been seen by its controller yet"]
    progressing = conditions.get("Progressing", {})
    if progressing.get("status") != "True" or progressing.get("reason") != "NewReplicaSetAvailable":
        told = f" ({progressing['message']})" if progressing.get("message") else ""
        ready = status.get("readyReplicas", 0)
        return [f"[1/2] the ReplicaSet is not available: {ready}/{wanted} pods ready{told}"]
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < wanted or available < wanted or status.get("replicas", 0) > wanted:
        return [f"[1/2] {updated}/{wanted} pods are updated, {available}/{wanted} available"]
    if conditions.get("Available", {}).get("status") != "True":
        return [
            f"[2/2] the Deployment is not available: {conditions.get('Available', {}).get('message', '')}"
        ]
    return []


def _stateful_set(found: Object) -> list[str]:
    """A StatefulSet is ready when every pod is, and all are of the newest revision."""
    status = found.get("status", {})
    wanted = found["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < found["metadata"].get("generation", 0):
        return ["[1/3] the StatefulSet has not been seen by its controller yet"]
    ready = status.get("readyReplicas", 0)
    if ready < wanted or status.get("replicas", 0) != wanted:
        return [f"[1/3] {ready}/{wanted} pods are ready"]
    if status.get("currentRevision") != status.get("updateRevision"):
        updated = status.get("updatedReplicas", 0)
        return [f"[2/3] {updated}/{wanted} pods are of the newest revision"]
    return []


def _endpoints_missing(client: Client, service: Object, deadline: float, context: Context) -> list[str]:
    """A Service with a selector is ready when it has a ready endpoint, as in the official plugin."""
    spec = service["spec"]
    if not spec.get("selector") or spec.get("type") == "ExternalName":
        return []
    endpoint = client.endpoint(SLICES)
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    labels = f"kubernetes.io/service-name={name}"
    while True:
        if any(_has_ready(entry) for entry in client.list(endpoint, namespace, labels)):
            return []
        if time.monotonic() > deadline:
            return ["the Service has no ready endpoint: its selector finds no ready pod"]
        context.progress("[1/2] Finding pods to direct traffic to")
        context.pause(0.2, f"waiting for the endpoints of Service {namespace}/{name}")


def _has_ready(endpoint_slice: Object) -> bool:
    endpoints = endpoint_slice.get("endpoints") or []
    return any(
        entry.get("conditions", {}).get("ready", True) and entry.get("addresses") for entry in endpoints
    )


def _pod_troubles(client: Client, owner: Object) -> list[str]:
    """What the pods of a Deployment or Job complain about, or said last."""
    labels = owner["spec"]["selector"].get("matchLabels", {})
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    troubles = []
    for pod in client.list(client.endpoint(PODS), owner["metadata"]["namespace"], selector):
        name, status = pod["metadata"]["name"], pod.get("status", {})
        for entry in status.get("containerStatuses", []):
            waiting = entry.get("state", {}).get("waiting")
            if waiting:
                troubles.append(f"pod {name}: {waiting.get('reason')}: {waiting.get('message', '')}")
            ended = entry.get("state", {}).get("terminated")
            if ended and ended.get("exitCode"):
                troubles.append(
                    f"pod {name}: ended with {ended['exitCode']}: {ended.get('message', '').strip()}"
                )
        for entry in status.get("conditions", []):
            if entry["type"] == "PodScheduled" and entry["status"] != "True":
                troubles.append(f"pod {name}: {entry.get('reason')}: {entry.get('message', '')}")
    return troubles[:5]


def _held(found: Object) -> str:
    finalizers = found["metadata"].get("finalizers") or found.get("spec", {}).get("finalizers")
    return f" (held by {', '.join(finalizers)})" if finalizers else ""
