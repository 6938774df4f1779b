"""The lab's OPA as its policy loader sees it: policies and data by its REST API, over TLS and with a token."""

import json
import ssl
from typing import Any

import urllib3

from lab.operators.loop import Retry
from lab.operators.settings import OpaEndpoint

REQUEST_SECONDS = 10.0


class OpaRefused(Exception):
    """OPA refused a request: its HTTP status and its own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class OpaClient:
    """A connection to one OPA."""

    def __init__(self, endpoint: OpaEndpoint) -> None:
        context = ssl.create_default_context(cafile=str(endpoint.ca_file))
        token = endpoint.token_file.read_text(encoding="utf-8").strip()
        self._address = endpoint.url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._pool = urllib3.PoolManager(ssl_context=context, retries=False, timeout=REQUEST_SECONDS)

    def read(self, path: str) -> Any:
        """Return the `result` of a path below `/v1/`; None when there is nothing there."""
        response = self._request("GET", path, None, "application/json")
        return json.loads(response.data).get("result") if response.status < 300 else None

    def put_policy(self, name: str, rego: str) -> None:
        """Load one policy; OPA refuses it when it, or the whole with it, does not compile."""
        self._change("PUT", f"policies/{name}", rego.encode(), "text/plain")

    def delete_policy(self, name: str) -> None:
        """Unload one policy; OPA refuses when another needs it."""
        self._change("DELETE", f"policies/{name}", None, "text/plain")

    def put_data(self, path: str, document: Any) -> None:
        """Put a document at a path below `/v1/data/`."""
        self._change("PUT", f"data/{path}", json.dumps(document).encode(), "application/json")

    def delete_data(self, path: str) -> None:
        """Remove the document at a path below `/v1/data/`."""
        self._change("DELETE", f"data/{path}", None, "application/json")

    def _change(self, method: str, path: str, body: bytes | None, content: str) -> None:
        response = self._request(method, path, body, content)
        if response.status >= 400 and not (method == "DELETE" and response.status == 404):
            raise OpaRefused(response.status, _words(response.data))

    def _request(self, method: str, path: str, body: bytes | None, content: str) -> urllib3.BaseHTTPResponse:
        headers = self._headers | {"Content-Type": content}
        try:
            response = self._pool.request(method, f"{self._address}/v1/{path}", body=body, headers=headers)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Retry(f"OPA does not answer: {type(error).__name__}") from error
        if response.status >= 500 or response.status in (401, 403):
            raise Retry(f"OPA answers {response.status}")
        return response


def _words(answer: bytes) -> str:
    """Return OPA's own sentence and its errors, with their lines, as one text."""
    try:
        document = json.loads(answer)
    except ValueError:
        return "OPA's answer was no JSON"
    errors = [
        f"{error.get('location', {}).get('file', '')}:{error.get('location', {}).get('row', '')}: {error['message']}"
        for error in document.get("errors") or []
    ]
    return "; ".join([str(document.get("message", "")), *errors])
