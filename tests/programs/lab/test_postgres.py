"""PostgreSQL runs whoever starts it, root too, takes passwords over TLS alone, and is gone afterwards."""

import os
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pg8000.dbapi
import psutil
import pytest

from lab import postgres
from lab.certificates import Authority
from lab.child import Child
from lab.files import secret
from lab.ports import HOST, free_ports
from tests.support.tools import tool


@pytest.fixture(scope="module")
def port() -> int:
    return free_ports(["store"])["store"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def server(folder: Path, port: int) -> Iterator[Child]:
    authority = Authority(folder / "pki", "Authority of the store")
    authority.ensure()
    secret(folder / "owner")
    pair = authority.server("store", ["tsdb.field.example"])
    with postgres.server(tool("postgres"), folder, port, pair, folder / "owner") as running:
        yield running


def answer(folder: Path, port: int, password: str) -> int:
    trust = ssl.create_default_context(cafile=str(folder / "pki" / "ca.crt"))
    with closing(
        pg8000.dbapi.connect(
            postgres.OWNER, host=HOST, port=port, database="postgres", password=password, ssl_context=trust
        )
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 42")
        found: int = cursor.fetchone()[0]
        return found


def test_it_answers_its_owner(server: Child, folder: Path, port: int) -> None:
    assert server.pid
    assert answer(folder, port, secret(folder / "owner")) == 42


def test_it_is_never_root(server: Child) -> None:
    process = psutil.Process(server.pid)
    assert {process.uids().effective, *(child.uids().effective for child in process.children())} == {
        os.geteuid() or postgres.NOBODY
    }


def test_a_wrong_password_does_not_come_in(server: Child, folder: Path, port: int) -> None:
    assert server.pid
    with pytest.raises(pg8000.dbapi.DatabaseError, match="28P01"):
        answer(folder, port, "wrong")


def test_without_tls_nobody_comes_in(server: Child, port: int) -> None:
    assert server.pid
    with pytest.raises(pg8000.dbapi.DatabaseError, match="no encryption"):
        pg8000.dbapi.connect(postgres.OWNER, host=HOST, port=port, password="any", ssl_context=False)


def test_no_secret_is_on_its_command_line(server: Child, folder: Path) -> None:
    assert secret(folder / "owner") not in " ".join(psutil.Process(server.pid).cmdline())
