"""Installs in the lab's Kubernetes what the core platform would have: API definitions, namespaces, nodes, storage."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.servers.base import Lab
from lab.servers.http import OK, Client, RefusedError
from lab.servers.kubernetes import MANIFESTS, administrator
from lab.waiting import wait_until

FIELD_MANAGER = "iot-broker-lab"
OWN_DEFINITIONS = Path(__file__).parents[1] / "crds"
# Remembers what was installed, so that a warm start applies nothing.
MARKER = "/api/v1/namespaces/kube-system/configmaps/iot-broker-lab"
APPLY_SECONDS = 120.0
ESTABLISHED_SECONDS = 240.0
NOT_FOUND = 404

COLLECTIONS = {
    "Namespace": "/api/v1/namespaces",
    "Node": "/api/v1/nodes",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "StorageClass": "/apis/storage.k8s.io/v1/storageclasses",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "Kafka": "/apis/kafka.strimzi.io/v1/namespaces/{namespace}/kafkas",
}


@dataclass(frozen=True)
class Manifest:
    """One YAML document as text: parsing the large definitions in Python would take longer than applying them."""

    kind: str
    name: str
    namespace: str
    text: str

    @property
    def path(self) -> str:
        """Return the object's URL path."""
        return f"{COLLECTIONS[self.kind].format(namespace=self.namespace)}/{self.name}"


def is_complete(lab: Lab) -> bool:
    """Say whether an `install` came to its end in this cluster."""
    return administrator(lab).answers(MARKER)


def install(lab: Lab) -> None:
    """Apply everything, unless exactly this was applied before."""
    client = administrator(lab)
    files = _files(lab.tools["crds"])
    digest = _digest(files)
    if _installed(client) == digest:
        return
    platform, definitions, kafka = (
        [manifest for file in group for manifest in manifests(file.read_text())] for group in files
    )
    with ThreadPoolExecutor(4) as pool:
        for manifest in platform:
            _apply(client, manifest)
        list(pool.map(lambda manifest: _apply(client, manifest), definitions))
        names = {manifest.name for manifest in definitions}
        wait_until(
            lambda: _established(client) >= names, ESTABLISHED_SECONDS, "the API definitions' acceptance"
        )
    for manifest in kafka:
        _apply(client, manifest)
        _mark_ready(client, manifest)
    marker = f'apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: iot-broker-lab}}\ndata: {{installed: "{digest}"}}'
    _apply(client, Manifest("ConfigMap", "iot-broker-lab", "kube-system", marker))


def manifests(text: str) -> Iterator[Manifest]:
    """Yield the documents of a YAML text; names are read from the lines where such files have them.

    Lists of documents only: comments between documents are kept, templating is not understood.
    """
    for document in re.split(r"^---.*$", text, flags=re.MULTILINE):
        kind = re.search(r"^kind: *(\S+)", document, flags=re.MULTILINE)
        if kind is None:
            continue
        metadata = re.search(r"^metadata:(.*\n(?: +.*\n?)*)", document, flags=re.MULTILINE)
        block = metadata.group(1) if metadata else ""
        yield Manifest(kind.group(1), _field("name", block), _field("namespace", block), document)


def _field(name: str, metadata: str) -> str:
    # Directly in the metadata: at its two spaces of indentation, or within its braces.
    found = re.search(rf"(?:^  |[{{,] *){name}: *\"?([^\s,}}\"]+)", metadata, flags=re.MULTILINE)
    return found.group(1) if found else ""


def _files(definitions: Path) -> tuple[list[Path], list[Path], list[Path]]:
    official = sorted(file for file in definitions.rglob("*") if file.suffix in (".yaml", ".yml"))
    own = sorted(OWN_DEFINITIONS.glob("*.yaml"))
    return [MANIFESTS / "platform.yaml"], [*official, *own], [MANIFESTS / "kafka.yaml"]


def _digest(groups: Iterable[Iterable[Path]]) -> str:
    total = hashlib.sha256()
    for group in groups:
        for file in group:
            total.update(file.read_bytes())
    return total.hexdigest()


def _installed(client: Client) -> str | None:
    answer = client.ask("GET", MARKER)
    if answer.status == NOT_FOUND:
        return None
    installed: str | None = answer.json().get("data", {}).get("installed")
    return installed


def _apply(client: Client, manifest: Manifest) -> None:
    path = f"{manifest.path}?fieldManager={FIELD_MANAGER}&force=true&fieldValidation=Strict"
    # Encoded, since the HTTP layer would send other characters than ASCII as Latin-1.
    answer = client.ask(
        "PATCH", path, manifest.text.encode(), "application/apply-patch+yaml", seconds=APPLY_SECONDS
    )
    if answer.status not in OK:
        raise RefusedError(
            f"{manifest.kind} {manifest.name}", answer.status, answer.json().get("message", "")
        )


def _established(client: Client) -> set[str]:
    # The metadata alone does not tell; one list of all is still cheaper than one request for each.
    items = client.must("GET", COLLECTIONS["CustomResourceDefinition"] + "?resourceVersion=0")["items"]
    return {
        item["metadata"]["name"]
        for item in items
        for condition in item.get("status", {}).get("conditions") or []
        if condition["type"] == "Established" and condition["status"] == "True"
    }


def _mark_ready(client: Client, manifest: Manifest) -> None:
    client.must(
        "PATCH",
        f"{manifest.path}/status?fieldManager={FIELD_MANAGER}",
        {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
        "application/merge-patch+json",
    )
