"""The broker that is replaced: its own authority, names and passwords, and no policy server."""

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from components.emqx_incumbent import user
from lab.certificates import Authority
from lab.mqtt import Door, running
from lab.progress import Silent
from lab.tools import ensure
from model import Site
from tests.support.mqtt import Session, session

CLIENT = "old-client"
"""The name of its own devices and consumers."""


@dataclass(frozen=True)
class Incumbent:
    """The broker that is replaced, in service."""

    address: str
    port: int
    """For names and passwords."""
    certified_port: int
    """For who has a certificate of its authority besides."""
    authority: Authority
    passwords: Mapping[str, Path]
    """The file with each user's password."""

    def client(self, client_id: str, *, password: str | None = None) -> AbstractContextManager[Session]:
        """A session of one of its own devices or consumers."""
        login = (CLIENT, password or self.passwords[CLIENT].read_text())
        return session(self.port, self.address, self.authority.certificate, client_id, login=login)


@contextlib.contextmanager
def in_service(site: Site, folder: Path) -> Iterator[Incumbent]:
    """Give the broker that a site replaces; it is stopped at the end, whatever happens."""
    authority = Authority(folder / "tls", "The licensed broker")
    authority.ensure()
    pair = authority.server("incumbent", [site.incumbent.address])
    passwords = {name: folder / f"{name}.password" for name in (CLIENT, user(site))}
    for file in passwords.values():
        file.write_text(secrets.token_urlsafe())
    doors = {"mqtts": Door(pair), "certified": Door(pair, authority.certificate)}
    users = {"Users": {name: str(file) for name, file in passwords.items()}}
    with running(ensure({"mqtt"}, Silent())["mqtt"] / "mqtt", folder, doors, users) as ports:
        yield Incumbent(site.incumbent.address, ports["mqtts"], ports["certified"], authority, passwords)
