"""How the EMQX operator brings a changed configuration to the running broker, as the lab's stand-in does it.

As operators 2.2 (`v2beta1`) and 2.3 (`v2`) have it in their sources: what the broker took last stands in an annotation
of the resource. Another configuration is sent once the core nodes are ready, without the roots that are read at a
node's start alone. A broker that refuses it is asked again and again: an event says so, and no condition changes.
What the broker keeps is in a ConfigMap, since no broker runs here.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from lab import hocon
from lab.operators.emqx_objects import API_VERSION, LAST_CONFIGURATION, configuration_of, owned
from lab.operators.emqx_store import BAD_REQUEST, RefusedError, Roots, replaced, runtime
from lab.operators.kubernetes import CONFIG_MAP, EVENT, Document, Kind, KubernetesClient
from lab.operators.loop import Retry

REASON = "ReconcilerFailed"
COMPONENT = "emqx-controller"
_FILE = "configuration.json"


@dataclass(frozen=True)
class Synchronization:
    """Keeps the configuration of simulated brokers in line with their resources of one kind."""

    kubernetes: KubernetesClient
    kind: Kind
    manager: str

    def run(self, document: Document, *, core_ready: bool) -> None:
        """Send a changed configuration; raises Retry, after an event, when the broker refuses it."""
        wanted = configuration_of(document)
        last = (document["metadata"].get("annotations") or {}).get(LAST_CONFIGURATION)
        if last is None:
            # The first nodes read it at their start.
            self._keep(document, hocon.read(wanted))
            self._took(document, wanted)
        elif last != wanted and core_ready:
            self._send(document, wanted)

    def _send(self, document: Document, wanted: str) -> None:
        given = runtime(hocon.read(wanted), version_of(document))
        try:
            kept = replaced(self.kept(document), given)
        except RefusedError as refusal:
            self._keep(document, refusal.kept)
            words = _words(document, refusal)
            self._tell(document, words)
            raise Retry(words) from refusal
        self._keep(document, kept)
        self._took(document, wanted)

    def kept(self, document: Document) -> Roots:
        """Return what the broker keeps."""
        metadata = document["metadata"]
        found = self.kubernetes.get(CONFIG_MAP, metadata["namespace"], store_name(metadata["name"]))
        roots: Roots = json.loads(found["data"][_FILE]) if found else {}
        return roots

    def _keep(self, document: Document, roots: Roots) -> None:
        name = store_name(document["metadata"]["name"])
        text = json.dumps(roots, indent=1, default=str)
        self.kubernetes.apply(CONFIG_MAP, owned(document, name, data={_FILE: text}), self.manager)

    def _took(self, document: Document, configuration: str) -> None:
        metadata = document["metadata"]
        patch = {"metadata": {"annotations": {LAST_CONFIGURATION: configuration}}}
        self.kubernetes.merge(self.kind, metadata["namespace"], metadata["name"], patch)

    def _tell(self, document: Document, message: str) -> None:
        """Write an event, or count the one that says the same, as Kubernetes' recorder does."""
        metadata, now = document["metadata"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        name = f"{metadata['name']}.{hashlib.sha256(message.encode()).hexdigest()[:16]}"
        before = self.kubernetes.get(EVENT, metadata["namespace"], name) or {}
        event = {
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": f"{self.kind.group}/{version_of(document)}",
                "kind": self.kind.name,
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "type": "Warning",
            "reason": REASON,
            "message": message,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": COMPONENT,
            "firstTimestamp": before.get("firstTimestamp", now),
            "lastTimestamp": now,
            "count": before.get("count", 0) + 1,
        }
        self.kubernetes.apply(EVENT, event, self.manager)


def store_name(name: str) -> str:
    """Return the name of the ConfigMap in which a broker of the lab keeps its configuration."""
    return f"{name}-effective"


def version_of(document: Document) -> str:
    """Return the API version in which the resource was last written, which says the generation of its operator."""
    entries = document["metadata"].get("managedFields") or []
    spec = [entry for entry in entries if "f:spec" in (entry.get("fieldsV1") or {})]
    newest = max(spec, key=lambda entry: str(entry.get("time", ""))) if spec else {}
    return str(newest.get("apiVersion", API_VERSION)).rpartition("/")[2]


def _words(document: Document, refusal: RefusedError) -> str:
    body = json.dumps({"code": "UPDATE_FAILED", "message": str(refusal)})
    host = f"{document['metadata']['name']}-dashboard.{document['metadata']['namespace']}.svc"
    put = (
        f"failed to put API https://{host}/api/v5/configs?mode=replace&ignore_readonly=true, "
        f"status : {BAD_REQUEST}, body: {body}"
    )
    if version_of(document) == "v2":
        return f"reconcile failed at step syncConfig, reason: failed to update emqx config through API: {put}"
    return put
