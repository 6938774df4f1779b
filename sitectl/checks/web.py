"""HTTP for the checks: one pooled client per server, with the site's CA and a short patience."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from sitectl.checks import Unreachable

PATIENCE = urllib3.Timeout(connect=3.0, read=10.0)


@dataclass(frozen=True)
class Answer:
    """What a server answered: the HTTP status and the JSON body (None when it is not JSON)."""

    status: int
    body: Any


class Web:
    """A client of one server.

    `address` is its base URL, `authorities` the PEM text of the CAs to trust (None: the machine's).
    """

    def __init__(
        self, address: str, authorities: str | None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.address = address.rstrip("/")
        self.authorities = authorities
        self._headers = dict(headers or {})
        self._pool = urllib3.PoolManager(
            ca_cert_data=authorities,
            cert_reqs="CERT_REQUIRED",
            timeout=PATIENCE,
            retries=urllib3.Retry(connect=1, read=0, redirect=0, status=0, raise_on_redirect=False),
        )

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for `path`; raises `Unreachable` when the server does not answer."""
        return self._ask("GET", path, None, {**self._headers, **(headers or {})})

    def ask(self, method: str, path: str) -> Answer:
        """Send a request without a body; raises `Unreachable` when the server does not answer."""
        return self._ask(method, path, None, self._headers)

    def post_json(self, path: str, body: object) -> Answer:
        """Post a JSON body; raises `Unreachable` when the server does not answer."""
        encoded = json.dumps(body).encode()
        return self._ask("POST", path, encoded, {**self._headers, "Content-Type": "application/json"})

    def post_form(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Post form fields in the body (never in the address); raises `Unreachable`."""
        try:
            response = self._pool.request_encode_body(
                "POST",
                self.address + path,
                fields=dict(fields),
                encode_multipart=False,
                headers=self._headers,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(self.address, plain_reason(error)) from error
        return Answer(response.status, _decoded(response.data))

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        try:
            response = self._pool.request(method, self.address + path, body=body, headers=dict(headers))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(self.address, plain_reason(error)) from error
        return Answer(response.status, _decoded(response.data))


def plain_reason(error: Exception) -> str:
    """Say in a few words why a connection failed."""
    root: BaseException = getattr(error, "reason", None) or error
    text = str(root)
    if "refused" in text:
        return "connection refused"
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        return "its certificate is not signed by the CA that was given"
    if "timed out" in text:
        return "no answer in time"
    if "Name or service not known" in text or "getaddrinfo" in text or "resolve" in text:
        return "the name does not resolve"
    return text.rsplit(": ", maxsplit=1)[-1]


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
