"""A connection that is kept: made again after it ended, later and later, and anew for a new identity."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from images.worker.bridge.connection import FIRST_PAUSE, Connection, Ending, Greeting, State
from images.worker.bridge.line import Line
from images.worker.bridge.packets import Answer, Publish
from images.worker.bridge.settings import End
from lab.waiting import wait_until
from tests.support.bridge_simulation import settings

LET_IN, REFUSED = b"\x20\x03\x00\x00\x00", b"\x20\x03\x00\x86\x00"


class FakeBroker:
    """Answers each CONNECT with the same packet, on loopback, and keeps what it was sent."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.connects = answer, list[bytes]()
        self.connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connects.append(connection.recv(4096))
            self.connections.append(connection)
            connection.sendall(self.answer)

    def end(self) -> None:
        """Take no more."""
        self._listener.close()
        for connection in self.connections:
            connection.close()


class Owner:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.ups: list[Greeting] = []
        self.downs: list[Ending] = []

    def up(self, line: Line, greeting: Greeting) -> None:
        del line
        self.ups.append(greeting)

    def down(self, ending: Ending) -> None:
        self.downs.append(ending)

    def subscribed(self, number: int, reasons: list[int]) -> None:
        raise AssertionError((number, reasons))

    def published(self, message: Publish) -> None:
        raise AssertionError(message)

    def answered(self, kind: int, answer: Answer) -> None:
        raise AssertionError((kind, answer))


class Kept:
    """A connection whose time is set by the test."""

    def __init__(self, port: int, **more: Any) -> None:
        self.now, self.owner = 100.0, Owner()
        end = {"host": "127.0.0.1", "port": port, "client_id": "bridge", **more}
        self.end: End = settings(incumbent=end).source
        self.connection = Connection(
            self.end, self.owner, clean=False, window=9, wake=lambda: None, clock=lambda: self.now
        )

    def turn(self, in_flight: int = 0) -> None:
        """One turn of the loop."""
        self.connection.tick(self.now, in_flight=in_flight)
        self.connection.read(self.now)
        self.connection.write(self.now)

    def until(self, state: State, in_flight: int = 0) -> None:
        """Turn until a state is reached; the clock stands still."""

        def reached() -> bool:
            self.turn(in_flight)
            return self.connection.state is state

        wait_until(reached, 10, state.value)


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    """A broker that lets the bridge in."""
    made = FakeBroker(LET_IN)
    yield made
    made.end()


def test_it_is_made_and_made_again_when_the_broker_ends_it(broker: FakeBroker) -> None:
    kept = Kept(broker.port)
    kept.until(State.UP)
    assert kept.owner.ups == [Greeting(session_present=False)]
    broker.connections[0].sendall(b"\xe0\x02\x8b\x00")  # DISCONNECT: server shutting down
    kept.until(State.AWAY)
    assert [ending.code for ending in kept.owner.downs] == [0x8B]
    kept.now += 10
    kept.until(State.UP)
    assert len(kept.owner.ups) == 2


def test_a_broker_that_refuses_is_asked_later_and_later_and_its_word_is_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    broker = FakeBroker(REFUSED)
    kept, pauses = Kept(broker.port), []
    for _ in range(5):
        ended = kept.now
        while kept.connection.state is State.AWAY:
            kept.now += FIRST_PAUSE / 4
            kept.connection.tick(kept.now)
        pauses.append(kept.now - ended)
        kept.until(State.AWAY)
    broker.end()
    assert pauses == sorted(pauses)
    assert pauses[-1] > 4 * pauses[1]
    assert kept.owner.ups == []
    assert kept.owner.downs == []
    assert "not let in: Bad user name or password" in capsys.readouterr().err


def test_a_broker_that_says_nothing_is_given_up(broker: FakeBroker) -> None:
    broker.answer = b""
    kept = Kept(broker.port)
    kept.until(State.GREETING)
    kept.now += 16
    kept.until(State.AWAY)


def test_a_new_password_is_shown_as_soon_as_nothing_is_in_flight(broker: FakeBroker, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old\n")
    kept = Kept(broker.port, user="bridge", password_file=str(file))
    kept.until(State.UP)
    file.write_text("new\n")
    kept.now += 6
    kept.turn(in_flight=1)
    assert kept.connection.renews
    kept.turn(in_flight=1)
    assert kept.connection.is_up
    kept.until(State.AWAY)
    kept.until(State.UP)
    assert [b"old" in connect for connect in broker.connects] == [True, False]
    assert broker.connects[1].endswith(b"\x00\x03new")


def test_an_identity_that_cannot_be_used_is_not_shown(broker: FakeBroker, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old")
    kept = Kept(broker.port, user="bridge", password_file=str(file))
    kept.until(State.UP)
    file.unlink()
    kept.now += 6
    kept.turn()
    assert kept.connection.is_up
    assert not kept.connection.renews
