"""Plain clients of the lab's servers, with which tests read back what was made."""

import base64
import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3
from confluent_kafka.admin import AdminClient

from lab.estate import Estate
from model import Site
from tests.support.browser import Browser, Login, Person
from tests.support.shell import Shell


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: urllib3.HTTPHeaderDict
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


class Client:
    """HTTPS to one server of the lab, whose certificate is checked; cookies are kept."""

    def __init__(self, address: str, authority: str, headers: dict[str, str] | None = None) -> None:
        self.address = address.rstrip("/")
        self._headers = headers or {}
        self._cookies: dict[str, str] = {}
        self._pool = urllib3.PoolManager(ca_certs=authority, retries=False, timeout=20)

    def ask(self, method: str, path: str, body: object = None, form: dict[str, str] | None = None) -> Reply:
        """Send a request with a JSON body or a form."""
        headers = dict(self._headers)
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        data: bytes | None = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            data = urlencode(form).encode()
        elif body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        url = path if path.startswith("https://") else self.address + path
        answer = self._pool.request(method, url, body=data, headers=headers, redirect=False)
        for cookie in answer.headers.getlist("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return Reply(answer.status, answer.headers, answer.data.decode())

    def get(self, path: str) -> Any:
        """Return the JSON at `path`; anything but 200 fails the test."""
        reply = self.ask("GET", path)
        assert reply.status == 200, f"{path}: {reply.status} {reply.text}"
        return reply.json


def vault(shell: Shell, token: str | None = None) -> Client:
    """Return a client of Vault, by default its administrator's."""
    headers = {"X-Vault-Token": token or shell.administration["VAULT_TOKEN"]}
    return Client(shell.environment["VAULT_ADDR"] + "/v1", str(shell.authority), headers)


def vault_root(shell: Shell, estate: Estate) -> Client:
    """Return a client of Vault that may do everything."""
    return vault(shell, estate.administration()["VAULT_TOKEN"])


def prometheus(shell: Shell) -> Client:
    """Return a client of Prometheus' API that may do everything."""
    environment = shell.environment
    headers = urllib3.make_headers(
        basic_auth=f"{environment['PROMETHEUS_USER']}:{environment['PROMETHEUS_PASSWORD']}"
    )
    return Client(environment["PROMETHEUS_URL"] + "/api/v1", str(shell.authority), headers)


def keycloak(shell: Shell, part: str = "realms") -> Client:
    """Return a client of a part of Keycloak's administration interface, signed in."""
    environment = {**shell.environment, **shell.administration}
    plain = Client(environment["KEYCLOAK_URL"], str(shell.authority))
    reply = plain.ask(
        "POST",
        f"/realms/{environment['KEYCLOAK_REALM']}/protocol/openid-connect/token",
        form={
            "grant_type": "password",
            "client_id": environment["KEYCLOAK_CLIENT_ID"],
            "username": environment["KEYCLOAK_USER"],
            "password": environment["KEYCLOAK_PASSWORD"],
        },
    )
    assert reply.status == 200, reply.text
    bearer = {"Authorization": f"Bearer {reply.json['access_token']}"}
    return Client(environment["KEYCLOAK_URL"] + f"/admin/{part}", str(shell.authority), bearer)


def kafka(shell: Shell, user: str, password: str, **settings: str) -> dict[str, str | int | float | bool]:
    """Return the settings of a Kafka client that signs in as `user`."""
    return {
        "bootstrap.servers": shell.environment["KAFKA_BOOTSTRAP"],
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": password,
        "ssl.ca.location": str(shell.authority),
        "log_level": "0",
        **settings,
    }


def kafka_password(shell: Shell, user: str, namespace: str = "kafka") -> str:
    """Return the password that Strimzi keeps in the user's Secret."""
    secret = shell.get("secret", user, namespace)
    return base64.b64decode(secret["data"]["password"]).decode()


def kafka_admin(shell: Shell, user: str, password: str) -> AdminClient:
    """Return an administration client."""
    return AdminClient(kafka(shell, user, password))


def sign_in(
    shell: Shell, realm: str, client_id: str, client_secret: str, redirect: str, user: str, password: str
) -> dict[str, Any]:
    """Sign in by the browser's way (code flow with PKCE) and return what the token endpoint gives.

    Whoever needs a second factor enrols one on the way.
    """
    return sign_in_as(shell, realm, client_id, client_secret, redirect, Person(user, password))


def sign_in_as(
    shell: Shell, realm: str, client_id: str, client_secret: str | None, redirect: str, person: Person
) -> dict[str, Any]:
    """Sign a person in at a client, which has no secret where it is a public one."""
    login = Login(endpoint(shell, realm), client_id, redirect)
    page, _ = Browser(str(shell.authority)).sign_in(login.address, person, redirect)
    reply = Client(login.endpoint, str(shell.authority)).ask(
        "POST", "/token", form=login.form(page.location or "", client_secret)
    )
    assert reply.status == 200, reply.text
    tokens: dict[str, Any] = reply.json
    return tokens


def endpoint(shell: Shell, realm: str) -> str:
    """Return the address of a realm's OpenID Connect endpoints."""
    return f"{shell.environment['KEYCLOAK_URL']}/realms/{realm}/protocol/openid-connect"


PASSWORD = "Correct-horse-battery-9"


@contextlib.contextmanager
def signed_in(shell: Shell, site: Site, name: str, group: str = "site-engineers") -> Iterator[str]:
    """Give the access token of a new person of a group, who is removed at the end."""
    admin = keycloak(shell)
    client = admin.get(f"/{site.name}/clients?clientId={site.identity.dashboard.client_id}")[0]
    secret = admin.get(f"/{site.name}/clients/{client['id']}/client-secret")["value"]
    known = {found["name"] for found in admin.get(f"/{site.name}/groups")}
    assert group in known, known
    person = {
        "username": name,
        "enabled": True,
        # A name may hold what no address of mail takes.
        "email": f"{re.sub('[^a-z0-9]', '-', name)}@field.example",
        "emailVerified": True,
        "firstName": "Site",
        "lastName": "Engineer",
        "groups": [f"/{group}"],
        "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
    }
    made = admin.ask("POST", f"/{site.name}/users", person)
    assert made.status == 201, made.text
    try:
        tokens = sign_in(
            shell,
            site.name,
            site.identity.dashboard.client_id,
            secret,
            client["redirectUris"][0],
            name,
            PASSWORD,
        )
        yield tokens["access_token"]
    finally:
        user = made.headers["Location"].rsplit("/", maxsplit=1)[-1]
        assert admin.ask("DELETE", f"/{site.name}/users/{user}").status == 204


def claims(token: str) -> dict[str, Any]:
    """Return a token's claims, unchecked."""
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found
