"""Talks to Vault over HTTPS and turns its refusals into errors that name the request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from lab.plugins.errors import PluginError, ServerAwayError, ServerRefusedError

_CONNECTING = 5.0
_ANSWERING = 60.0
"""Seconds; Vault makes RSA keys of 4096 bits within the request."""
_FOUND_NOTHING = 404
_SEALED = 503
_FIRST_ERROR = 400


@dataclass(eq=False)
class SealedError(PluginError):
    """Vault answers, but is sealed or not initialised."""

    address: str

    def sentence(self) -> str:
        """The words for people."""
        return f"Vault at {self.address} is sealed: unseal it, then try again (in the lab: `sitectl lab up`)"


@dataclass(frozen=True)
class Settings:
    """Where Vault is and how to trust and address it; `authority` is the path of a PEM file."""

    address: str
    token: str = field(repr=False)
    authority: str | None = None
    verify: bool = True


class Client:
    """Vault's HTTP interface below /v1; safe for many threads."""

    def __init__(self, settings: Settings) -> None:
        self.address = settings.address.rstrip("/")
        self._token = settings.token
        self._pool = urllib3.PoolManager(
            maxsize=16,
            ca_certs=settings.authority,
            cert_reqs="CERT_REQUIRED" if settings.verify else "CERT_NONE",
            timeout=urllib3.Timeout(connect=_CONNECTING, read=_ANSWERING),
            retries=False,
        )

    def use_token(self, token: str) -> None:
        """Go on with another token."""
        self._token = token

    def read(self, path: str) -> dict[str, Any] | None:
        """The data at a path, None when there is none."""
        answer = self._request("GET", path, None)
        return None if answer is None else answer.get("data") or {}

    def write(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Write, leaving out what is None; the answer's data."""
        sent = {key: value for key, value in body.items() if value is not None}
        answer = self._request("POST", path, sent) or {}
        return answer.get("data") or {}

    def authenticate(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a token: the answer's `auth`."""
        return (self._request("POST", path, body) or {}).get("auth") or {}

    def delete(self, path: str) -> None:
        """Delete; what is not there is no error."""
        self._request("DELETE", path, None)

    def require_unsealed(self) -> None:
        """Raise ServerAwayError or SealedError unless Vault can work."""
        health = self._send("GET", "sys/health?standbyok=true&perfstandbyok=true", None)
        if health.status == _SEALED or health.status == 501:
            raise SealedError(self.address)

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any] | None:
        response = self._send(method, quote(path, safe="/"), body)
        answer = _json(response.data)
        if response.status == _FOUND_NOTHING and method != "POST":
            return None
        if response.status >= _FIRST_ERROR:
            self._refuse(method, path, response.status, answer)
        return answer

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> urllib3.BaseHTTPResponse:
        headers = {"X-Vault-Request": "true", "X-Vault-Token": self._token}
        content = None if body is None else json.dumps(body).encode()
        try:
            return self._pool.request(method, f"{self.address}/v1/{path}", headers=headers, body=content)
        except HTTPError as error:
            raise ServerAwayError("Vault", self.address, _reason(error)) from error

    def _refuse(self, method: str, path: str, status: int, answer: Mapping[str, Any]) -> None:
        messages = [_one_line(str(message)) for message in answer.get("errors") or ()]
        if status == _SEALED and any("sealed" in message for message in messages):
            raise SealedError(self.address)
        doing = f"Vault refused {method} {self.address}/v1/{path} (code {status})"
        raise ServerRefusedError(doing, status, "; ".join(messages) or "it gave no reason")


def _json(data: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(data) if data else {}
    except ValueError:
        return {"errors": ["the answer is not Vault's"]}
    return answer if isinstance(answer, dict) else {}


def _one_line(message: str) -> str:
    """Vault lists several errors of a request as lines that begin with a star."""
    listed = re.findall(r"^\s*\* (.+)$", message, re.MULTILINE)
    return "; ".join(listed) if listed else " ".join(message.split())


def _reason(error: HTTPError) -> str:
    cause: BaseException = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    if isinstance(cause, SSLError):
        return f"its certificate is not trusted (VAULT_CACERT names the authority's file): {cause}"
    return str(cause).rpartition(": ")[2]
