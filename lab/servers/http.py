"""Asks the lab's servers over HTTPS, trusting the lab's authority alone."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import urllib3

from lab.certificates import KeyPair

CONNECT_SECONDS = 2.0
READ_SECONDS = 15.0
OK = range(200, 300)


class UnreachableError(Exception):
    """Nobody answered at the address, or not with this authority's certificate."""


class RefusedError(Exception):
    """A server answered a request that must succeed with another status than 2xx: `status` and its own words."""

    def __init__(self, request: str, status: int, words: str) -> None:
        super().__init__(f"{request}: HTTP {status}: {words}")
        self.status = status


@dataclass(frozen=True)
class Answer:
    """A server's answer, whatever its status."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body or b"null")


class Client:
    """A server's HTTPS address with what a caller needs there: the authority, a client certificate, headers."""

    def __init__(
        self,
        address: str,
        authority: Path,
        identity: KeyPair | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._address = address
        self._headers = dict(headers or {})
        self._pool = _pool(authority, authority.stat().st_mtime_ns, identity)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        content: str = "application/json",
        headers: Mapping[str, str] | None = None,
        seconds: float = READ_SECONDS,
    ) -> Answer:
        """Return the server's answer; `body` is sent as JSON unless it is bytes or a string already."""
        data = body if isinstance(body, bytes | str | None) else json.dumps(body)
        try:
            response = self._pool.request(
                method,
                self._address + path,
                body=data,
                headers={**self._headers, **(headers or {}), "Content-Type": content},
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds),
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise UnreachableError(str(error)) from error
        return Answer(response.status, response.data)

    def must(self, method: str, path: str, body: object = None, content: str = "application/json") -> Any:
        """Return the JSON of an answer that must be 2xx; raise `RefusedError` otherwise."""
        answer = self.ask(method, path, body, content)
        if answer.status not in OK:
            raise RefusedError(f"{method} {path}", answer.status, answer.body.decode(errors="replace")[:500])
        return answer.json()

    def answers(self, path: str, statuses: frozenset[int] = frozenset({200})) -> bool:
        """Say whether the server answers the path with one of the statuses now."""
        try:
            return self.ask("GET", path, seconds=CONNECT_SECONDS).status in statuses
        except UnreachableError:
            return False


@lru_cache
def _pool(authority: Path, _written: int, identity: KeyPair | None) -> urllib3.PoolManager:
    context = ssl.create_default_context(cafile=str(authority))
    if identity:
        context.load_cert_chain(identity.certificate, identity.key)
    return urllib3.PoolManager(ssl_context=context, retries=False, maxsize=8)
