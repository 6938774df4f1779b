"""A small Kubernetes client: discovery, reading, writing and watching by plain HTTP, with the server's own errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from lab.plugins.errors import PluginError, ServerAwayError, ServerRefusedError
from lab.plugins.kubernetes.kinds import ObjectKind
from lab.plugins.values import Object

if TYPE_CHECKING:
    from lab.plugins.kubernetes.kubeconfig import Access

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
POOL = 32
WATCH_SECONDS = 1
"""How long one watch lasts before it is renewed: the longest time in which a cancellation goes unnoticed."""


@dataclass(eq=False)
class RefusedError(ServerRefusedError):
    """The API server's refusal; `reason` is its machine-readable one (NotFound, AlreadyExists, Invalid …)."""

    reason: str = ""
    kind: str = ""
    """The kind of the object that the refusal is about, as the server names its resource."""

    def sentence(self) -> str:
        """The words for people."""
        told = super().sentence()
        if self.reason != "Conflict" or "conflict with" not in self.message:
            return told
        return (
            f"{told}; somebody else owns these fields: leave them to their owner (ignore_changes), or take them "
            'by the annotation pulumi.com/patchForce: "true"'
        )


@dataclass(eq=False)
class NotServedError(PluginError):
    """The API server does not know the kind (yet)."""

    kind: ObjectKind
    server: str

    def sentence(self) -> str:
        """The words for people."""
        return (
            f"the API server at {self.server} does not serve {self.kind}; the operator that brings this kind is "
            "a precondition (`sitectl preflight` tells which)"
        )


@dataclass(frozen=True)
class Endpoint:
    """Where a kind's objects are: the plural in URLs, and whether they live in namespaces."""

    kind: ObjectKind
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The URL path of one object, or of the collection."""
        place = f"/namespaces/{quote(namespace)}" if self.namespaced and namespace else ""
        return f"{self.kind.path}{place}/{self.plural}" + (f"/{quote(name)}" if name else "")


class Client:
    """One API server; safe for many threads. Connects when first used."""

    def __init__(self, access: Access) -> None:
        import urllib3

        self.access = access
        self._pool = urllib3.PoolManager(
            num_pools=2,
            maxsize=POOL,
            ssl_context=access.tls,
            headers=dict(access.headers),
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        )
        self._served: dict[str, dict[str, Endpoint]] = {}
        self._lock = threading.Lock()

    def endpoint(self, kind: ObjectKind) -> Endpoint:
        """Where the server has objects of `kind`; raises NotServedError."""
        with self._lock:
            known = self._served.get(kind.path, {}).get(kind.kind)
        if known is not None:
            return known
        try:
            listing = self.request("GET", kind.path, doing=f"asking for the kinds of {kind.api_version}")
        except RefusedError as error:
            if error.status == 404:
                raise NotServedError(kind, self.access.server) from error
            raise
        found = {
            entry["kind"]: Endpoint(
                ObjectKind(kind.api_version, entry["kind"]), entry["name"], entry["namespaced"]
            )
            for entry in listing.get("resources", [])
            if "/" not in entry["name"]
        }
        with self._lock:
            self._served[kind.path] = found
        if kind.kind not in found:
            raise NotServedError(kind, self.access.server)
        return found[kind.kind]

    def get(self, endpoint: Endpoint, namespace: str | None, name: str) -> Object | None:
        """One object; None when there is none."""
        try:
            return self.request(
                "GET", endpoint.path(namespace, name), doing=f"reading {endpoint.kind} {name}"
            )
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    def list(self, endpoint: Endpoint, namespace: str | None, labels: str = "") -> list[Object]:
        """The objects of a namespace that carry the labels."""
        query = {"labelSelector": labels} if labels else {}
        listing = self.request("GET", endpoint.path(namespace), query, doing=f"listing {endpoint.kind}")
        items: list[Object] = listing.get("items") or []
        return items

    def watch(
        self, endpoint: Endpoint, namespace: str | None, selector: Mapping[str, str], version: str
    ) -> Iterator[tuple[str, Object]]:
        """Events since `version`, for about a second: pairs of event type and object.

        `selector` is a `fieldSelector` or `labelSelector`. Ends early, without an event, when the version is too old.
        """
        query = {
            **selector,
            "watch": "1",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        response = self._send("GET", endpoint.path(namespace), query, None, {}, stream=True)
        try:
            if response.status != 200:
                return
            for line in _lines(response):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                yield event["type"], event["object"]
        finally:
            # What was not read would be taken for the next answer on this connection; the pool opens another.
            response.close()

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        *,
        doing: str,
        warn: Any = None,
    ) -> Object:
        """Send and give the answer; raises RefusedError or ServerAwayError. `warn` takes the server's warnings."""
        headers = {"Content-Type": content_type} if body is not None else {}
        response = self._send(method, path, query or {}, body, headers)
        if warn is not None:
            for text in response.headers.getlist("Warning"):
                warn(text.partition(" ")[2].partition(" ")[2].strip('"') or text)
        try:
            answer = json.loads(response.data)
        except ValueError:
            answer = {}
        if response.status >= 400:
            details = answer.get("details") or {}
            raise RefusedError(
                doing,
                response.status,
                answer.get("message") or f"HTTP status {response.status}",
                answer.get("reason", ""),
                details.get("kind", ""),
            )
        result: Object = answer
        return result

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: object,
        headers: Mapping[str, str],
        *,
        stream: bool = False,
    ) -> Any:
        import urllib3

        url = self.access.server + path + (f"?{urlencode(query)}" if query else "")
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        try:
            return self._pool.request(
                method,
                url,
                body=content,
                headers={**self.access.headers, "Accept": "application/json", **headers},
                preload_content=not stream,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ServerAwayError("the Kubernetes API server", self.access.server, _why(error)) from error


def _lines(response: Any) -> Iterator[bytes]:
    rest = b""
    while chunk := response.read1(65536):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line)


def _why(error: Exception) -> str:
    """The innermost cause in one line, without the address (it is said before)."""
    cause: BaseException = error
    while (inner := getattr(cause, "reason", None) or cause.__cause__) is not None and isinstance(
        inner, BaseException
    ):
        cause = inner
    text = str(cause)
    return text.rpartition(": ")[2] if "object at 0x" in text else text or type(cause).__name__
