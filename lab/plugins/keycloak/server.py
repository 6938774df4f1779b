"""Speaks with one Keycloak's admin REST interface: sign-in, renewal of the token, and its errors as facts."""

import contextlib
import json
import os
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from lab.plugins.errors import PluginError, ServerAwayError, SettingsError

_RENEWABLE = (401, 403)
"""401: the token expired. 403: the token is older than the realm, and so lacks the realm's roles."""


class SignInRefusedError(PluginError):
    """Keycloak refused the credentials. Attributes: address, realm, status, reason (Keycloak's own words)."""

    def __init__(self, address: str, realm: str, status: int, reason: str) -> None:
        super().__init__(
            f'Keycloak at {address} refuses the sign-in to realm "{realm}" ({status}: {reason}); check '
            "KEYCLOAK_CLIENT_ID with KEYCLOAK_USER and KEYCLOAK_PASSWORD, or with KEYCLOAK_CLIENT_SECRET"
        )
        self.address, self.realm, self.status, self.reason = address, realm, status, reason


class RequestRefusedError(PluginError):
    """Keycloak refused a request. Attributes: method, path, status, body (Keycloak's own words)."""

    def __init__(self, method: str, path: str, status: int, reason: str, body: str) -> None:
        said = f" Response body: {body}" if body else ""
        super().__init__(f"error sending {method} request to {path}: {status} {reason}.{said}")
        self.method, self.path, self.status, self.body = method, path, status, body

    @property
    def absent(self) -> bool:
        """Whether Keycloak says that the thing does not exist."""
        return self.status == 404


class InvalidPlanError(PluginError):
    """What the official plugin refuses before it asks Keycloak; its text is that plugin's."""


class NotCoveredError(PluginError):
    """A property that the stand-in does not cover. Attribute: name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not covered by the lab's keycloak stand-in")
        self.name = name


@dataclass(frozen=True)
class Settings:
    """How to reach Keycloak and sign in; timeout in seconds; secrets stay out of the text form."""

    url: str
    realm: str
    client: str
    secret: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    authority: str | None = None
    timeout: float = 15.0
    base_path: str = ""
    verify: bool = True
    initial_login: bool = True

    @property
    def grant(self) -> Mapping[str, str]:
        """The form that asks for a token: by a person's password where given, else by the client's secret."""
        if self.user and self.password:
            form = {"grant_type": "password", "username": self.user, "password": self.password}
        else:
            form = {"grant_type": "client_credentials"}
        return form | {"client_id": self.client} | ({"client_secret": self.secret} if self.secret else {})


def settings_of(inputs: Mapping[str, object], environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the provider's inputs, completed from KEYCLOAK_…; raises SettingsError for what lacks."""

    def chosen(name: str, variable: str) -> str | None:
        return str(inputs[name]) if inputs.get(name) not in (None, "") else environment.get(variable) or None

    url, client = chosen("url", "KEYCLOAK_URL"), chosen("clientId", "KEYCLOAK_CLIENT_ID")
    secret = chosen("clientSecret", "KEYCLOAK_CLIENT_SECRET")
    user, password = chosen("username", "KEYCLOAK_USER"), chosen("password", "KEYCLOAK_PASSWORD")
    if url is None:
        raise _unset("the address of Keycloak is missing", "give the provider `url`, or set KEYCLOAK_URL")
    if client is None:
        raise _unset("the client is missing", "give the provider `clientId`, or set KEYCLOAK_CLIENT_ID")
    if not secret and not (user and password):
        raise _unset(
            "credentials are missing", "set KEYCLOAK_USER and KEYCLOAK_PASSWORD, or KEYCLOAK_CLIENT_SECRET"
        )
    return Settings(
        url=url.rstrip("/"),
        realm=chosen("realm", "KEYCLOAK_REALM") or "master",
        client=client,
        secret=secret,
        user=user,
        password=password,
        authority=str(inputs.get("rootCaCertificate") or "") or None,
        timeout=float(chosen("clientTimeout", "KEYCLOAK_CLIENT_TIMEOUT") or 15),
        base_path=chosen("basePath", "KEYCLOAK_BASE_PATH") or "",
        verify=str(inputs.get("tlsInsecureSkipVerify")).lower() != "true",
        initial_login=str(inputs.get("initialLogin")).lower() != "false",
    )


@dataclass(frozen=True)
class Answer:
    """What Keycloak answered: the decoded JSON body (None when empty) and the id that it gave a new thing."""

    body: Any
    made: str


