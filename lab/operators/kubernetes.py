"""Talks to a Kubernetes API server over HTTPS: the few calls that the lab's operators need, watches included."""

import base64
import json
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml

# What an API server sends has no type of this program's: each reconciler reads it into one of its own.
Document = dict[str, Any]

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
WATCH_SECONDS = 240
# The server ends a watch by itself after WATCH_SECONDS; a connection silent for longer than this is dead.
WATCH_SILENCE_SECONDS = WATCH_SECONDS + 30.0
CONFLICT = 409
GONE = 410
NOT_FOUND = 404


@dataclass(frozen=True)
class Kind:
    """A namespaced kind as the API serves it: `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    name: str

    @property
    def api_version(self) -> str:
        """Return what an object's `apiVersion` says."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str = "") -> str:
        """Return the URL path of one object, of a namespace's objects, or of all (`namespace` None)."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = f"{root}/namespaces/{namespace}" if namespace else root
        return f"{within}/{self.plural}/{name}" if name else f"{within}/{self.plural}"


CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap")
EVENT = Kind("", "v1", "events", "Event")
POD = Kind("", "v1", "pods", "Pod")
SECRET = Kind("", "v1", "secrets", "Secret")
SERVICE = Kind("", "v1", "services", "Service")
STATEFUL_SET = Kind("apps", "v1", "statefulsets", "StatefulSet")
REPLICA_SET = Kind("apps", "v1", "replicasets", "ReplicaSet")
DISRUPTION_BUDGET = Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")


class KubernetesError(Exception):
    """The API server refused a request: its HTTP status, its reason and its own message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{reason or status}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class KubernetesUnreachable(Exception):
    """The API server did not answer."""


@dataclass(frozen=True)
class Listing:
    """The objects of a kind at one moment, and the version from which a watch continues."""

    items: tuple[Document, ...]
    version: str


