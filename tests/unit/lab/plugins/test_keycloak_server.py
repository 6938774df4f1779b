"""The plugin signs in, renews its token, and turns Keycloak's refusals into facts."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from lab.plugins.errors import ServerAwayError, SettingsError
from lab.plugins.keycloak.server import RequestRefusedError, Server, SignInRefusedError, settings_of

SETTINGS = {"clientId": "admin-cli", "username": "admin", "password": "right"}


class StubKeycloak(ThreadingHTTPServer):
    """Answers as Keycloak does, on loopback; a token is good only while it is the last one given."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tokens_given = 0
        self.forms: list[dict[str, list[str]]] = []
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: StubKeycloak

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if not self.path.endswith("/token"):
            self._answer(409, {"errorMessage": "Role with name viewer already exists"})
            return
        form = parse_qs(body)
        if form.get("password") == ["wrong"]:
            self._answer(401, {"error": "invalid_grant", "error_description": "Invalid user credentials"})
            return
        with self.server.lock:
            self.server.forms.append(form)
            self.server.tokens_given += 1
        self._answer(200, {"access_token": f"token-{self.server.tokens_given}"})

    def do_GET(self) -> None:
        if self.headers["Authorization"] != f"Bearer token-{self.server.tokens_given}":
            self._answer(401, {"error": "HTTP 401 Unauthorized"})
        elif self.path.endswith("/gone"):
            self._answer(404, {"error": "Could not find role"})
        else:
            self._answer(200, {"path": self.path})

    def do_DELETE(self) -> None:
        self._answer(404, {"error": "Could not find role"})

    def _answer(self, status: int, body: object) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


@pytest.fixture
def keycloak() -> Iterator[StubKeycloak]:
    stub = StubKeycloak()
    thread = threading.Thread(target=stub.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield stub
    stub.shutdown()
    stub.server_close()


def signed_in(keycloak: StubKeycloak, **settings: str) -> Server:
    return Server(settings_of(SETTINGS | {"url": keycloak.address} | settings, {}))


def test_a_person_signs_in_by_password(keycloak: StubKeycloak) -> None:
    signed_in(keycloak).get("/realms/eagle-ford")
    assert keycloak.forms[0]["grant_type"] == ["password"]
    assert keycloak.forms[0]["username"] == ["admin"]


def test_a_client_signs_in_by_its_secret(keycloak: StubKeycloak) -> None:
    settings = settings_of(
        {"url": keycloak.address}, {"KEYCLOAK_CLIENT_ID": "kit", "KEYCLOAK_CLIENT_SECRET": "s"}
    )
    Server(settings).get("/realms/eagle-ford")
    assert keycloak.forms == [
        {"grant_type": ["client_credentials"], "client_id": ["kit"], "client_secret": ["s"]}
    ]


def test_a_stale_token_is_renewed_once_and_the_request_repeated(keycloak: StubKeycloak) -> None:
    server = signed_in(keycloak)
    server.get("/realms/eagle-ford")
    keycloak.tokens_given += 1
    assert server.get("/realms/eagle-ford") == {"path": "/admin/realms/eagle-ford"}
    assert len(keycloak.forms) == 2


def test_a_refusal_carries_the_request_and_keycloaks_own_words(keycloak: StubKeycloak) -> None:
    with pytest.raises(RequestRefusedError) as refusal:
        signed_in(keycloak).post("/realms/eagle-ford/roles", {"name": "viewer"})
    assert refusal.value.status == 409
    assert str(refusal.value) == (
        "error sending POST request to /admin/realms/eagle-ford/roles: 409 Conflict. "
        'Response body: {"errorMessage": "Role with name viewer already exists"}'
    )


def test_what_does_not_exist_is_told_apart_from_other_refusals(keycloak: StubKeycloak) -> None:
    with pytest.raises(RequestRefusedError) as refusal:
        signed_in(keycloak).get("/realms/gone")
    assert refusal.value.absent


def test_deleting_what_is_gone_is_fine(keycloak: StubKeycloak) -> None:
    signed_in(keycloak).delete("/realms/gone")


def test_refused_credentials_are_named_without_being_shown(keycloak: StubKeycloak) -> None:
    with pytest.raises(SignInRefusedError) as refusal:
        signed_in(keycloak, password="wrong").get("/realms/eagle-ford")
    assert "Invalid user credentials" in str(refusal.value)
    assert "wrong" not in str(refusal.value)


def test_a_server_that_is_away_is_named_with_its_address() -> None:
    stub = StubKeycloak()
    address = stub.address
    stub.server_close()
    with pytest.raises(ServerAwayError) as away:
        Server(settings_of(SETTINGS | {"url": address}, {})).get("/realms/eagle-ford")
    assert away.value.address == address
    assert "refused" in away.value.reason


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("KEYCLOAK_URL", "KEYCLOAK_URL"),
        ("KEYCLOAK_CLIENT_ID", "KEYCLOAK_CLIENT_ID"),
        ("KEYCLOAK_USER", "KEYCLOAK_USER"),
    ],
)
def test_a_missing_setting_is_named_with_its_variable(missing: str, named: str) -> None:
    environment = {
        "KEYCLOAK_URL": "https://127.0.0.1:1",
        "KEYCLOAK_CLIENT_ID": "admin-cli",
        "KEYCLOAK_USER": "admin",
        "KEYCLOAK_PASSWORD": "right",
    }
    del environment[missing]
    with pytest.raises(SettingsError, match=named):
        settings_of({}, environment)


def test_settings_do_not_show_their_secrets() -> None:
    settings = settings_of(SETTINGS | {"url": "https://127.0.0.1:1", "clientSecret": "hidden"}, {})
    assert "right" not in repr(settings)
    assert "hidden" not in repr(settings)


def test_an_authority_that_is_no_pem_is_refused_with_a_remedy(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.crt")
    with pytest.raises(SettingsError, match="give PEM text"):
        Server(settings_of(SETTINGS | {"url": "https://127.0.0.1:1", "rootCaCertificate": absent}, {}))
