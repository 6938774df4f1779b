"""A lab's ports are chosen once, kept, never another lab's, and moved only when somebody else holds them."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import ports as ports_module
from lab.errors import NoFreePortError, explanation
from lab.ports import HOST, Ports, holder_of, is_free


@pytest.fixture
def ports(tmp_path: Path) -> Ports:
    ports = Ports(tmp_path)
    ports.assign(["vault", "opa"])
    return ports


@pytest.fixture
def intruder(ports: Ports) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind((HOST, ports["vault"]))
        listener.listen()
        yield listener


def test_a_port_is_free_when_it_is_chosen(ports: Ports) -> None:
    assert is_free(ports["vault"])


def test_names_get_different_ports(ports: Ports) -> None:
    assert ports["vault"] != ports["opa"]


def test_a_port_is_kept_from_run_to_run(ports: Ports, tmp_path: Path) -> None:
    again = Ports(tmp_path)
    again.assign(["opa", "vault", "keycloak"])
    assert (again["vault"], again["opa"]) == (ports["vault"], ports["opa"])


def test_a_lab_avoids_the_ports_of_its_siblings(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    first = Ports(one)
    first.assign(str(number) for number in range(500))
    second = Ports(other, [one])
    second.assign(str(number) for number in range(500))
    assert not {first[str(n)] for n in range(500)} & {second[str(n)] for n in range(500)}


def test_the_only_port_that_is_free_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports_module, "is_free", lambda port: port == 20123)
    ports = Ports(tmp_path)
    ports.assign(["vault"])
    assert ports["vault"] == 20123


def test_where_no_port_is_free_it_is_said_which_were_tried(
    ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports_module, "is_free", lambda _port: False)
    with pytest.raises(NoFreePortError) as error:
        ports.assign(["keycloak"])
    assert "no port from 20000 to 31999 of 127.0.0.1 is free" in explanation(error.value)


def test_a_free_port_does_not_move(ports: Ports) -> None:
    assert ports.move_if_taken(["vault", "opa"]) == []


@pytest.mark.usefixtures("intruder")
def test_a_taken_port_moves_and_is_kept_where_it_moved(ports: Ports, tmp_path: Path) -> None:
    old = ports["vault"]
    (move,) = ports.move_if_taken(["vault", "opa"])
    assert (move.name, move.old, move.new) == ("vault", old, ports["vault"])
    assert Ports(tmp_path)["vault"] == move.new != old


@pytest.mark.usefixtures("intruder")
def test_it_says_who_holds_a_port(ports: Ports) -> None:
    assert "pid" in (holder_of(ports["vault"]) or "")