@dataclass(frozen=True)
class Change:
    """One event of a watch: `action` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    action: str
    document: Document


class KubernetesClient:
    """A connection to one API server with one identity."""

    def __init__(self, address: str, context: ssl.SSLContext, token: str | None = None) -> None:
        self.address = address.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pool = urllib3.PoolManager(
            num_pools=2, maxsize=16, ssl_context=context, retries=False, headers=self._headers
        )

    def list(self, kind: Kind, namespace: str | None, selector: str = "") -> Listing:
        """Return every object of the kind (of one namespace when given) that the label selector matches."""
        fields = {"labelSelector": selector} if selector else {}
        answer = self._call("GET", kind.path(namespace), fields=fields)
        items = tuple({"apiVersion": kind.api_version, "kind": kind.name} | item for item in answer["items"])
        return Listing(items, answer["metadata"]["resourceVersion"])

    def watch(self, kind: Kind, namespace: str | None, version: str, selector: str = "") -> Iterator[Change]:
        """Yield changes after `version` until the server ends the watch; raise when the version is gone."""
        fields = {
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        if selector:
            fields["labelSelector"] = selector
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=WATCH_SILENCE_SECONDS)
        response = self._send("GET", kind.path(namespace), fields=fields, timeout=timeout, streamed=True)
        try:
            yield from (_change(line) for line in _lines(response))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise KubernetesUnreachable(str(error)) from error
        finally:
            response.close()

    def get(self, kind: Kind, namespace: str, name: str) -> Document | None:
        """Return one object, or None when there is none of that name."""
        try:
            return self._call("GET", kind.path(namespace, name))
        except KubernetesError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def apply(self, kind: Kind, document: Document, manager: str, subresource: str = "") -> Document:
        """Server-side apply one object (or its `status`) as the field manager named; conflicts are forced."""
        metadata = document["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"]) + (f"/{subresource}" if subresource else "")
        body = {"apiVersion": kind.api_version, "kind": kind.name} | document
        return self._call(
            "PATCH",
            path,
            fields={"fieldManager": manager, "force": "true"},
            body=body,
            content="application/apply-patch+yaml",
        )

    def merge(
        self, kind: Kind, namespace: str, name: str, patch: Document, subresource: str = ""
    ) -> Document:
        """Change one object (or its `status`) by a JSON merge patch."""
        path = kind.path(namespace, name) + (f"/{subresource}" if subresource else "")
        return self._call("PATCH", path, body=patch, content="application/merge-patch+json")

    def token(self, namespace: str, account: str, request: Document) -> str:
        """Return a token of a service account, for which the `spec` of a TokenRequest asks."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": request}
        return str(self._call("POST", path, body=body)["status"]["token"])

    def delete(self, kind: Kind, namespace: str, name: str, propagation: str = "Background") -> None:
        """Delete one object; one that is gone already is no error."""
        try:
            self._call("DELETE", kind.path(namespace, name), body={"propagationPolicy": propagation})
        except KubernetesError as error:
            if error.status != NOT_FOUND:
                raise

    def _call(
        self,
        method: str,
        path: str,
        *,
        fields: Mapping[str, str] | None = None,
        body: Document | None = None,
        content: str = "application/json",
    ) -> Document:
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        response = self._send(method, path, fields=fields, body=body, content=content, timeout=timeout)
        answer: Document = json.loads(response.data)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        *,
        timeout: urllib3.Timeout,
        fields: Mapping[str, str] | None = None,
        body: Document | None = None,
        content: str = "application/json",
        streamed: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        query = urlencode(fields) if fields else ""
        try:
            response = self._pool.request(
                method,
                f"{self.address}{path}" + (f"?{query}" if query else ""),
                body=json.dumps(body).encode() if body is not None else None,
                headers=self._headers | {"Content-Type": content, "Accept": "application/json"},
                timeout=timeout,
                preload_content=not streamed,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise KubernetesUnreachable(str(error)) from error
        if response.status >= 400:
            raise _refusal(response)
        return response


def connect(kubeconfig: Path, context: str) -> KubernetesClient:
    """Return a client for a context of a kubeconfig file: CA, client certificate or token, inline or by path."""
    document: Document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    chosen = _named(document["contexts"], context)["context"]
    cluster = _named(document["clusters"], chosen["cluster"])["cluster"]
    user = _named(document["users"], chosen["user"])["user"]
    folder = kubeconfig.parent
    tls = ssl.create_default_context(cadata=_material(cluster, "certificate-authority", folder))
    if "client-certificate" in user or "client-certificate-data" in user:
        _load_identity(tls, user, folder)
    return KubernetesClient(cluster["server"], tls, _token(user, folder))


def _load_identity(tls: ssl.SSLContext, user: Document, folder: Path) -> None:
    """Load the client certificate; Python reads it from a file only, so an inline one passes through one of 0600."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as both:
        both.write(
            _material(user, "client-certificate", folder) + "\n" + _material(user, "client-key", folder)
        )
        both.flush()
        tls.load_cert_chain(both.name)


def _material(holder: Document, key: str, folder: Path) -> str:
    if f"{key}-data" in holder:
        return base64.b64decode(holder[f"{key}-data"]).decode()
    file: str = holder[key]
    return (folder / file).read_text(encoding="utf-8")


def _token(user: Document, folder: Path) -> str | None:
    if "tokenFile" in user:
        file: str = user["tokenFile"]
        return (folder / file).read_text(encoding="utf-8").strip()
    token: str | None = user.get("token")
    return token


def _named(entries: list[Document], name: str) -> Document:
    return next(entry for entry in entries if entry["name"] == name)


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    pending = b""
    for piece in response.stream(amt=None):
        pending += piece
        *whole, pending = pending.split(b"\n")
        yield from (line for line in whole if line)


def _change(line: bytes) -> Change:
    event = json.loads(line)
    if event["type"] == "ERROR":
        status = event["object"]
        raise KubernetesError(status.get("code", 0), status.get("reason", ""), status.get("message", ""))
    return Change(event["type"], event["object"])


def _refusal(response: urllib3.BaseHTTPResponse) -> KubernetesError:
    try:
        status = json.loads(response.data)
    except ValueError:
        return KubernetesError(response.status, "", "the server's answer was no Kubernetes status")
    return KubernetesError(response.status, status.get("reason", ""), status.get("message", ""))