class Server:
    """One signed-in Keycloak; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._address = settings.url + settings.base_path
        self._pool = urllib3.PoolManager(
            ssl_context=_trust(settings) if settings.url.startswith("https:") else None,
            timeout=urllib3.Timeout(connect=settings.timeout, read=settings.timeout),
            retries=urllib3.Retry(connect=1, read=0, redirect=0, status=0, other=0),
            maxsize=8,
        )
        self._lock = threading.Lock()
        self._token: str | None = None
        self._themes: Mapping[str, frozenset[str]] | None = None

    def sign_in(self, stale: str | None = None) -> str:
        """A token newer than `stale`; many threads whose token went stale at once sign in only once."""
        with self._lock:
            if self._token is None or self._token == stale:
                self._token = self._new_token()
            return self._token

    def renew(self) -> None:
        """Sign in afresh: a token does not carry the roles of a realm that was made after it."""
        self.sign_in(stale=self._token)

    def get(self, path: str, **query: str) -> Any:
        """The thing at a path below /admin; raises PluginError."""
        return self._ask("GET", path + ("?" + urlencode(query) if query else "")).body

    def post(self, path: str, body: object) -> str:
        """Make a thing; its id is the last part of the Location that Keycloak answers, else empty."""
        return self._ask("POST", path, body).made

    def put(self, path: str, body: object = None) -> None:
        """Replace the thing at a path."""
        self._ask("PUT", path, body)

    def delete(self, path: str, body: object = None) -> None:
        """Delete the thing at a path; that it is gone already is no error."""
        try:
            self._ask("DELETE", path, body)
        except RequestRefusedError as refusal:
            if not refusal.absent:
                raise

    def installed_themes(self, kind: str) -> frozenset[str]:
        """Names of the themes of one kind (login, account, admin, email) that the server has."""
        if self._themes is None:
            themes = self.get("/serverinfo").get("themes") or {}
            self._themes = {kind: frozenset(theme["name"] for theme in themes[kind]) for kind in themes}
        return self._themes.get(kind, frozenset())

    def _ask(self, method: str, path: str, body: object = None) -> Answer:
        token = self.sign_in()
        response = self._send(method, path, body, token)
        if response.status in _RENEWABLE:
            response = self._send(method, path, body, self.sign_in(stale=token))
        if response.status >= 400:
            said = response.data.decode("utf-8", "replace")
            raise RequestRefusedError(method, "/admin" + path, response.status, _phrase(response), said)
        made = str(response.headers.get("Location") or "").rsplit("/", 1)[-1]
        return Answer(json.loads(response.data) if response.data else None, made)

    def _send(self, method: str, path: str, body: object, token: str) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        payload = None if body is None else json.dumps(body).encode()
        if method != "GET":
            headers["Content-Type"] = "application/json"
        return self._request(method, f"{self._address}/admin{path}", payload, headers)

    def _request(
        self, method: str, url: str, payload: bytes | None, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(method, url, body=payload, headers=headers)
        except urllib3.exceptions.MaxRetryError as error:
            raise ServerAwayError("Keycloak", self._address, _cause(error.reason)) from None
        except urllib3.exceptions.HTTPError as error:
            raise ServerAwayError("Keycloak", self._address, _cause(error)) from None

    def _new_token(self) -> str:
        realm = self._settings.realm
        response = self._request(
            "POST",
            f"{self._address}/realms/{realm}/protocol/openid-connect/token",
            urlencode(self._settings.grant).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        if response.status != 200:
            raise SignInRefusedError(self._address, realm, response.status, _refusal(response))
        return str(json.loads(response.data)["access_token"])


def _trust(settings: Settings) -> ssl.SSLContext:
    if not settings.verify:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    authority = settings.authority
    if authority is None:
        return environments_trust(os.environ)
    try:
        return ssl.create_default_context(cadata=authority)
    except (ssl.SSLError, ValueError) as error:
        raise _unset(f"rootCaCertificate cannot be used ({error})", "give PEM text") from None


def environments_trust(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Trust what a Go program would: the machine's authorities or SSL_CERT_FILE, and every file of SSL_CERT_DIR."""
    context = ssl.create_default_context(cafile=environment.get("SSL_CERT_FILE") or None)
    for folder in environment.get("SSL_CERT_DIR", "").split(os.pathsep):
        for file in sorted(Path(folder).iterdir()) if folder and Path(folder).is_dir() else ():
            with contextlib.suppress(OSError, ssl.SSLError, ValueError):
                context.load_verify_locations(cadata=file.read_text(encoding="ascii"))
    return context


def _unset(problem: str, remedy: str) -> SettingsError:
    return SettingsError("keycloak", problem, remedy)


def _phrase(response: urllib3.BaseHTTPResponse) -> str:
    from http import HTTPStatus

    return response.reason or HTTPStatus(response.status).phrase


def _refusal(response: urllib3.BaseHTTPResponse) -> str:
    try:
        said = json.loads(response.data)
    except ValueError:
        return response.data.decode("utf-8", "replace")[:200] or _phrase(response)
    return str(said.get("error_description") or said.get("error") or said)


def _cause(error: BaseException | None) -> str:
    """The innermost reason, without the layers that urllib3 wraps around it."""
    while error is not None and (inner := error.__cause__ or error.__context__ or _reason(error)) is not None:
        error = inner
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}); name the folder of its CA in SSL_CERT_DIR"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


def _reason(error: BaseException) -> BaseException | None:
    found = getattr(error, "reason", None)
    return found if isinstance(found, BaseException) else None
