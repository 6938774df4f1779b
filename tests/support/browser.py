"""A person at a browser before Keycloak: follows its pages, enrols a second factor, and shows codes of it."""

import base64
import hashlib
import hmac
import html
import re
import secrets
import struct
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import urllib3

_PERIOD = 30
_PAGES = 12


@dataclass
class Person:
    """Who signs in: name, password, and the second factor's key once it is enrolled."""

    name: str
    password: str = field(repr=False)
    factor: bytes | None = field(default=None, repr=False)
    _last: int = 0

    def code(self) -> str:
        """Return a one-time code that was not shown yet; Keycloak takes the next period's too."""
        if self.factor is None:
            raise AssertionError(f"{self.name} has no second factor")
        now = int(time.time()) // _PERIOD
        counter = max(now, self._last + 1)
        if counter > now + 1:
            time.sleep((counter - 1) * _PERIOD - time.time())
        self._last = counter
        return one_time_code(self.factor, counter)


def one_time_code(key: bytes, counter: int) -> str:
    """Return the six digits of RFC 6238 (SHA-1) for a counter of 30 seconds."""
    digest = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


@dataclass(frozen=True)
class Page:
    """What came back: status, address, text, and where it leads."""

    status: int
    address: str
    text: str
    location: str | None

    @property
    def words(self) -> str:
        """The page's text without its marks."""
        body = re.sub(r"(?s)<(script|style).*?</\1>", " ", self.text)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


class StoppedError(AssertionError):
    """A page that the person cannot pass. Attribute: page."""

    def __init__(self, page: Page, seen: list[str]) -> None:
        super().__init__(f"stopped at {page.address} ({page.status}) after {seen}: {page.words[:400]}")
        self.page, self.seen = page, seen


class Browser:
    """One browser with its cookies; a host of `at` is reached elsewhere (`host:port` → `127.0.0.1:port`)."""

    def __init__(self, authority: str | None, at: dict[str, str] | None = None) -> None:
        self.authority, self.at = authority, at or {}
        self.cookies: dict[str, dict[str, str]] = {}
        self._pools: dict[str, urllib3.HTTPConnectionPool] = {}

    def ask(self, method: str, address: str, form: dict[str, str] | None = None) -> Page:
        """Send one request and keep its cookies; redirects are not followed."""
        parts = urlsplit(address)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        jar = self.cookies.setdefault(parts.netloc, {})
        headers = {"Host": parts.netloc}
        if jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form).encode()
        answer = self._pool(parts.scheme, parts.netloc).request(
            method, path, body=body, headers=headers, redirect=False
        )
        for cookie in answer.headers.getlist("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if value and not re.search(r"(?i)max-age=0\b", cookie):
                jar[name] = value
            else:
                jar.pop(name, None)
        found = answer.headers.get("Location")
        location = urljoin(address, found) if found else None
        return Page(answer.status, address, answer.data.decode("utf-8", "replace"), location)

    def sign_in(self, address: str, person: Person, until: str) -> tuple[Page, list[str]]:
        """Go to `address` and do what Keycloak asks, until a redirect begins with `until`.

        Returns that page (not followed) and what was asked on the way: password, enrol, code.
        Raises StoppedError at a page that asks for something else.
        """
        seen: list[str] = []
        page = self.ask("GET", address)
        for _ in range(_PAGES):
            if page.location is not None:
                if page.location.startswith(until):
                    return page, seen
                page = self.ask("GET", page.location)
                continue
            answer = self._answer(page, person, seen)
            action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
            if answer is None or action is None or page.status != 200:
                raise StoppedError(page, seen)
            page = self.ask("POST", urljoin(page.address, html.unescape(action[1])), answer)
        raise StoppedError(page, seen)

    def _answer(self, page: Page, person: Person, seen: list[str]) -> dict[str, str] | None:
        if 'name="totpSecret"' in page.text and "enrol" not in seen:
            found = re.search(r'name="totpSecret"\s+value="([^"]+)"', page.text)
            if found is None:
                return None
            seen.append("enrol")
            person.factor = html.unescape(found[1]).encode()
            return {"totpSecret": html.unescape(found[1]), "totp": person.code(), "userLabel": "telephone"}
        if re.search(r'name="otp"', page.text) and "code" not in seen:
            seen.append("code")
            return {"otp": person.code()}
        if 'name="password"' in page.text and "password" not in seen:
            seen.append("password")
            return {"username": person.name, "password": person.password}
        return None

    def _pool(self, scheme: str, netloc: str) -> urllib3.HTTPConnectionPool:
        if netloc not in self._pools:
            host, _, port = self.at.get(netloc, netloc).partition(":")
            name = netloc.partition(":")[0]
            number = int(port) if port else (443 if scheme == "https" else 80)
            self._pools[netloc] = (
                urllib3.HTTPSConnectionPool(
                    host,
                    number,
                    ca_certs=self.authority,
                    cert_reqs="CERT_REQUIRED",
                    assert_hostname=name,
                    server_hostname=name,
                    retries=False,
                    timeout=30,
                )
                if scheme == "https"
                else urllib3.HTTPConnectionPool(host, number, retries=False, timeout=30)
            )
        return self._pools[netloc]


@dataclass(frozen=True)
class Login:
    """One authorization request by code with PKCE: its address, and what the token endpoint is shown."""

    endpoint: str
    client_id: str
    redirect: str
    scope: str = "openid"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def address(self) -> str:
        """Where the browser begins."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "client_id": self.client_id,
            "response_type": "code",
            "scope": self.scope,
            "redirect_uri": self.redirect,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self.endpoint}/auth?{urlencode(query)}"

    def form(self, back: str, secret: str | None = None) -> dict[str, str]:
        """Return what the token endpoint is sent for the redirect `back`, which holds the code."""
        query = parse_qs(urlsplit(back).query)
        assert "code" in query, back
        sent = {
            "grant_type": "authorization_code",
            "code": query["code"][0],
            "redirect_uri": self.redirect,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
        }
        return sent | ({"client_secret": secret} if secret else {})
