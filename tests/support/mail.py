"""A mail server of the tests: it takes mail over TLS alone, from whoever signs in, and keeps what it took."""

import base64
import email
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import cast

from lab.certificates import KeyPair
from lab.waiting import wait_until

_PATIENCE = 20.0


@dataclass
class MailServer:
    """Where it listens, who may send, and what came; `commands` are those that came before TLS began."""

    port: int
    login: tuple[str, str]
    messages: list[EmailMessage] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def next(self) -> EmailMessage:
        """Return the first message that nobody took yet, waiting for it."""
        wait_until(lambda: bool(self.messages), _PATIENCE, "a message at the mail server")
        return self.messages.pop(0)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    kept: MailServer
    trust: ssl.SSLContext


class _Conversation(socketserver.StreamRequestHandler):
    """One client's commands (RFC 5321, STARTTLS, AUTH PLAIN and LOGIN)."""

    timeout = _PATIENCE

    def handle(self) -> None:
        self.secure = self.known = False
        self._say("220 mail.test ESMTP")
        while command := self.rfile.readline().decode("utf-8", "replace").strip():
            if not self.secure:
                self._kept.commands.append(command.split()[0].upper())
            if not self._answer(command):
                return

    def _answer(self, command: str) -> bool:
        verb = command.split()[0].upper()
        if verb == "EHLO":
            offers = ["250-AUTH PLAIN LOGIN"] if self.secure else ["250-STARTTLS"]
            self._say("\r\n".join(["250-mail.test", *offers, "250 8BITMIME"]))
        elif verb == "STARTTLS":
            self._say("220 go on")
            self.request = cast(_Server, self.server).trust.wrap_socket(self.request, server_side=True)
            self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
            self.secure = True
        elif verb == "AUTH":
            self._sign_in(command.split()[1:])
        elif verb in ("MAIL", "RCPT") and not (self.secure and self.known):
            self._refuse("530 sign in over TLS first")
        elif verb == "DATA":
            self._take()
        elif verb == "QUIT":
            self._say("221 bye")
            return False
        else:
            self._say("250 ok")
        return True

    def _sign_in(self, words: list[str]) -> None:
        if words[0].upper() == "PLAIN":
            answer = words[1] if len(words) > 1 else self._ask("")
            _, user, password = base64.b64decode(answer).decode().split("\0")
        else:
            first = words[1] if len(words) > 1 else self._ask("VXNlcm5hbWU6")
            user = base64.b64decode(first).decode()
            password = base64.b64decode(self._ask("UGFzc3dvcmQ6")).decode()
        self.known = (user, password) == self._kept.login
        if self.known:
            self._say("235 welcome")
        else:
            self._refuse("535 wrong name or password")

    def _take(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self._kept.messages.append(email.message_from_bytes(b"".join(lines), policy=default))
        self._say("250 taken")

    def _ask(self, what: str) -> str:
        self._say(f"334 {what}")
        return self.rfile.readline().decode().strip()

    def _refuse(self, words: str) -> None:
        self._kept.refused.append(words)
        self._say(words)

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

    @property
    def _kept(self) -> MailServer:
        return cast(_Server, self.server).kept


@contextmanager
def mail_server(pair: KeyPair, login: tuple[str, str]) -> Iterator[MailServer]:
    """Run a mail server on loopback that takes mail from `login` (user name, password)."""
    with _Server(("127.0.0.1", 0), _Conversation) as server:
        server.trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.trust.load_cert_chain(pair.certificate, pair.key)
        server.kept = MailServer(server.server_address[1], login)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.kept
        finally:
            server.shutdown()
            thread.join()
