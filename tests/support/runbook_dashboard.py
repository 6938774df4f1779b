"""Stands for the API of EMQX's dashboard: logins and roles, for those whom `emqx ctl admins` made."""

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

TOKEN = "token-of-breakglass"


class _Handler(BaseHTTPRequestHandler):
    asked: ClassVar[Path]

    def do_POST(self) -> None:
        """Give a token to who is there."""
        login = self._body()
        if self.path == "/api/v5/login" and self._passwords().get(login["username"]) == login["password"]:
            self._answer(200, {"token": TOKEN, "version": "5.8.9"})
        else:
            self._answer(401, {"code": "BAD_USERNAME_OR_PWD", "message": "Bad username or password"})

    def do_PUT(self) -> None:
        """Change a person's role and description; EMQX wants both."""
        wanted = self._body()
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, {"code": "BAD_TOKEN"})
        elif self.path.startswith("/api/v5/users/") and wanted.keys() == {"role", "description"}:
            self._answer(200, {"username": self.path.split("/")[-1].split("?")[0], **wanted})
        else:
            self._answer(400, {"code": "BAD_REQUEST"})

    def _passwords(self) -> dict[str, str]:
        """Return the users with their passwords, from what was asked of `emqx ctl`."""
        found: dict[str, str] = {}
        for line in self.asked.read_text().splitlines():
            match line.split():
                case ["ctl", "admins", "add", user, password, *_]:
                    found[user] = password
                case ["ctl", "admins", "del", user]:
                    found.pop(user, None)
        return found

    def _body(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def _answer(self, status: int, body: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextlib.contextmanager
def serving(certificate: Path, key: Path, asked: Path) -> Iterator[int]:
    """Answer on loopback; gives the port. `asked` is the file of what `emqx ctl` was asked."""
    handler = type("Handler", (_Handler,), {"asked": asked})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
