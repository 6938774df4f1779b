"""Stands in for External Secrets: an ExternalSecret becomes a Secret with the values that the lab's Vault has."""

import base64
import json
import ssl
from dataclasses import dataclass
from typing import Protocol

import urllib3

from lab.operators.conditions import Condition
from lab.operators.kubernetes import SECRET, Document, Kind, KubernetesClient
from lab.operators.loop import Key, Retry, Watch
from lab.operators.settings import VaultEndpoint
from lab.operators.strimzi import conclude

EXTERNAL_SECRET = Kind("external-secrets.io", "v1", "externalsecrets", "ExternalSecret")
MANAGER = "external-secrets"
REQUEST_SECONDS = 10.0


class Slots(Protocol):
    """Where the values are."""

    def read(self, path: str) -> dict[str, str] | None:
        """Return every key of a slot with its value; None where there is no such slot."""


class Vault:
    """The lab's Vault, asked with a token that may read the sites' slots and nothing else."""

    def __init__(self, endpoint: VaultEndpoint) -> None:
        context = ssl.create_default_context(cafile=str(endpoint.ca_file))
        self._endpoint = endpoint
        self._pool = urllib3.PoolManager(ssl_context=context, retries=False, timeout=REQUEST_SECONDS)

    def read(self, path: str) -> dict[str, str] | None:
        """Return the values of a slot `<engine>/<path>` of a key-value engine of version 2."""
        mount, _, slot = path.partition("/")
        token = self._endpoint.token_file.read_text(encoding="utf-8").strip()
        address = f"{self._endpoint.url.rstrip('/')}/v1/{mount}/data/{slot}"
        try:
            response = self._pool.request("GET", address, headers={"X-Vault-Token": token})
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Retry(f"Vault does not answer: {type(error).__name__}") from error
        if response.status == 404:
            return None
        if response.status >= 300:
            raise Retry(f"Vault answered {response.status}")
        values: dict[str, str] = json.loads(response.data)["data"]["data"]
        return values


@dataclass
class SecretReconciler:
    """Puts one ExternalSecret right at a time."""

    kubernetes: KubernetesClient
    slots: Slots
    watch: Watch

    def reconcile(self, key: Key) -> None:
        """Bring the Secret of the ExternalSecret of this key in line with Vault; it goes with its ExternalSecret."""
        document = self.watch.objects.get(key)
        if document is None or document["metadata"].get("deletionTimestamp"):
            return
        values, missing = self._values(document)
        if missing:
            message = f"could not get {', '.join(missing)}"
            conclude(
                self.kubernetes,
                EXTERNAL_SECRET,
                document,
                [Condition("Ready", "False", "SecretSyncedError", message)],
            )
            raise Retry(message)
        self.kubernetes.apply(SECRET, secret(document, values), MANAGER)
        conclude(
            self.kubernetes,
            EXTERNAL_SECRET,
            document,
            [Condition("Ready", "True", "SecretSynced", "secret synced")],
        )

    def _values(self, document: Document) -> tuple[dict[str, str], list[str]]:
        found: dict[str, dict[str, str]] = {}
        values, missing = {}, []
        for entry in document["spec"]["data"]:
            path, name = entry["remoteRef"]["key"], entry["remoteRef"]["property"]
            if path not in found:
                found[path] = self.slots.read(path) or {}
            if name in found[path]:
                values[entry["secretKey"]] = found[path][name]
            else:
                missing.append(f"{name} of {path}")
        return values, missing


def secret(document: Document, values: dict[str, str]) -> Document:
    """Return the Secret of an ExternalSecret, owned by it."""
    metadata = document["metadata"]
    return {
        "metadata": {
            "name": document["spec"]["target"]["name"],
            "namespace": metadata["namespace"],
            "labels": {"reconcile.external-secrets.io/managed": "true"},
            "ownerReferences": [
                {
                    "apiVersion": EXTERNAL_SECRET.api_version,
                    "kind": EXTERNAL_SECRET.name,
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }
